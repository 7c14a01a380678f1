"""What is different between an answer as it was given and the same question answered again, in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from apps.agents.types import Answer, KnowledgePin, Source, Turn

_NOT_COMPARED = frozenset({"starters", "checks"})


@dataclass(frozen=True)
class StoredAnswer:
    """An answer as it was given, with its question, what was said before it, and what gave it."""

    message_id: UUID
    agent_id: UUID
    agent_owner_id: UUID
    agent_name: str
    question: str
    turns: tuple[Turn, ...]
    text: str
    finish: str
    sources: tuple[Source, ...]
    agent_version_id: UUID | None
    config_hash: str
    language_model: str
    releases: tuple[KnowledgePin, ...]
    created_at: datetime


class CitationState(StrEnum):
    """What became of the words that a source quotes."""

    THERE = "there"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True)
class Citation:
    """A source as it was when it was quoted, what became of it, and the page that shows it in its document.

    `url` is empty for those who may not see the document, and where the words are not there any more.
    """

    source: Source
    state: CitationState
    url: str
    may_see_passage: bool


@dataclass(frozen=True)
class Change:
    """One thing that is different. `what` is one of: version, instruction (any field), model, classifier, documents."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class SourceChange:
    """A source of either answer: `kept`, `moved` in the order, `gone`, `new`, or its document `removed`."""

    state: str
    source: Source


@dataclass(frozen=True)
class Replay:
    """An old answer beside a new one to the same question, and what explains the difference."""

    message_id: UUID
    question: str
    before: StoredAnswer
    after: Answer
    is_as_pinned: bool
    changes: tuple[Change, ...]
    sources: tuple[SourceChange, ...]
    reason: str

    @property
    def is_same(self) -> bool:
        """Whether the words are the same."""
        return " ".join(self.before.text.split()) == " ".join(self.after.text.split())


def compare_sources(
    before: Sequence[Source], after: Sequence[Source], existing: Collection[UUID]
) -> tuple[SourceChange, ...]:
    """The sources of both, the old ones first. A passage is the same where document and characters are."""
    old, new = {_place(source): source for source in before}, {_place(source): source for source in after}
    found: list[SourceChange] = []
    for place, source in old.items():
        if place in new:
            found.append(SourceChange("kept" if new[place].number == source.number else "moved", source))
        else:
            found.append(SourceChange("gone" if source.document_id in existing else "removed", source))
    return (*found, *(SourceChange("new", source) for place, source in new.items() if place not in old))


def compare_settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Fields of two configurations that differ."""
    return [
        Change(name.replace("_", " "), _words(before.get(name)), _words(after.get(name)))
        for name in sorted(set(before) | set(after))
        if name not in _NOT_COMPARED and before.get(name) != after.get(name)
    ]


def compare_documents(before: Collection[str], after: Collection[str]) -> list[Change]:
    """Documents (by name) that the one answer could draw on and the other could not."""
    gone, added = sorted(set(before) - set(after)), sorted(set(after) - set(before))
    found = [Change("documents", f"{name}", "removed") for name in gone]
    return [*found, *(Change("documents", "not there", f"{name} added") for name in added)]


def reason_of(*, is_same: bool, changes: Sequence[Change], sources: Sequence[SourceChange], temperature: float) -> str:
    """Why the words differ, or that they do not, in one sentence."""
    differing = [item for item in sources if item.state not in ("kept", "moved")]
    if is_same:
        return "The answer is the same."
    parts = []
    if changes:
        parts.append(
            "what the agent is made of changed (" + ", ".join(dict.fromkeys(item.what for item in changes)) + ")"
        )
    if differing:
        parts.append(f"{len(differing)} source{'s' if len(differing) > 1 else ''} differ")
    if not parts and temperature > 0:
        return f"Nothing it is made from changed: the model chooses its words by chance (temperature {temperature:g})."
    if not parts:
        return "Nothing it is made from changed, but the words differ: the way answers are found was improved since."
    return f"The words differ because {' and '.join(parts)}."


def _place(source: Source) -> tuple[UUID, int, int]:
    return source.document_id, source.start, source.end


def _words(value: Any) -> str:
    text = "none" if value in (None, "", [], {}, ()) else str(value)
    return text if len(text) <= 300 else f"{text[:297]}..."
