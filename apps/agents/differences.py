"""What is different between two configurations, field by field; long texts line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

_BY_MEMBER = {"model", "guard", "budget", "checks"}
LONG_TEXT = 80


@dataclass(frozen=True)
class Difference:
    """One field with its two values; `lines` is a unified diff where both are longer texts."""

    field: str
    before: Any
    after: Any
    lines: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"lines": list(self.lines)}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """The differences of two configurations as `AgentConfig.as_json` gives them, in the order of their fields."""
    return [
        Difference(field, old, new, _lines(old, new))
        for field in dict.fromkeys([*before, *after])
        for field, old, new in _parts(field, before.get(field), after.get(field))
        if old != new
    ]


def _parts(field: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """A structured field member by member: tools by their names, the others by their keys."""
    if field == "tools":
        before, after = ({tool["name"]: tool for tool in tools or []} for tools in (before, after))
    elif field not in _BY_MEMBER:
        yield field, before, after
        return
    before, after = before or {}, after or {}
    for name in dict.fromkeys([*before, *after]):
        yield f"{field}.{name}", before.get(name), after.get(name)


def _lines(before: Any, after: Any) -> tuple[str, ...]:
    if not (isinstance(before, str) and isinstance(after, str)) or max(len(before), len(after)) <= LONG_TEXT:
        return ()
    return tuple(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1))[2:]
