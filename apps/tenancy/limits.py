"""Limits of what an organisation may use, asked for here and answered by whoever knows its plan.

The apps that seat, store and compute ask before they do, and say afterwards what was used; `apps.billing`, above them,
answers and counts. Without an answer nothing is limited.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol
from uuid import UUID

from apps.core import outbox
from apps.tenancy.events import UsageMeasured


class Limit(StrEnum):
    """What is limited: members and open invitations, bytes kept, tokens a calendar month (UTC)."""

    SEATS = "seats"
    STORAGE_BYTES = "storage_bytes"
    MODEL_TOKENS = "model_tokens"


class LimitSource(Protocol):
    """Who knows the plans."""

    def require_room(self, organisation_id: UUID, limit: Limit, wanted: int, used: int | None) -> None:
        """Raise a domain error where the plan does not allow `wanted` more."""
        ...

    def require_good_standing(self, organisation_id: UUID) -> None:
        """Raise a domain error where the organisation owes the platform money."""
        ...


class _Unlimited:
    def require_room(self, organisation_id: UUID, limit: Limit, wanted: int, used: int | None) -> None:
        """Nothing is limited."""

    def require_good_standing(self, organisation_id: UUID) -> None:
        """Nobody owes anything."""


_source: LimitSource = _Unlimited()


def set_limit_source(source: LimitSource) -> None:
    """Name who answers; once, at start-up."""
    global _source  # a registry of one
    _source = source


def require_room(*, organisation_id: UUID, limit: Limit, wanted: int = 1, used: int | None = None) -> None:
    """Ask before using something.

    Args:
        wanted: how much more.
        used: how much is used already, where the caller knows it better than the counts of `note_usage`.

    Raises:
        DomainError: `quota_exceeded`: the plan does not allow it; says which limit, what is used and allowed.
    """
    _source.require_room(organisation_id, limit, wanted, used)


def require_good_standing(*, organisation_id: UUID) -> None:
    """Ask before an organisation spends its prepaid money.

    Raises:
        DomainError: `money_owed`: a disputed payment was spent and has not been made up for.
    """
    _source.require_good_standing(organisation_id)


def note_usage(*, organisation_id: UUID, limit: Limit, amount: int, key: str) -> None:
    """Tell what was used (below zero: given free), in the transaction that uses it. A key counts once."""
    if amount:
        outbox.publish(UsageMeasured(str(limit), amount, key), tenant_id=organisation_id)
