"""What every format reads and writes: an item of an order, with its answers and what they led to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
"""A JSON object."""

MEDIA_TYPES = frozenset({"image", "audio", "video"})


class FormatProblem(ValueError):
    """A file that cannot be read, or an item that it cannot hold; `place` says where in the file."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.message = message
        self.place = place


@dataclass(frozen=True, slots=True)
class Answered:
    """One annotator's answer; `annotator` is a pseudonym."""

    annotator: str
    answer: Mapping[str, Any]
    elapsed_ms: int | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One item: what is shown (input name -> value), what was answered, and what is held to be right.

    `result` is the decision with its `confidence` (0 to 1) and who made it (human, machine or requester); `gold` is a
    known answer. `extra` holds columns that belong to neither.
    """

    id: str
    data: Mapping[str, Any]
    result: Mapping[str, Any] | None = None
    confidence: float | None = None
    made_by: str = ""
    answers: Sequence[Answered] = ()
    gold: Mapping[str, Any] | None = None
    split: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Design:
    """An order's design as plain JSON: inputs {name, type, title} and controls {type, name, input, ...}."""

    inputs: tuple[Json, ...]
    controls: tuple[Json, ...]

    @classmethod
    def from_json(cls, design: Mapping[str, Any]) -> Design:
        """From an order's `design`."""
        return cls(tuple(design["inputs"]), tuple(design["controls"]))

    def as_json(self) -> Json:
        """As an order's `design`."""
        return {"inputs": list(self.inputs), "controls": list(self.controls)}

    def input_type(self, name: str) -> str:
        """The type of an input."""
        return next(str(one["type"]) for one in self.inputs if one["name"] == name)

    def of_type(self, *types: str) -> Iterator[Json]:
        """The controls of these types."""
        return (control for control in self.controls if control["type"] in types)


def class_names(control: Mapping[str, Any], key: str = "classes") -> list[str]:
    """The names of a control's classes, which stand there as names or as {name, key}."""
    return [str(one["name"]) if isinstance(one, Mapping) else str(one) for one in control.get(key) or ()]


def decided(item: Item) -> Mapping[str, Any]:
    """What is held to be right about an item: its result, else its known answer; empty where there is neither."""
    return item.result or item.gold or {}


def media_address(value: Mapping[str, Any]) -> str:
    """Where a media value's file is: its URL where there is one, else its place beside the exported file."""
    if value.get("url"):
        return str(value["url"])
    extension = EXTENSIONS.get(str(value.get("content_type", "")), "")
    return f"media/{value.get('media', '')}{extension}"


EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
}


def number(value: float, digits: int = 3) -> int | float:
    """A coordinate without the noise of binary fractions: 12.0000001 -> 12, 0.30000000000000004 -> 0.3."""
    rounded = round(value, digits)
    return int(rounded) if rounded == int(rounded) else rounded
