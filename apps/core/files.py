"""Serves the local object store by signed, expiring tokens; always as a download, never as a page of ours.

Media that a page shows or plays keep their type (one of a few that no browser runs); players ask for them in parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO
from uuid import UUID

from django.core import signing
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from apps.core import storage
from apps.core.errors import NotFound, NotPermitted
from apps.core.streaming import Download, file_chunks
from apps.core.vault import open_object

MAX_AGE_S = 7 * 24 * 3600
_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")


@require_safe
def download(request: HttpRequest) -> HttpResponseBase:
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
        if "tenant" in claim:
            return _sealed(UUID(claim["tenant"]), claim["key"], claim["filename"])
        content = storage.get_storage().open(claim["key"])
    except FileNotFoundError:
        raise NotFound("file_not_found", "The file is no longer stored.") from None
    is_shown = claim.get("type") in storage.SHOWN_TYPES
    name = claim["filename"] or PurePosixPath(claim["key"]).name
    response: HttpResponseBase | None = _part(content, request.headers.get("Range", "")) if is_shown else None
    if response is None:
        response = FileResponse(content, as_attachment=True, filename=name)
    response["Content-Type"] = claim["type"] if is_shown else storage.DOWNLOAD_TYPE
    response["Content-Disposition"] = response.headers.get("Content-Disposition", "attachment")
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = f"private, max-age={claim['expires_s']}" if is_shown else "private, no-store"
    if is_shown:
        response["Accept-Ranges"] = "bytes"
        response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _sealed(tenant_id: UUID, key: str, filename: str) -> HttpResponseBase:
    """An object of the vault, opened while it is sent."""
    content = open_object(tenant_id, key)
    response = Download(
        file_chunks(content), filename="download", content_type=storage.DOWNLOAD_TYPE, size=content.size
    )
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=filename) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def _part(content: BinaryIO, wanted: str) -> HttpResponseBase | None:
    """The asked-for range of a file (206), or 416 where there is none; None where no single range was asked for."""
    match = _RANGE.match(wanted)
    if match is None or match.groups() == ("", ""):
        return None
    size = content.seek(0, 2)
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size - 1, int(last)) if first and last else size - 1
    if start > end:
        content.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    content.seek(start)
    response = StreamingHttpResponse(_pieces(content, end - start + 1), status=206)
    response["Content-Range"] = f"bytes {start}-{end}/{size}"
    response["Content-Length"] = str(end - start + 1)
    return response


def _pieces(content: BinaryIO, left: int) -> Iterator[bytes]:
    with content:
        while left > 0 and (piece := content.read(min(left, storage.CHUNK))):
            left -= len(piece)
            yield piece
