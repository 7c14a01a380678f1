"""Accounts, transfers and holds as the other apps see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models

from apps.core.money import TOKEN_DECIMALS, Amount, Money, TokenAmount


class AccountKind(models.TextChoices):
    """The chart of accounts: what organisations own, what the platform earns, and (last) the world outside."""

    CASH = "cash", "Prepaid"
    EARNINGS = "earnings", "Earnings"
    PAYABLE = "payable", "Payable on chain"
    REFUNDS = "refunds", "On its way back to the card"
    DISPUTED = "disputed", "Disputed with the card's bank"
    ESCROW = "escrow", "Kept for an unlinked wallet"
    FEES = "fees", "Platform fees"
    RECEIVABLE = "receivable", "Owed to the platform"
    PROCESSOR = "processor", "Payment processor"
    CONVERSION = "conversion", "Conversion to tokens"
    CHAIN = "chain", "Paid out on chain"


#: Accounts that stand for the outside: their balance mirrors what came in or went out, and may be below zero. A
#: receivable below zero is what its organisation owes the platform (a disputed payment that was spent already).
OUTSIDE_KINDS = (AccountKind.RECEIVABLE, AccountKind.PROCESSOR, AccountKind.CONVERSION, AccountKind.CHAIN)


#: Length of every digest (SHA-256).
DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class AccountRef:
    """Names an account; it comes into being with its first transfer.

    Args:
        currency: ISO 4217 code, or a token's symbol.
        reference: tells several accounts of one kind apart; usually empty.
    """

    organisation_id: UUID
    kind: AccountKind
    currency: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class SourceRef:
    """What caused a transfer: a row elsewhere, and facts that explain the amount to its payee."""

    type: str
    id: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TransferSpec:
    """One transfer to be made: the debited account loses, the credited one gains.

    Args:
        idempotency_key: unique within the debited organisation; the same key again returns the first transfer.
    """

    debit: AccountRef
    credit: AccountRef
    amount: Amount
    idempotency_key: str
    reason: str
    source: SourceRef


@dataclass(frozen=True, slots=True)
class TransferInfo:
    """A transfer that was made."""

    id: UUID
    amount: Amount
    reason: str
    source: SourceRef
    created_at: datetime


@dataclass(frozen=True, slots=True)
class HoldInfo:
    """Money set aside: `open` can still be captured or released."""

    id: UUID
    amount: Amount
    captured: Amount
    released: Amount
    expires_at: datetime | None = None

    @property
    def open(self) -> Amount:
        """What is still held."""
        return self.amount - self.captured - self.released


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """All chains' ends at a moment under one digest; `tx_hash` and `block_number` once the chain has it."""

    number: int
    digest: bytes
    accounts: int
    created_at: datetime
    tx_hash: str = ""
    block_number: int | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's state: everything posted, the part that is held, and what can be spent."""

    posted: Amount
    held: Amount

    @property
    def available(self) -> Amount:
        """Posted less held."""
        return self.posted - self.held


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One transfer as one of its accounts sees it; a statement adds the balance after it and its number.

    `counterparty_id` is None where the payer is not told who is paid; `counterparty` then says it in general words.
    """

    id: UUID
    amount: Amount
    incoming: bool
    reason: str
    source: SourceRef
    counterparty_id: UUID | None
    created_at: datetime
    balance: Amount | None = None
    sequence: int = 0
    counterparty: str = ""

    def counterparty_among(self, names: Mapping[UUID, str]) -> str:
        """The other side in words, with the names of organisations that the caller has read."""
        return self.counterparty if self.counterparty_id is None else names.get(self.counterparty_id, "")


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Lines of an account, newest first; `next` continues after the last of them, None at the end."""

    lines: list[StatementLine]
    next: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is to be said of a cause: named facts in the order shown, and the page that shows it, if there is one."""

    lines: tuple[tuple[str, str], ...] = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """Units of a transfer that belong to another one: by which it was caused, or which it caused."""

    transfer_id: UUID
    units: int
    currency: str
    reason: str
    source: SourceRef
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TransferUse:
    """Where a part of an earned amount went; with the transaction that paid it out once there is one."""

    share: Share
    amount: Amount
    facts: Facts
    tx_hash: str
    block_number: int | None
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an amount was paid or received, and what became of it; `left` is what is still on the account."""

    line: StatementLine
    counterparty: str
    facts: Facts
    uses: list[TransferUse]
    left: Amount | None


def amount_of(units: int, currency: str) -> Amount:
    """Units of a currency as Money, of a token as TokenAmount."""
    return TokenAmount(units, currency) if currency in TOKEN_DECIMALS else Money(units, currency)


def units_of(amount: Amount) -> int:
    """The integer of an amount."""
    return amount.raw if isinstance(amount, TokenAmount) else amount.minor


def currency_of(amount: Amount) -> str:
    """The currency or token of an amount."""
    return amount.token if isinstance(amount, TokenAmount) else amount.currency
