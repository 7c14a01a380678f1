"""What can go wrong with skills, their tests, and what orders ask of annotators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from apps.core.errors import Conflict, NotFound, NotPermitted
from apps.labeling.eligibility import Missing


class NotEligible(NotPermitted):
    """The annotator lacks what the order asks for."""

    def __init__(self, missing: Sequence[Missing]) -> None:
        lacking = " ".join(one.message for one in missing)
        super().__init__(
            "not_eligible",
            f"This order needs more of you. {lacking}",
            missing=[one.as_json() for one in missing],
            board_url="/work/",
        )


class SkillNotFound(NotFound):
    """No such skill, or one that is not open."""

    def __init__(self) -> None:
        super().__init__("skill_not_found", "There is no such skill.")


class GuestsHaveNoSkills(NotPermitted):
    """A skill belongs to an account."""

    def __init__(self) -> None:
        super().__init__(
            "sign_up_first", "A skill belongs to an account: sign up, then take the test. What you earned stays yours."
        )


class SkillHeld(Conflict):
    """The annotator has the skill already."""

    def __init__(self, until: datetime) -> None:
        super().__init__("skill_held", f"You have this skill until {until:%d %b %Y}.", valid_until=until.isoformat())


class RetakeTooEarly(Conflict):
    """The last attempt was too short a time ago."""

    def __init__(self, at: datetime) -> None:
        super().__init__(
            "retake_too_early", f"You can take this test again from {at:%d %b %Y, %H:%M} UTC.", retake_at=at.isoformat()
        )


class SkillExhausted(Conflict):
    """Nobody pays for further attempts at the moment."""

    def __init__(self) -> None:
        super().__init__(
            "skill_exhausted", "No more attempts at this test are paid for at the moment. Try again another day."
        )


class NoAttempt(Conflict):
    """There is no attempt to end."""

    def __init__(self) -> None:
        super().__init__("no_attempt", "You are not taking this test at the moment.")
