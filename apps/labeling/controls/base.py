"""What every type of question has in common.

A task shows *inputs* (text, image, audio, ...) and asks *controls* about them, as Label Studio names them. A control is
a checked part of an order's design; a task's answer maps each control's name to a value, plain JSON whose form the
control's type defines.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypedDict, TypeVar

#: Any JSON value; each type of control says which.
Value = Any


class AnswerProblem(ValueError):
    """A value that a control refuses, with what to do about it; `field` is a path within the value, or ''."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One annotator's value, with the probability that this annotator is right on items of the order (0 to 1)."""

    annotator: str
    value: Value
    accuracy: float


@dataclass(frozen=True, slots=True)
class ControlConsensus:
    """The value that answers lead to together, and the probability that it is right (0 to 1)."""

    value: Value
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Control(ABC):
    """One question about an input.

    Args:
        name: key of its value in answers, unique in the design.
        input: name of the input it is about.
        title: what the annotator reads above it; may be empty.
        required: whether an answer without it is refused.
    """

    type: ClassVar[str]
    #: Types of input it can be about.
    inputs: ClassVar[frozenset[str]]
    #: Similarity from which two values count as the same answer, for acceptance and agreement.
    same_from: ClassVar[float] = 1.0
    #: Whether annotators' answers are compared at all. Not so for free writing, where two good answers differ: such an
    #: answer is neither accepted nor rejected for being like the others', and counts in no agreement figure. Its
    #: `same_from` is 0, so that code which compares without asking finds every two answers alike.
    agreement: ClassVar[bool] = True

    name: str
    input: str
    title: str = ""
    required: bool = True

    @classmethod
    @abstractmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        """A control from a design's JSON. Raises AnswerProblem naming the part of `config` that is wrong."""

    def as_json(self) -> dict[str, Any]:
        """The design's JSON of it; subclasses add what they have of their own."""
        return {
            "type": self.type,
            "name": self.name,
            "input": self.input,
            "title": self.title,
            "required": self.required,
        }

    @abstractmethod
    def clean(self, value: Value, data: Mapping[str, Any]) -> Value:
        """The value in its canonical form: equal answers are equal JSON.

        Args:
            data: the task's inputs by name.

        Raises:
            AnswerProblem: what is wrong, and where.
        """

    def is_empty(self, value: Value) -> bool:
        """Whether a value says nothing, which a required control refuses."""
        return value is None or value in ("", [], {})

    @abstractmethod
    def similarity(self, one: Value, other: Value) -> float:
        """How far two cleaned values agree, from 0 to 1; symmetric, 1 for equal ones."""

    @abstractmethod
    def consensus(self, answers: Sequence[GivenAnswer], data: Mapping[str, Any]) -> ControlConsensus:
        """What one item's answers lead to; does not depend on their order. `answers` are cleaned, one or more."""

    def shown(self, value: Value) -> str:
        """The value in a few words, for lists and reasons."""
        return str(value)

    @property
    def described(self) -> str:
        """The question in a few words, for the task board."""
        return self.type

    def parse(self, text: str) -> Value:
        """A value from a field of a table or of a plain form, still to be cleaned: lists and objects are JSON there."""
        stripped = text.strip()
        if stripped[:1] not in ("[", "{"):
            return stripped
        try:
            return json.loads(stripped)
        except ValueError:
            return stripped

    def from_form(self, values: Sequence[str]) -> Value:
        """A value from the fields of a plain form that have its name, still to be cleaned."""
        return self.parse(values[0]) if values else None


class CommonParts(TypedDict):
    """What every control has, as keyword arguments of its class."""

    name: str
    input: str
    title: str
    required: bool


MAX_NAME, MAX_TITLE = 80, 300


def common_from_json(config: Mapping[str, Any]) -> CommonParts:
    """Name, input, title and required of a control's JSON. Raises AnswerProblem."""
    for key in ("name", "input"):
        text = config.get(key)
        if not isinstance(text, str) or not 1 <= len(text) <= MAX_NAME or "\x00" in text:
            raise AnswerProblem(f"Give “{key}” as text of 1 to {MAX_NAME} characters.", key)
    title, required = config.get("title", ""), config.get("required", True)
    if not isinstance(title, str) or len(title) > MAX_TITLE or "\x00" in title:
        raise AnswerProblem(f"“title” is text of at most {MAX_TITLE} characters.", "title")
    if not isinstance(required, bool):
        raise AnswerProblem("“required” is true or false.", "required")
    return CommonParts(name=config["name"], input=config["input"], title=title, required=required)


def whole_number(config: Mapping[str, Any], field: str, *, default: int, least: int, most: int) -> int:
    """A whole number of a design's JSON within its limits. Raises AnswerProblem."""
    value = config.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise AnswerProblem(f"“{field}” is a whole number from {least} to {most}.", field)
    return value


#: Types of input of which every control may be about one.
ANY_INPUT = frozenset({"text", "image", "audio", "video", "candidates", "dialogue"})

CONTROL_TYPES: dict[str, type[Control]] = {}

_ControlClass = TypeVar("_ControlClass", bound=type[Control])


def control_type(cls: _ControlClass) -> _ControlClass:
    """Class decorator: make a type of control known by its `type`."""
    CONTROL_TYPES[cls.type] = cls
    return cls


def control_from_json(config: Mapping[str, Any]) -> Control:
    """A control of any known type. Raises AnswerProblem."""
    found = CONTROL_TYPES.get(str(config.get("type", "")))
    if found is None:
        known = ", ".join(sorted(CONTROL_TYPES))
        raise AnswerProblem(f"“{config.get('type', '')}” is no type of question; there are {known}.", "type")
    return found.from_json(config)
