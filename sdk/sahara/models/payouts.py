"""Money out."""

from __future__ import annotations

from uuid import UUID

from sahara.models.base import Model, Money, TokenAmount


class Earnings(Model):
    """What can be withdrawn, is on its way, and was paid."""

    available: Money
    pending: Money
    withdrawn: Money
    minimum: Money
    wallet: str | None


class Withdrawal(Model):
    """A withdrawal."""

    id: UUID
    amount: Money
    tokens: TokenAmount
    address: str
    state: str
    epoch_id: UUID | None
    epoch: int | None
    tx_hash: str | None
    block_number: int | None
    claim_problem: str


class Epoch(Model):
    """A payout round: one Merkle root over all payees, published by one transaction."""

    id: UUID
    number: int
    state: str
    root: str
    payees: int
    added: TokenAmount
    tx_hash: str | None
    block_number: int | None


class Reconciliation(Model):
    """Ledger and chain compared, in raw token units."""

    agrees: bool
    ledger_payable_raw: int
    ledger_paid_out_raw: int
    published_on_chain_raw: int
    claimed_on_chain_raw: int
    differences: list[dict[str, str]]
