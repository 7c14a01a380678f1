"""The rules for one answer: what it must not say, what it may copy, and the sources that its reader may see."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from apps.agents.output.copying import Allowance, Copied, CopyLimit, merged
from apps.agents.output.guard import OutputGuard
from apps.agents.output.secrets import Secrets
from apps.agents.types import Source, Step
from apps.knowledge.types import Passage

Allowances = Callable[[Sequence[UUID]], Mapping[UUID, Allowance]]
"""Gives what the reader may still have of each document. Blocks."""


@dataclass
class Reach:
    """How much of which passages may be copied; what was told is counted as the answer is written.

    Args:
        own: knowledge bases of the reader's own, to which no limit applies.
        longest: letters and digits of one run.
    """

    longest: int
    own: frozenset[UUID]
    allowances_of: Allowances
    allowances: dict[UUID, Allowance] = field(default_factory=dict)
    passages: list[Copied] = field(default_factory=list)
    told: dict[UUID, list[tuple[int, int]]] = field(default_factory=dict)

    def add(self, passages: Sequence[Passage]) -> list[Copied]:
        """Take in passages that the model gets to see; returns the limited ones among them. Blocks."""
        limited = [item for item in passages if item.knowledge_base_id not in self.own]
        new = [item for item in dict.fromkeys(item.document_id for item in limited) if item not in self.allowances]
        if new:
            self.allowances |= self.allowances_of(new)
        copied = [Copied(item.document_id, item.start, item.text) for item in limited]
        self.passages += copied
        return copied

    def quote(self, source: Source) -> Source:
        """The source with its quoted sentence alone, as far as that may be told."""
        if source.knowledge_base_id in self.own:
            return source
        quote = _beginning(source.quote, self.longest)
        allowance = self.allowances.get(source.document_id)
        start = source.quote_start if source.quote_start is not None else source.start
        if quote and allowance is not None:
            fresh = sum(quote[at].isalnum() and not allowance.is_told(start + at) for at in range(len(quote)))
            if fresh > allowance.left:
                quote = ""
            else:
                allowance.left -= fresh
                self.note({source.document_id: [(start, start + len(quote))]})
        end = start + len(quote) if source.quote_end is not None else None
        return replace(source, text=quote, quote=quote, quote_end=end)

    def note(self, told: Mapping[UUID, Sequence[tuple[int, int]]]) -> None:
        """Remember what the reader has had."""
        for document_id, spans in told.items():
            self.told[document_id] = merged([*self.told.get(document_id, ()), *spans])
            if document_id in self.allowances:
                known = self.allowances[document_id]
                known.told = merged([*known.told, *spans])


class OutputRules:
    """What holds for one answer. Without `reach` the reader is the owner, and everything may be told."""

    def __init__(self, secrets: Secrets | None = None, reach: Reach | None = None) -> None:
        self._secrets = secrets or Secrets()
        self._reach = reach
        self._limit: CopyLimit | None = None
        self._shown: dict[UUID, Source] = {}
        self.is_withheld = False

    @property
    def is_open(self) -> bool:
        """Whether nothing is held back."""
        return self._reach is None

    @property
    def told(self) -> Mapping[UUID, list[tuple[int, int]]]:
        """The spans of documents that the reader had word for word."""
        return self._reach.told if self._reach is not None else {}

    def found(self, sources: Sequence[Source]) -> tuple[Source, ...]:
        """The sources before their sentences are known: where they stand, without their text."""
        if self._reach is None:
            return tuple(sources)
        own = self._reach.own
        return tuple(
            source if source.knowledge_base_id in own else replace(source, text="", quote="") for source in sources
        )

    def sources(self, sources: Sequence[Source]) -> tuple[Source, ...]:
        """The sources as the reader may see them: the quoted sentences, and no passages around them."""
        if self._reach is None:
            return tuple(sources)
        for source in sources:
            if source.chunk_id not in self._shown:
                shown = self._reach.quote(source)
                is_secret = self._secrets.told_in(shown.quote)
                self._shown[source.chunk_id] = replace(shown, text="", quote="") if is_secret else shown
        return tuple(replace(self._shown[source.chunk_id], number=source.number) for source in sources)

    def add(self, passages: Sequence[Passage]) -> None:
        """A tool has found further passages for the model. Blocks."""
        if self._reach is None:
            return
        copied = self._reach.add(passages)
        self._secrets.protect_from_disguise([item.text for item in copied])
        if self._limit is not None:
            self._limit.extend(copied)

    def guard(self) -> OutputGuard:
        """A guard for the stream of words."""
        if self._reach is None:
            return OutputGuard(None)
        self._limit = CopyLimit(self._reach.passages, self._reach.longest, self._reach.allowances)
        return OutputGuard(self._secrets, self._limit)

    def settle(self) -> None:
        """Count what was streamed as told: it may be said again."""
        if self._reach is not None and self._limit is not None:
            self._reach.note(self._limit.told)

    def said(self, text: str) -> str:
        """The finished answer as it may be shown and kept; empty where it `is_withheld`."""
        if self._reach is None:
            return text
        self.settle()
        limit = CopyLimit(self._reach.passages, self._reach.longest, self._reach.allowances)
        guard = OutputGuard(self._secrets, limit)
        passed = guard.feed(text) + guard.close()
        self._reach.note(limit.told)
        self.is_withheld = self.is_withheld or guard.is_withheld
        return "" if guard.is_withheld else passed

    def tells(self, value: Any) -> bool:
        """Whether something else that leaves, as the arguments of a tool, says what must not be said."""
        if self._reach is None:
            return False
        return self._secrets.told_in(json.dumps(value, ensure_ascii=False, default=str))

    def traced(self, step: Step) -> Step:
        """A step of the trace as the reader may see it: what tools were told and answered is the owner's business."""
        if self._reach is None or step.kind != "tool":
            return step
        return replace(step, detail={})


def _beginning(text: str, letters: int) -> str:
    """The text up to so many letters and digits."""
    for at, sign in enumerate(text):
        letters -= sign.isalnum()
        if letters < 0:
            return text[:at]
    return text
