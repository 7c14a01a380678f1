"""Domain errors as HTTP, the one place that knows statuses: RFC 9457 problem details for the API, a page for people."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from rest_framework import exceptions, status
from rest_framework.response import Response

from apps.core import errors

logger = logging.getLogger(__name__)

STATUS: dict[type[errors.DomainError], int] = {
    errors.InvalidInput: status.HTTP_422_UNPROCESSABLE_ENTITY,
    errors.NotPermitted: status.HTTP_403_FORBIDDEN,
    errors.NotFound: status.HTTP_404_NOT_FOUND,
    errors.Conflict: status.HTTP_409_CONFLICT,
    errors.PaymentRequired: status.HTTP_402_PAYMENT_REQUIRED,
    errors.RateLimited: status.HTTP_429_TOO_MANY_REQUESTS,
    errors.DependencyFailed: status.HTTP_503_SERVICE_UNAVAILABLE,
}

TITLES = {
    400: "The request is not well-formed",
    401: "Please sign in",
    402: "Payment or a licence is needed",
    403: "You may not do this",
    404: "Not found",
    405: "This method is not allowed here",
    409: "This conflicts with the current state",
    413: "The upload is too large",
    415: "This media type is not supported",
    422: "The input is not valid",
    429: "Too many requests",
    500: "Something went wrong on our side",
    503: "A part of the platform is not answering",
}

API_PREFIXES = ("/api/", "/v1/", "/webhooks/")
CONTENT_TYPE = "application/problem+json"
OPENAI_PREFIX = "/v1/"
OPENAI_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
#: Our codes that OpenAI's clients know by another name.
OPENAI_CODES = {
    "credentials_invalid": "invalid_api_key",
    "not_authenticated": "invalid_api_key",
    "key_quota_exceeded": "rate_limit_exceeded",
    "key_spend_cap": "insufficient_quota",
}


def status_of(error: errors.DomainError) -> int:
    """The HTTP status of a domain error, by its class."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def problem(http_status: int, code: str, detail: str, **context: Any) -> dict[str, Any]:
    """A problem details object."""
    return {
        "type": f"urn:sahara:problem:{code}",
        "title": TITLES.get(http_status, "Error"),
        "status": http_status,
        "code": code,
        "detail": detail,
        **context,
    }


def problem_of(error: errors.DomainError) -> dict[str, Any]:
    """The problem details of a domain error."""
    return problem(status_of(error), error.code, error.message, **error.context)


def problem_response(error: errors.DomainError, request: HttpRequest | None = None) -> JsonResponse:
    """A complete API answer for a domain error."""
    body = problem_of(error)
    if request is not None:
        body = for_caller(body, request)
    response = JsonResponse(body, status=status_of(error), content_type=CONTENT_TYPE)
    if error.retryable:
        response["Retry-After"] = retry_after(error)
    return response


def retry_after(error: errors.DomainError) -> str:
    """Seconds until it is worth trying again."""
    return str(error.context.get("retry_after_s", 2))


def for_caller(body: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    """The problem as the caller's protocol has it: under `/v1/` with OpenAI's `error` object beside it."""
    return body | {"error": openai_error(body)} if request.path.startswith(OPENAI_PREFIX) else body


def openai_error(body: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's error object for a problem: its clients read `message`, `type`, `param` and `code`."""
    http_status = int(body["status"])
    kind = OPENAI_TYPES.get(http_status, "invalid_request_error" if http_status < 500 else "server_error")
    fields = [problem_.get("field") for problem_ in body.get("errors", [])]
    facts = {key: value for key, value in body.items() if key not in ("type", "title", "status", "detail", "errors")}
    return facts | {
        "message": body.get("detail"),
        "type": kind,
        "code": OPENAI_CODES.get(body["code"], body["code"]),
        "param": fields[0] if fields else None,
    }


def is_api(request: HttpRequest) -> bool:
    """Whether the caller is a program."""
    return request.path.startswith(API_PREFIXES)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every API error is a problem document."""
    if isinstance(error, errors.DomainError):
        response = Response(problem_of(error), status=status_of(error), content_type=CONTENT_TYPE)
        if error.retryable:
            response["Retry-After"] = retry_after(error)
        return response
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    code = error.get_codes() if isinstance(error.get_codes(), str) else "invalid_input"
    http_status = error.status_code
    extra: dict[str, Any] = {}
    detail = str(error.detail) if not isinstance(error.detail, (dict, list)) else "Some fields are not valid."
    if isinstance(error, exceptions.ValidationError):
        http_status = status.HTTP_422_UNPROCESSABLE_ENTITY
        extra["errors"] = list(_field_problems(error.detail))
    response = Response(problem(http_status, str(code), detail, **extra), status=http_status, content_type=CONTENT_TYPE)
    for header in ("WWW-Authenticate", "Retry-After"):
        value = getattr(error, {"WWW-Authenticate": "auth_header", "Retry-After": "wait"}[header], None)
        if value:
            response[header] = str(value)
    return response


def _field_problems(detail: Any, path: str = "") -> list[dict[str, str]]:
    if isinstance(detail, dict):
        return [
            problem_
            for name, inner in detail.items()
            for problem_ in _field_problems(inner, f"{path}.{name}".strip("."))
        ]
    if isinstance(detail, list):
        found: list[dict[str, str]] = []
        for index, inner in enumerate(detail):
            nested = isinstance(inner, (dict, list))
            found += _field_problems(inner, f"{path}[{index}]" if nested else path)
        return found
    return [{"field": path or "non_field_errors", "message": str(detail)}]


def error_page(request: HttpRequest, http_status: int, code: str, detail: str, **context: Any) -> HttpResponse:
    """What happened and what to do, as a page."""
    return render(
        request,
        "core/error.html",
        {"status": http_status, "title": TITLES.get(http_status, "Error"), "code": code, "detail": detail}
        # The frame reads the database, which may be what failed.
        | ({"shell": None} if http_status >= 500 else {})
        | context,
        status=http_status,
    )


class DomainErrorMiddleware:
    """Turns domain errors that leave a view into a problem document or a page."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Django's hook for exceptions that leave a view."""
        if isinstance(error, errors.DomainError):
            if is_api(request):
                return problem_response(error)
            return error_page(
                request, status_of(error), error.code, error.message, errors=error.errors, facts=error.context
            )
        if isinstance(error, RequestDataTooBig):
            too_big = "The upload is larger than this page takes. Split it into smaller files."
            if is_api(request):
                return JsonResponse(problem(413, "too_large", too_big), status=413, content_type=CONTENT_TYPE)
            return error_page(request, 413, "too_large", too_big)
        return None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400"""
    detail = "The request was refused." if isinstance(exception, SuspiciousOperation) else "The request is malformed."
    return _either(request, 400, "bad_request", detail)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403"""
    return _either(
        request, 403, "not_permitted", "Your role does not allow this. Ask an administrator of the organisation."
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404"""
    return _either(
        request, 404, "not_found", "There is nothing at this address, or it belongs to another organisation."
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500"""
    return _either(
        request,
        500,
        "internal_error",
        "Nothing was half-saved. Please try again; if it stays, tell us when it happened.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW"""
    return _either(
        request,
        403,
        "csrf_failed",
        "This form has expired or came from elsewhere. Load the page again and repeat the step.",
    )


def _either(request: HttpRequest, http_status: int, code: str, detail: str) -> HttpResponse:
    if is_api(request):
        return JsonResponse(problem(http_status, code, detail), status=http_status, content_type=CONTENT_TYPE)
    return error_page(request, http_status, code, detail)
