"""`Idempotency-Key` on unsafe API calls: the first answer is kept for a day and replayed to repeats.

Stripe's semantics; the header is IETF draft-ietf-httpapi-idempotency-key-header. A view whose repeats have no second
effect by themselves says so with `repeatable = True`: its calls need no key, and a process that is killed between the
effect and the record of the answer leaves no key behind that is "still running".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Func, IntegerField, Value
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from apps.core import clock
from apps.core.errors import Conflict, InvalidInput, NotFound
from apps.core.models import IdempotencyRecord
from apps.core.problems import problem_response

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
PREFIXES = ("/api/", "/v1/")
SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
MAX_KEY = 255
#: A call that is still unanswered after this long was killed with its process; its key is free again.
ABANDONED_AFTER = timedelta(minutes=5)


class IdempotencyMiddleware:
    """Runs inside the actor's tenant scope; keys are per organisation and user."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.headers.get(HEADER)
        actor = getattr(request, "actor", None)
        if key is None or actor is None or request.method in SAFE or not request.path.startswith(PREFIXES):
            return self.get_response(request)
        if not 1 <= len(key) <= MAX_KEY:
            return problem_response(
                InvalidInput("idempotency_key_length", f"{HEADER} takes 1 to {MAX_KEY} characters.")
            )
        if _is_repeatable(request):
            return self.get_response(request)
        request_hash = _hash_of(request)
        try:
            record, replay = _begin(actor.user_id, key, request_hash)
        except (Conflict, InvalidInput) as error:
            return problem_response(error)
        if replay is not None:
            return replay
        try:
            response = self.get_response(request)
        except BaseException:
            record.delete()
            raise
        _finish(record, response)
        return response


def _is_repeatable(request: HttpRequest) -> bool:
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return False
    return bool(getattr(getattr(view, "cls", None), "repeatable", False))


def _hash_of(request: HttpRequest) -> str:
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if request.content_type in ("multipart/form-data", "application/x-www-form-urlencoded"):
        for name, values in sorted(request.POST.lists()):
            digest.update(repr((name, values)).encode())
        for name, uploads in sorted(request.FILES.lists()):
            digest.update(name.encode())
            for upload in uploads:
                for chunk in upload.chunks():
                    digest.update(chunk)
                upload.seek(0)
    else:
        digest.update(request.body)
    return digest.hexdigest()


def _begin(user_id: Any, key: str, request_hash: str) -> tuple[IdempotencyRecord, HttpResponse | None]:
    """Reserve the key, or find the answer to replay."""
    try:
        with transaction.atomic():
            record = IdempotencyRecord.objects.create(
                user_id=user_id, key=key, request_hash=request_hash, created_at=clock.now()
            )
    except IntegrityError:
        with transaction.atomic():
            record = IdempotencyRecord.objects.select_for_update().get(user_id=user_id, key=key)
            if record.request_hash != request_hash:
                raise Conflict(
                    "idempotency_key_reuse", "This Idempotency-Key was used with another request. Use a new key."
                ) from None
            if record.status is not None:
                return record, _replay(record)
            if record.created_at > clock.now() - ABANDONED_AFTER:
                raise Conflict(
                    "idempotency_in_progress", "The first call with this Idempotency-Key is still running. Try again."
                ) from None
            record.created_at = clock.now()
            record.save(update_fields=["created_at"])
    return record, None


def _replay(record: IdempotencyRecord) -> HttpResponse:
    response = HttpResponse(bytes(record.body), status=record.status, content_type=record.content_type)
    response[REPLAYED] = "true"
    return response


def _finish(record: IdempotencyRecord, response: HttpResponse) -> None:
    """Keep the answer; a stream or a failure of ours is not kept, so that a retry may succeed."""
    if response.streaming or response.status_code >= 500:
        record.delete()
        return
    if hasattr(response, "render") and not getattr(response, "is_rendered", True):
        response.render()
    record.status = response.status_code
    record.content_type = response.get("Content-Type", "")
    record.body = response.content
    record.save(update_fields=["status", "content_type", "body"])


def forget_answers_with(text: str, *, since: UUID) -> None:
    """Take back remembered answers, of any organisation in the scope, that hold this text; repeats are told so.

    Args:
        since: an id; none made before it is looked at.
    """
    there = Func(Value(text.encode()), F("body"), function="position", arg_joiner=" IN ", output_field=IntegerField())
    gone = problem_response(
        NotFound("answer_taken_back", "This answer was taken back: what it was made from was deleted.")
    )
    IdempotencyRecord.objects.filter(id__gt=since).alias(place=there).filter(place__gt=0).update(
        status=gone.status_code, content_type=gone["Content-Type"], body=gone.content
    )
