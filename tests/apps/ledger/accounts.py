"""Names of the accounts that the ledger's tests use most."""

from __future__ import annotations

from uuid import UUID

from apps.ledger.types import AccountKind, AccountRef


def cash(organisation_id: UUID) -> AccountRef:
    return AccountRef(organisation_id, AccountKind.CASH, "USD")


def earnings(organisation_id: UUID) -> AccountRef:
    return AccountRef(organisation_id, AccountKind.EARNINGS, "USD")
