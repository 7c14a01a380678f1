"""A question that was looked up, before it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.agents.output.rules import OutputRules
from apps.agents.runtime import Found, RunPlan
from apps.agents.services.keeping import Place
from apps.agents.types import ChatTarget, Resumed, Step, Turn
from apps.tenancy.quotas import Reservation
from apps.tenancy.types import Actor


@dataclass(frozen=True)
class BegunAnswer:
    """A question that was looked up and can be answered. `place` is where the answer is stored; None: nowhere.
    `resumed`: a stored answer goes on. `resume_key`: the caller's name for the question (`run_key`).

    `reader_id` reads the answer in the end, which is told what `rules` let pass.
    """

    actor: Actor
    target: ChatTarget
    plan: RunPlan
    found: Found
    history: tuple[Turn, ...]
    place: Place | None
    steps: tuple[Step, ...]
    started: float
    reader_id: UUID
    rules: OutputRules
    reservation: Reservation | None = None
    refusal: str | None = None
    resumed: Resumed | None = None
    resume_key: str = ""

    @property
    def run_key(self) -> str:
        """By which a team's run for this question is found again; empty where it is not."""
        return self.resume_key or (f"question:{self.place.question_id}" if self.place is not None else "")

    @property
    def conversation_id(self) -> UUID | None:
        """The stored conversation that it belongs to."""
        return self.place.conversation_id if self.place is not None else None
