"""What can go wrong with appeals and their reviews."""

from __future__ import annotations

from apps.core.errors import Conflict, InvalidInput, NotFound, NotPermitted
from apps.labeling.appeal_types import (
    APPEAL_WINDOW,
    MAX_APPEAL,
    MAX_OPEN_APPEALS,
    MIN_APPEAL,
    REVIEWER_ANSWERS,
    REVIEWER_PERCENT,
)


class AnnotationNotFound(NotFound):
    """No such answer of the caller's."""

    def __init__(self) -> None:
        super().__init__("annotation_not_found", "There is no such answer of yours.")


class AppealNotFound(NotFound):
    """The answer was not appealed, or it is somebody else's."""

    def __init__(self) -> None:
        super().__init__("appeal_not_found", "There is no appeal against this decision.")


class NotAppealable(Conflict):
    """The answer is not rejected, or was so too long ago."""

    def __init__(self, state: str) -> None:
        message = f"Only a rejected answer can be appealed; this one is {state}."
        if state == "rejected":
            message = f"This answer was rejected more than {APPEAL_WINDOW.days} days ago; it can no longer be appealed."
        super().__init__("not_appealable", message, state=state)


class AlreadyAppealed(Conflict):
    """One appeal an answer, ever."""

    def __init__(self) -> None:
        super().__init__("already_appealed", "You have appealed this decision before; its outcome is final.")


class TooManyAppeals(Conflict):
    """The annotator has as many open appeals as are allowed."""

    def __init__(self) -> None:
        super().__init__(
            "too_many_appeals", f"You have {MAX_OPEN_APPEALS} open appeals. Wait until one of them is decided."
        )


class UnusableAppeal(InvalidInput):
    """The text says too little or too much."""

    def __init__(self) -> None:
        message = f"Say in {MIN_APPEAL} to {MAX_APPEAL:,} characters why your answer is right."
        super().__init__("unusable_appeal", message, errors=[{"field": "text", "message": message}])


class NoReviewer(NotPermitted):
    """The caller has not enough of a record to review others."""

    def __init__(self, decided: int, percent: int) -> None:
        super().__init__(
            "no_reviewer",
            f"Reviews need {REVIEWER_ANSWERS} decided answers, {REVIEWER_PERCENT} % of them accepted. "
            f"You have {decided}, {percent} % of them accepted.",
            board_url="/work/",
        )


class ReviewNotFound(NotFound):
    """No such review was lent to the caller."""

    def __init__(self) -> None:
        super().__init__("review_not_found", "There is no such review of yours.")


class ReviewExpired(Conflict):
    """The time ran out, or the appeal was decided meanwhile."""

    def __init__(self) -> None:
        super().__init__("review_expired", "The time for this review ran out. Take the next one.")


class AlreadyReviewed(Conflict):
    """A verdict is given once."""

    def __init__(self) -> None:
        super().__init__("already_reviewed", "You have given another verdict on this. A verdict is final.")


class UnusableVerdict(InvalidInput):
    """The verdict is none of those that can be given."""

    def __init__(self, allowed: str) -> None:
        message = f"Choose one of {allowed}."
        super().__init__("unusable_verdict", message, errors=[{"field": "verdict", "message": message}])
