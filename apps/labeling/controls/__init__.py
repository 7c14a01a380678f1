"""The questions that a task can ask: one module a type, each with its form, checks, consensus and agreement."""

from apps.labeling.controls.base import (
    CONTROL_TYPES,
    AnswerProblem,
    Control,
    ControlConsensus,
    GivenAnswer,
    control_from_json,
    control_type,
)

__all__ = [
    "CONTROL_TYPES",
    "AnswerProblem",
    "Control",
    "ControlConsensus",
    "GivenAnswer",
    "control_from_json",
    "control_type",
]
