"""Words and values of review cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

MIN_REPLY, MAX_REPLY = 3, 1_000
MIN_REASON, MAX_REASON = 10, 400
#: An annotator who does not answer has so long before anything can be decided against them.
REPLY_TIME = timedelta(hours=48)


class CaseState(StrEnum):
    """open -> answered (by the annotator) -> cleared (nothing follows) | stopped (no more tasks of this order)."""

    OPEN = "open"
    ANSWERED = "answered"
    CLEARED = "cleared"
    STOPPED = "stopped"


@dataclass(frozen=True)
class CaseInfo:
    """A review case, as both sides may see it; annotators have a number in the order and no name."""

    id: UUID
    order_id: UUID
    order_title: str
    annotator_number: int
    kind: str
    message: str
    figures: dict[str, Any]
    state: CaseState
    reply: str
    decision: str
    opened_at: datetime
    replied_at: datetime | None
    decided_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Nobody has decided it."""
        return self.state in (CaseState.OPEN, CaseState.ANSWERED)

    @property
    def may_stop_at(self) -> datetime:
        """From when on it can be decided against the annotator."""
        return self.replied_at or self.opened_at + REPLY_TIME

    @property
    def rows(self) -> list[tuple[str, Any]]:
        """The figures with their names in words."""
        return [(name.replace("_", " ").replace(" percent", ", %"), value) for name, value in self.figures.items()]

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "id": str(self.id),
            "order_id": str(self.order_id),
            "order_title": self.order_title,
            "annotator": self.annotator_number,
            "kind": self.kind,
            "message": self.message,
            "figures": self.figures,
            "state": self.state.value,
            "reply": self.reply,
            "decision": self.decision,
            "opened_at": self.opened_at.isoformat(),
            "replied_at": self.replied_at.isoformat() if self.replied_at else None,
            "decided_at": self.decided_at.isoformat() if self.decided_at else None,
            "may_stop_at": self.may_stop_at.isoformat(),
        }
