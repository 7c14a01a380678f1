"""The caller, money in, the books."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sahara.models.base import Model, Money


class Me(Model):
    """Who the client acts as."""

    user_id: UUID | None
    organisation_id: UUID
    organisation: str
    role: str


class Organisation(Model):
    """An organisation of the caller's."""

    id: UUID
    name: str
    slug: str
    kind: str
    role: str | None = None


class ApiKey(Model):
    """A key; `secret` only when it was just made."""

    id: str
    name: str
    secret: str | None = None


class WalletChallenge(Model):
    """The text (EIP-4361) whose signature links a wallet; good once, until it expires."""

    message: str
    address: str
    nonce: str
    chain_id: int
    expires_at: datetime


class Balance(Model):
    """The prepaid balance."""

    posted: Money
    held: Money
    available: Money


class TopUp(Model):
    """A payment to the prepaid balance, made on the processor's page."""

    id: UUID
    amount: Money
    state: str
    checkout_url: str | None


class Transfer(Model):
    """A movement of money as the caller's organisation sees it."""

    id: UUID
    amount: dict[str, str]
    direction: str
    reason: str
    source: dict[str, Any]


class TrialBalance(Model):
    """The sum over all accounts by currency; 0 in a sound ledger."""

    sums: dict[str, int]
    accounts_that_differ_from_their_transfers: list[str]
