"""The labels that many types of question let the annotator choose from, each with its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.labeling.controls.base import AnswerProblem
from apps.labeling.types import LabelClass

MAX_CLASSES = 200
MAX_CLASS_NAME = 80
#: Keys of the player itself: undo, skip, flag, help, more time.
RESERVED_KEYS = frozenset("zsfhe")
DEFAULT_KEYS = "123456789abcdgijklmnopqrtuvwxy"


def classes_from_json(config: Mapping[str, Any], *, least: int = 1) -> tuple[LabelClass, ...]:
    """`config["classes"]`: names, or {name, key}; keys left out are given in order. Raises AnswerProblem."""
    raw = config.get("classes")
    if not isinstance(raw, list) or not least <= len(raw) <= MAX_CLASSES:
        raise AnswerProblem(f"Give {least} to {MAX_CLASSES} classes, as a list.", "classes")
    names, keys = [], []
    for one in raw:
        name = str(one.get("name", "") if isinstance(one, Mapping) else one).strip()
        key = str(one.get("key", "") if isinstance(one, Mapping) else "").strip().lower()
        if not 1 <= len(name) <= MAX_CLASS_NAME or "\x00" in name:
            raise AnswerProblem(f"A class has a name of 1 to {MAX_CLASS_NAME} characters.", "classes")
        if name in names:
            raise AnswerProblem(f"The class “{name}” is there twice.", "classes")
        if key and (len(key) != 1 or key in RESERVED_KEYS or key in keys):
            raise AnswerProblem(f"“{key}” cannot be the key of “{name}”: it is taken, or not one character.", "classes")
        names.append(name)
        keys.append(key)
    free = iter([key for key in DEFAULT_KEYS if key not in keys])
    return tuple(LabelClass(name, key or next(free, "")) for name, key in zip(names, keys, strict=True))


def class_named(classes: Sequence[LabelClass], value: Any) -> str:
    """The name, if it is one of the classes'. Raises AnswerProblem."""
    if not isinstance(value, str) or all(value != one.name for one in classes):
        shown = ", ".join(one.name for one in classes[:10])
        raise AnswerProblem(f"“{str(value)[:MAX_CLASS_NAME]}” is none of the choices: {shown}.")
    return value
