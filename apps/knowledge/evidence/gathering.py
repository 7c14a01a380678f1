"""Take a question and the passages found for it apart into terms and sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass

from apps.knowledge.evidence.kinds import AnswerKind, kind_of
from apps.knowledge.lexical.analysis import UNKNOWN, terms
from apps.knowledge.sentences import sentence_spans
from apps.knowledge.types import Passage

MAX_SENTENCES = 400
_STEM_LETTERS = 5
_LEAST_CHARACTERS = 3
_ARTICLE = "\u0627\u0644"  # Arabic, written together with its word
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be been by can could did do does for from had has have he her his how i if in into is it"
        " its many may me much my name not of on or our shall she should so than that the their them there these they"
        " this to was we were what when where which who whom whose why will with would you your also",
    )
)


@dataclass(frozen=True)
class Question:
    """A question taken apart; `weights` says how much each of its terms tells: rare ones more, together 1."""

    text: str
    terms: tuple[str, ...]
    weights: Mapping[str, float]
    kind: AnswerKind | None

    def covered_by(self, found: Collection[str]) -> float:
        """Weighted share (0..1) of the question's terms among the found ones."""
        return sum(weight for term, weight in self.weights.items() if term in found)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a passage; `position` counts from the passage's first, offsets are within the passage's text."""

    passage: int
    position: int
    start: int
    end: int
    text: str
    terms: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """A question, its passages and their sentences in reading order."""

    question: Question
    passages: Sequence[Passage]
    passage_terms: Sequence[Set[str]]
    sentences: Sequence[Sentence]

    def around(self, index: int) -> set[str]:
        """The terms of a sentence and of its neighbours in the same passage."""
        here = self.sentences[index]
        near = self.sentences[max(0, index - 1) : index + 2]
        return {term for item in near if item.passage == here.passage for term in item.terms}


def gather(question: str, passages: Sequence[Passage]) -> Material:
    """Take them apart. How rare a term is gets counted over the passages that were found."""
    passage_terms = [frozenset(content_terms(passage.text)) for passage in passages]
    found = tuple(content_terms(question))
    parts = Question(question, found, _weights(found, passage_terms), kind_of(question))
    return Material(parts, passages, passage_terms, _sentences(passages))


def content_terms(text: str) -> list[str]:
    """Beginnings of words (inflected forms share them) and pairs of signs, without the most common English words."""
    return [_beginning(term) for term in terms(text, UNKNOWN) if term not in _COMMON]


def _beginning(term: str) -> str:
    bare = term[len(_ARTICLE) :] if term.startswith(_ARTICLE) and len(term) > len(_ARTICLE) + 2 else term
    return bare[:_STEM_LETTERS]


def _weights(found: Sequence[str], passages: Sequence[Set[str]]) -> dict[str, float]:
    rarity = {}
    for term in dict.fromkeys(found):
        frequency = sum(term in terms_ for terms_ in passages)
        rarity[term] = math.log(1 + (len(passages) - frequency + 0.5) / (frequency + 0.5))
    total = sum(rarity.values())
    return {term: value / total for term, value in rarity.items()}


def _sentences(passages: Sequence[Passage]) -> list[Sentence]:
    """Each once, though chunks overlap."""
    seen: set[tuple[str, int]] = set()
    sentences: list[Sentence] = []
    for index, passage in enumerate(passages):
        for position, (start, end) in enumerate(sentence_spans(passage.text)):
            place = (str(passage.document_id), passage.start + end)
            if end - start < _LEAST_CHARACTERS or place in seen or len(sentences) >= MAX_SENTENCES:
                continue
            seen.add(place)
            text = passage.text[start:end]
            sentences.append(Sentence(index, position, start, end, text, tuple(content_terms(text))))
    return sentences
