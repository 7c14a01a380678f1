"""Serves the local object store by signed, expiring tokens; always as a download, never inline."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.core import signing
from django.http import FileResponse, HttpRequest
from django.views.decorators.http import require_safe

from apps.core import storage
from apps.core.errors import NotFound, NotPermitted

MAX_AGE_S = 7 * 24 * 3600


@require_safe
def download(request: HttpRequest) -> FileResponse:
    """GET /storage/?token=…"""
    token = request.GET.get("token", "")
    try:
        claim = signing.loads(token, salt=storage.SIGNING_SALT, max_age=MAX_AGE_S)
        signing.loads(token, salt=storage.SIGNING_SALT, max_age=claim["expires_s"])
    except signing.SignatureExpired:
        raise NotPermitted("link_expired", "This download link has expired. Ask for a new one.") from None
    except signing.BadSignature:
        raise NotPermitted("link_invalid", "This download link was altered or is not ours.") from None
    try:
        content = storage.get_storage().open(claim["key"])
    except FileNotFoundError:
        raise NotFound("file_not_found", "The file is no longer stored.") from None
    response = FileResponse(content, as_attachment=True, filename=claim["filename"] or PurePosixPath(claim["key"]).name)
    response["Content-Type"] = "application/octet-stream"
    response["Cache-Control"] = "private, no-store"
    return response
