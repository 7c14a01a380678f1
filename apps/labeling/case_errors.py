"""What can go wrong with review cases."""

from __future__ import annotations

from datetime import datetime

from apps.core.errors import Conflict, InvalidInput, NotFound
from apps.labeling.case_types import MAX_REASON, MAX_REPLY, MIN_REASON, MIN_REPLY


class CaseNotFound(NotFound):
    """No such case, or somebody else's."""

    def __init__(self) -> None:
        super().__init__("case_not_found", "There is no such review case.")


class CaseDecided(Conflict):
    """The case has its decision."""

    def __init__(self) -> None:
        super().__init__("case_decided", "This case was decided; nothing can be added to it.")


class AnnotatorNotHeard(Conflict):
    """The annotator has not answered yet and still has time to."""

    def __init__(self, until: datetime) -> None:
        super().__init__(
            "annotator_not_heard",
            f"The annotator has not answered yet and can until {until:%d %b %Y, %H:%M} UTC. You can clear it now.",
            until=until.isoformat(),
        )


class UnusableReply(InvalidInput):
    """The annotator's reply says too little or too much."""

    def __init__(self) -> None:
        message = f"Say in {MIN_REPLY} to {MAX_REPLY:,} characters how you worked."
        super().__init__("unusable_reply", message, errors=[{"field": "reply", "message": message}])


class UnusableDecision(InvalidInput):
    """The decision is none, or has no reason."""

    def __init__(self) -> None:
        message = f"Decide “cleared” or “stopped” and say in {MIN_REASON} to {MAX_REASON} characters why."
        super().__init__("unusable_decision", message, errors=[{"field": "reason", "message": message}])
