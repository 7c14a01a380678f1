"""Guard rails: which questions are declined, what is masked, and what an answer must be before anybody reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

from apps.agents.specs import GuardRails
from apps.agents.types import Source
from apps.compute import runner
from apps.knowledge.sentences import sentence_spans
from apps.labeling.imports.masking import Masker

TOPIC_AT = 0.26
"""Likeness of a question to a topic from which on it is about it; docs/guides/agent-tools.md says how it was found."""

MIN_LANGUAGE_CHARACTERS = 40
"""The language of shorter texts cannot be told."""

DECLINED = "I can't help with that topic here."
NOT_CITED = "I found nothing in my documents that I could cite for this."
_MARK = re.compile(r"\[\d{1,2}\]")


@dataclass(frozen=True)
class Admitted:
    """A question as the agent may see it; `refusal` is the whole answer where it is declined."""

    question: str
    refusal: str | None = None


def admit(guard: GuardRails, question: str) -> Admitted:
    """Apply the rails for questions.

    Raises:
        RunnerUnavailable, RunnerBusy: topics cannot be compared now; nothing is let through then.
    """
    if guard.refused_topics and topic_of(question, guard.refused_topics) is not None:
        return Admitted(question, DECLINED)
    return Admitted(Masker().mask(question) if guard.mask_input else question)


def topic_of(question: str, topics: Sequence[str]) -> str | None:
    """The refused topic that a question is about, if any: by embedding, or by its words."""
    lowered = question.casefold()
    named = next((topic for topic in topics if re.search(rf"\b{re.escape(topic.casefold())}\b", lowered)), None)
    if named is not None:
        return named
    asked = runner.embed([question])[0]
    scores = {
        topic: sum(map(mul, asked, vector)) for topic, vector in zip(topics, _vectors(tuple(topics)), strict=True)
    }
    best = max(scores, key=lambda topic: scores[topic])
    return best if scores[best] >= TOPIC_AT else None


def holds_back(guard: GuardRails) -> bool:
    """Whether an answer must be whole before any of it is shown."""
    return guard.mask_output or guard.must_cite or bool(guard.max_characters) or bool(guard.language)


def released(guard: GuardRails, text: str, sources: Sequence[Source], *, has_knowledge: bool) -> str:
    """The answer as it may be read."""
    if guard.must_cite and has_knowledge and not _MARK.search(text):
        quote = next((source for source in sources if source.quote), None)
        text = f"From the documents: “{quote.quote}” [{quote.number}]" if quote is not None else NOT_CITED
    if guard.language and _language_of(text) not in ("", guard.language):
        text = f"I can only answer in the language “{guard.language}” here. Please ask again."
    if guard.mask_output:
        text = Masker().mask(text)
    return shortened(text, guard.max_characters) if guard.max_characters else text


def shortened(text: str, limit: int) -> str:
    """The text up to the last sentence that fits; a first sentence that does not fit is cut at a word."""
    if len(text) <= limit:
        return text
    ends = [end for _, end in sentence_spans(text) if end <= limit]
    return text[: ends[-1]].rstrip() if ends else f"{text[: max(1, limit - 1)].rsplit(' ', 1)[0]}…"[:limit]


def _language_of(text: str) -> str:
    """Two letters, or nothing where it cannot be told."""
    words = re.sub(r"[\W\d_]+", " ", text).strip()
    if len(words) < MIN_LANGUAGE_CHARACTERS:
        return ""
    import py3langid  # it reads its model when imported, which only agents with this rail need

    return str(py3langid.classify(words)[0])


@lru_cache(maxsize=256)
def _vectors(topics: tuple[str, ...]) -> list[list[float]]:
    return runner.embed([f"{topic} question" for topic in topics])
