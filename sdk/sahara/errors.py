"""Errors: one class for each kind of refusal, made from the problem document (RFC 9457) that the platform sends."""

from __future__ import annotations

from typing import Any

import httpx


class SaharaError(Exception):
    """Base of everything that the client raises."""


class Unreachable(SaharaError):
    """The platform did not answer, also after the retries."""


class TimedOut(SaharaError):
    """Something did not happen within the time that the caller gave it."""


class ApiError(SaharaError):
    """The platform refused a call.

    Attributes:
        status: HTTP status.
        code: stable name of the problem, for programs.
        detail: what happened and what to do, for people.
        errors: the bad fields or rows, each with `field` or `row` and `message`.
        problem: the whole problem document, with facts such as `missing` or `top_up_url`.
    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", "unknown"))
        self.detail = str(problem.get("detail", ""))
        self.errors: list[dict[str, Any]] = problem.get("errors") or []
        lines = [f"{status} {self.code}: {self.detail}"]
        lines += [f"  {error.get('field') or error.get('row')}: {error.get('message')}" for error in self.errors]
        super().__init__("\n".join(lines))


class Unauthenticated(ApiError):
    """401: no credentials, or wrong ones."""


class PaymentRequired(ApiError):
    """402: money or a licence is missing; the problem says how to get it."""


class NotPermitted(ApiError):
    """403: the role does not allow this."""


class NotFound(ApiError):
    """404: there is no such thing, or it belongs to somebody else."""


class Conflict(ApiError):
    """409: the state does not allow this."""


class InvalidInput(ApiError):
    """422: the input is wrong; `errors` names fields and rows."""


class RateLimited(ApiError):
    """429: too many calls."""


class Unavailable(ApiError):
    """5xx: a part of the platform is not answering."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthenticated,
    402: PaymentRequired,
    403: NotPermitted,
    404: NotFound,
    409: Conflict,
    422: InvalidInput,
    429: RateLimited,
}


def error_of(response: httpx.Response) -> ApiError:
    """The error that a response stands for."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    problem = body if isinstance(body, dict) else {}
    problem.setdefault("detail", response.reason_phrase)
    kind = _BY_STATUS.get(response.status_code, Unavailable if response.is_server_error else ApiError)
    return kind(response.status_code, problem)
