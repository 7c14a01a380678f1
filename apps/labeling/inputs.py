"""What a task can show: the types of input, their checks, and each in a few words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.labeling.controls.base import AnswerProblem

MAX_TEXT = 20_000
MAX_CANDIDATES = 50
MAX_TURNS = 200
MAX_KEY = 40
ROLES = ("system", "user", "assistant")
MEDIA_TYPES = frozenset({"image", "audio", "video"})
#: Measures of a file that an import may have read: whole numbers.
_MEASURES = ("bytes", "width", "height", "duration_ms")


@dataclass(frozen=True, slots=True)
class Input:
    """Something that a task shows: `name` is its key in the task's data, `title` what the annotator reads above it."""

    name: str
    type: str
    title: str = ""

    def as_json(self) -> dict[str, str]:
        """The design's JSON of it."""
        return {"name": self.name, "type": self.type, "title": self.title}

    def clean(self, value: Any) -> Any:
        """A task's value for it, checked. Raises AnswerProblem."""
        return _CLEANERS[self.type](value)

    def parse(self, text: str) -> Any:
        """The same from a field of a table: text as it stands, all else as JSON. Raises AnswerProblem."""
        if self.type == "text":
            return self.clean(text)
        try:
            value = json.loads(text)
        except ValueError:
            raise AnswerProblem(f"“{text[:40]}” is not the JSON of an input of type {self.type}.") from None
        return self.clean(value)

    def words(self, value: Any) -> str:
        """All text in it, to count what there is to read and to show it in a list."""
        if self.type == "text":
            return str(value)
        if self.type == "candidates":
            return " | ".join(str(one["text"]) for one in value)
        if self.type == "dialogue":
            return " | ".join(str(one["content"]) for one in value)
        return ""

    def shown(self, value: Any) -> str:
        """It in a few words."""
        return self.words(value) or f"{self.type} {str(value.get('media', ''))[:8]}"


def _text(value: Any, what: str = "The text") -> str:
    if not isinstance(value, str) or not value.strip():
        raise AnswerProblem(f"{what} is empty.")
    if len(value) > MAX_TEXT or "\x00" in value:
        raise AnswerProblem(f"{what} has more than {MAX_TEXT:,} characters, or a NUL character.")
    return value


def _candidates(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or not 2 <= len(value) <= MAX_CANDIDATES:
        raise AnswerProblem(f"Candidates are a list of 2 to {MAX_CANDIDATES} objects with key and text.")
    found: list[dict[str, str]] = []
    for one in value:
        key = str(one.get("key", "")).strip() if isinstance(one, Mapping) else ""
        if not 1 <= len(key) <= MAX_KEY or key in {other["key"] for other in found} or key == "tie":
            raise AnswerProblem(f"Each candidate has its own key of 1 to {MAX_KEY} characters, other than “tie”.")
        found.append({"key": key, "text": _text(one.get("text"), f"The text of candidate “{key}”")})
    return found


def _dialogue(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_TURNS:
        raise AnswerProblem(f"A dialogue is a list of 1 to {MAX_TURNS} objects with role and content.")
    found: list[dict[str, str]] = []
    for number, one in enumerate(value, start=1):
        role = one.get("role") if isinstance(one, Mapping) else None
        if role not in ROLES:
            raise AnswerProblem(f"Turn {number} needs a role: {', '.join(ROLES)}.")
        found.append({"role": role, "content": _text(one.get("content"), f"The content of turn {number}")})
    return found


def _media(kind: str) -> Callable[[Any], dict[str, Any]]:
    def clean(value: Any) -> dict[str, Any]:
        content_type = str(value.get("content_type", "")) if isinstance(value, Mapping) else ""
        if not content_type.startswith(f"{kind}/"):
            raise AnswerProblem(f"This input needs an imported file of type {kind}.")
        try:
            media = UUID(str(value.get("media")))
        except ValueError:
            raise AnswerProblem("The file has no id; import it first.") from None
        measures = {name: value[name] for name in _MEASURES if isinstance(value.get(name), int)}
        return {"media": str(media), "content_type": content_type, **measures}

    return clean


_CLEANERS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "candidates": _candidates,
    "dialogue": _dialogue,
    **{kind: _media(kind) for kind in sorted(MEDIA_TYPES)},
}
INPUT_TYPES = frozenset(_CLEANERS)
