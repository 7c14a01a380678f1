"""Movements of money, and the proof that none was altered."""

from apps.ledger.services.checkpoints import make_checkpoint, record_commitment
from apps.ledger.services.holds import (
    HoldPart,
    capture_hold,
    capture_hold_for_many,
    expire_holds,
    place_hold,
    release_hold,
)
from apps.ledger.services.transfers import move_earnings_to_successor, post_batch, transfer

__all__ = [
    "HoldPart",
    "capture_hold",
    "capture_hold_for_many",
    "expire_holds",
    "make_checkpoint",
    "move_earnings_to_successor",
    "place_hold",
    "post_batch",
    "record_commitment",
    "release_hold",
    "transfer",
]
