"""Plain facts of wallets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import models


class WalletAction(models.TextChoices):
    """What can happen to an organisation's wallet."""

    SET = "set", "Set"
    PROVED = "proved", "Proved by signature"
    CHANGE_REQUESTED = "change_requested", "Change asked for"
    CHANGED = "changed", "Changed"
    CHANGE_CANCELLED = "change_cancelled", "Change cancelled"
    CHANGE_REFUSED = "change_refused", "Change refused"


@dataclass(frozen=True, slots=True)
class WalletInfo:
    """Where an organisation is paid, and the change that waits, if any.

    `is_proved`: a signature has shown that the address is the organisation's own.
    """

    address: str | None = None
    is_proved: bool = False
    pending_address: str | None = None
    pending_is_proved: bool = False
    pending_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChallengeInfo:
    """The text to sign, to the letter."""

    message: str
    address: str
    nonce: str
    chain_id: int
    expires_at: datetime
