"""Orders that ask for labels until a target is reached: which designs can, and by which of their questions."""

from __future__ import annotations

from apps.core.errors import InvalidInput
from apps.labeling.controls.choice import Choice
from apps.labeling.design import Design

LEAST_TARGET, MOST_TARGET = 0.5, 0.99


def check_target(target: float, design: Design) -> None:
    """Raise InvalidInput where an order of this design cannot have the target."""
    message = ""
    if not LEAST_TARGET <= target <= MOST_TARGET:
        message = f"A target is a probability from {LEAST_TARGET} to {MOST_TARGET}, such as 0.95."
    elif not can_have_target(design):
        message = "A target needs a design with exactly one required single choice. Leave the target out."
    if message:
        raise InvalidInput("invalid_order", message, errors=[{"field": "target", "message": message}])


def can_have_target(design: Design) -> bool:
    """Whether results of this design can be said to be so sure."""
    return len(_choices(design)) == 1


def decisive_choice(design: Design) -> Choice:
    """The question whose answers decide whether an item needs another label."""
    return _choices(design)[0]


def _choices(design: Design) -> list[Choice]:
    return [control for control in design.controls if isinstance(control, Choice) and control.required]
