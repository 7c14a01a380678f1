"""What happened in organisations."""

from __future__ import annotations

from dataclasses import dataclass

from apps.core.outbox import Event


@dataclass(frozen=True)
class UsageMeasured(Event):
    """An organisation used (below zero: gave free) an amount of something that its plan limits.

    Attributes:
        limit: a value of `apps.tenancy.limits.Limit`.
        key: names the measurement; the same key again is the same measurement.
    """

    limit: str
    amount: int
    key: str
