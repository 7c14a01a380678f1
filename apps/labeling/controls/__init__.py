"""The questions that a task can ask: one module a type, each with its form, checks, consensus and agreement."""

from apps.labeling.controls import choice, choices, number, rating, text
from apps.labeling.controls.base import (
    CONTROL_TYPES,
    AnswerProblem,
    Control,
    ControlConsensus,
    GivenAnswer,
    control_from_json,
    control_type,
)

#: Importing a module makes its type known.
MODULES = (choice, choices, number, rating, text)

__all__ = [
    "CONTROL_TYPES",
    "MODULES",
    "AnswerProblem",
    "Control",
    "ControlConsensus",
    "GivenAnswer",
    "control_from_json",
    "control_type",
]
