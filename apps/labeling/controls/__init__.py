"""The questions that a task can ask: one module a type, each with its form, checks, consensus and agreement."""

from apps.labeling.controls import (
    boxes,
    choice,
    choices,
    dialogue,
    keypoints,
    number,
    polygons,
    preference,
    ranking,
    rating,
    regions,
    spans,
    text,
    transcription,
)
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
MODULES = (
    boxes,
    choice,
    choices,
    dialogue,
    keypoints,
    number,
    polygons,
    preference,
    ranking,
    rating,
    regions,
    spans,
    text,
    transcription,
)

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
