"""Domain errors: a stable code, a sentence for the reader, and facts.

Services raise them; `apps.core.problems` turns them into `application/problem+json` (RFC 9457) or a page. The HTTP
status is decided there, by class, and nowhere else.
"""

from __future__ import annotations

from typing import Any, TypedDict


class FieldProblem(TypedDict, total=False):
    """One bad value: which field, in which row (1-based, as the user counts) or file, and what to do."""

    field: str
    row: int
    file: str
    message: str


class DomainError(Exception):
    """Something the user can understand and act on.

    Args:
        code: stable, snake_case; part of the public API.
        message: a full sentence for the reader: what happened and what to do.
        **context: JSON-able facts shown beside it (`errors=` takes a list of `FieldProblem`).
    """

    retryable = False

    def __init__(self, code: str, message: str, **context: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.context = context

    @property
    def errors(self) -> list[FieldProblem]:
        """The bad fields or rows, if the error is about input."""
        found: list[FieldProblem] = self.context.get("errors", [])
        return found


class InvalidInput(DomainError):
    """The input is wrong; nothing was saved."""


class NotPermitted(DomainError):
    """The actor's role does not allow this."""


class NotFound(DomainError):
    """There is no such thing, or it belongs to somebody else."""


class Conflict(DomainError):
    """The state does not allow this, or somebody was faster."""


class PaymentRequired(DomainError):
    """Money or a licence is missing."""


class RateLimited(DomainError):
    """Too many calls; try again later."""

    retryable = True


class DependencyFailed(DomainError):
    """A part of the platform did not answer; trying again may help."""

    retryable = True
