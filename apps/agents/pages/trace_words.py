"""How an answer was made, in words: what each step did, and what the answer cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.agents import selectors
from apps.agents.prices import dollars
from apps.agents.types import CallState, PendingCallInfo, Step, Trace, argument_lines
from apps.tenancy.types import Actor

SAID = {
    CallState.WAITING: "It waits until you allow or refuse it.",
    CallState.APPROVED: "You allowed it; it has not come back.",
    CallState.DONE: "You allowed it, and it was made once.",
    CallState.REFUSED: "You refused it. Nothing was sent.",
    CallState.EXPIRED: "Nobody decided in time. Nothing was sent.",
    CallState.FAILED: "You allowed it, and it failed.",
    CallState.UNCERTAIN: "You allowed it, and it is not known whether it took effect.",
}
TITLES = {"tool": "Call {}", "route": "Choose a tool"}


@dataclass(frozen=True)
class ShownStep:
    """A step with what was sent to a tool, and what became of its approval."""

    step: Step
    title: str
    lines: tuple[tuple[str, str], ...]
    approval: str


def shown_steps(actor: Actor, steps: Sequence[Step]) -> list[ShownStep]:
    """The steps for people."""
    ids = [UUID(step.detail["approval"]) for step in steps if step.detail.get("approval")]
    calls = selectors.calls_by_id(actor, ids) if ids else {}
    return [_shown(step, calls) for step in steps]


def price_of(found: Trace, *, is_own: bool) -> tuple[str, str]:
    """What the answer cost, and why so much or nothing."""
    tokens = f"{found.message.tokens} tokens of your plan"
    if not is_own:
        return "No charge", f"its owner pays for the model; {tokens}"
    cost, is_priced = found.money
    if cost is None:
        return "Not kept", f"this answer is older than the record of its price; {tokens}"
    if not is_priced and found.message.tokens:
        return "Not known", f"your model has no prices set; {tokens}"
    if cost:
        return dollars(cost), f"at your model's prices; {tokens}"
    return "No charge", tokens


def _shown(step: Step, calls: dict[UUID, PendingCallInfo]) -> ShownStep:
    arguments = step.detail.get("arguments")
    call = calls.get(UUID(step.detail["approval"])) if step.detail.get("approval") else None
    when = f" {call.decided_at:%d %B %Y %H:%M} UTC." if call is not None and call.decided_at is not None else ""
    return ShownStep(
        step,
        TITLES.get(step.kind, "{}").format(step.name),
        tuple(argument_lines(arguments)) if isinstance(arguments, dict) else (),
        f"{SAID[call.state]}{when}" if call is not None else "",
    )
