"""What payouts tell the apps above."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.core.outbox import Event


@dataclass(frozen=True)
class WithdrawalRequested(Event):
    """An organisation asked for its earnings."""

    withdrawal_id: UUID


@dataclass(frozen=True)
class WithdrawalClaimed(Event):
    """A withdrawal is in the wallet, confirmed at depth."""

    withdrawal_id: UUID
    tx_hash: str
    block_number: int
