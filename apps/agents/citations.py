"""Citations in an answer: every [n] points to a passage that is there and that says something of the sort."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from apps.agents.types import Source
from apps.knowledge.sentences import sentence_spans

_MARK = re.compile(r"\s?\[(\d{1,2}(?:\s*,\s*\d{1,2})*)\]")
_WORD = re.compile(r"\w{3,}")
_FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")
_LIST_NUMBER = re.compile(r"^\s*\d{1,2}[.)]\s")
#: "One" is left out, for it is often no number ("the one that…").
_NUMBER_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBER_WORD = re.compile(rf"\b(?:{'|'.join(_NUMBER_WORDS)})\b", re.IGNORECASE)
_STEM_LETTERS = 5
SUPPORT_SHARE = 0.5
"""A passage supports a sentence when it holds at least this share of the sentence's words (by their first letters), and
every number in it."""

MIN_CLAIM_WORDS = 3
UNSUPPORTED_MARK = "*(not in the documents)*"

MIN_REPEATED = 12
"""Shorter sentences may be said twice."""


@dataclass(frozen=True)
class CitedText:
    """An answer whose marks all resolve; `is_supported` is false when no passage carries any of its sentences."""

    text: str
    used: tuple[int, ...]
    is_supported: bool


def cite(text: str, sources: Sequence[Source], unsupported: str = "keep") -> CitedText:
    """Replace the model's marks by ones that hold.

    A small model invents numbers, so its marks are only kept where the passage supports the sentence; a sentence
    without a mark gets that of the passage that supports it best.

    Args:
        unsupported: what becomes of a sentence that no passage supports: `keep`, `drop`, or `mark` in words.
    """
    if not sources:
        return CitedText(_MARK.sub("", text).strip(), (), is_supported=True)
    parts: list[str] = []
    used: dict[int, None] = {}
    last = 0
    for start, end in sentence_spans(text):
        parts.append(text[last:start])
        sentence, marks = text[start:end], _supporting(text[start:end], sources)
        used |= dict.fromkeys(marks)
        parts.append(_with_marks(sentence, marks) if marks or not _claims(sentence) else _left(sentence, unsupported))
        last = end
    return CitedText("".join([*parts, text[last:]]).strip(), tuple(used), is_supported=bool(used))


def _supporting(sentence: str, sources: Sequence[Source]) -> list[int]:
    claimed = [int(number) for mark in _MARK.findall(sentence) for number in mark.split(",")]
    bare = _MARK.sub("", sentence)
    words, figures = _stems(bare), _figures(bare)
    shares = {
        source.number: _share(words, source.text) if figures <= _figures(source.text) else 0.0 for source in sources
    }
    kept = [number for number in dict.fromkeys(claimed) if shares.get(number, 0.0) >= SUPPORT_SHARE]
    if kept or not words:
        return kept
    best = max(shares, key=lambda number: shares[number])
    return [best] if shares[best] >= SUPPORT_SHARE else []


def _claims(sentence: str) -> bool:
    """Whether there is enough in a sentence to be wrong ("Of course!" is not)."""
    bare = _MARK.sub("", sentence)
    return len(_stems(bare)) >= MIN_CLAIM_WORDS or bool(_figures(bare))


def _left(sentence: str, unsupported: str) -> str:
    bare = _MARK.sub("", sentence)
    return {"drop": "", "mark": f"{bare} {UNSUPPORTED_MARK}"}.get(unsupported, bare)


def _with_marks(sentence: str, marks: Sequence[int]) -> str:
    bare = _MARK.sub("", sentence)
    return bare + "".join(f" [{number}]" for number in marks) if marks else bare


def _stems(text: str) -> set[str]:
    return {word.lower()[:_STEM_LETTERS] for word in _WORD.findall(text)}


def _figures(text: str) -> set[str]:
    """Numbers, written as digits without separators; of those in words two to twelve."""
    digits = {re.sub(r"[.,:]", "", figure) for figure in _FIGURE.findall(_LIST_NUMBER.sub("", text))}
    return digits | {str(_NUMBER_WORDS.index(word.lower()) + 2) for word in _NUMBER_WORD.findall(text)}


def _share(words: set[str], passage: str) -> float:
    return len(words & _stems(passage)) / len(words) if words else 0.0


def without_repetition(text: str) -> str:
    """The text without sentences that it has said before: small models talk in circles.

    Sentences of fewer than `MIN_REPEATED` characters ("Yes.") may come again.
    """
    seen: set[str] = set()
    kept: list[str] = []
    last = 0
    for start, end in sentence_spans(text):
        said = " ".join(_MARK.sub("", text[start:end]).lower().split())
        if len(said) < MIN_REPEATED or said not in seen:
            kept.append(text[last:end])
        seen.add(said)
        last = end
    return "".join(kept).strip()
