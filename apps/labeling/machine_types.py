"""Words of auto-annotation inside orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self


class MachineState(StrEnum):
    """How far the machine of an order is.

    preparing: reads the items; learning: people's labels teach it; auditing: people check a sample of what it offers;
    stopped: an audit fell below the promise, so people do the rest; off: the requester switched it off.
    """

    PREPARING = "preparing"
    LEARNING = "learning"
    AUDITING = "auditing"
    STOPPED = "stopped"
    OFF = "off"


class Reason(StrEnum):
    """Why people are asked about an item."""

    LEARN = "learn"
    CHANCE = "chance"
    AUDIT = "audit"
    CHECK = "check"


class AuditState(StrEnum):
    """What became of labels that the machine offered."""

    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"
    REVOKED = "revoked"
    DROPPED = "dropped"


#: Where predictions come from, besides the id of a model version and an https:// address.
PLATFORM, LANGUAGE_MODEL = "platform", "language_model"


@dataclass(frozen=True)
class MachineSettings:
    """What a requester asks of the machine.

    Attributes:
        precision: promised of accepted labels, 0.5 to 0.99.
        audit: least share of accepted labels that people check, 0.01 to 0.5.
        source: `PLATFORM`, `LANGUAGE_MODEL`, the id of a model version, or an address.
    """

    precision: float = 0.95
    audit: float = 0.05
    source: str = PLATFORM

    def as_json(self) -> dict[str, Any]:
        """For the database and the API."""
        return {"mode": "assist", "precision": self.precision, "audit": self.audit, "source": self.source}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self | None:
        """The reverse; None where the machine is off."""
        if value.get("mode") != "assist":
            return None
        return cls(value["precision"], value["audit"], value["source"])


@dataclass(frozen=True)
class MachineFigures:
    """What the machine of an order has done so far; precisions are None before an audit has passed.

    Attributes:
        accepted: items that have a machine label. proposed: items that wait for their audit.
        audited: items of passed audits that people labelled too; `right` of them as the machine had.
        measured, low, high: precision of accepted labels by passed audits, with bounds at 95 % over all audits.
    """

    state: MachineState
    settings: MachineSettings | None
    model: str
    problem: str
    asked: int
    accepted: int
    proposed: int
    audits: int
    audits_passed: int
    audited: int
    right: int
    measured: float | None
    low: float | None
    high: float | None
    prepared: int = 0
    items: int = 0
    audit_log: list[dict[str, Any]] = field(default_factory=list)

    @property
    def measured_percent(self) -> str | None:
        """The measured precision for the page."""
        return None if self.measured is None else f"{self.measured:.1%}"

    @property
    def promised_percent(self) -> str:
        """The promised precision for the page."""
        return f"{self.settings.precision:.1%}" if self.settings else ""

    @property
    def interval(self) -> str:
        """Bounds of the measured precision for the page."""
        return "" if self.low is None or self.high is None else f"{self.low:.1%} to {self.high:.1%}"

    def as_json(self) -> dict[str, Any]:
        """For the API and the dataset's card."""
        return {
            "state": self.state.value,
            "settings": self.settings.as_json() if self.settings else {"mode": "off"},
            "model": self.model,
            "problem": self.problem,
            "items_asked": self.asked,
            "items_accepted": self.accepted,
            "items_proposed": self.proposed,
            "audits": self.audits,
            "audits_passed": self.audits_passed,
            "audited": self.audited,
            "audited_right": self.right,
            "measured_precision": self.measured,
            "measured_precision_low": self.low,
            "measured_precision_high": self.high,
        }
