"""Words of transcriptions: how far two texts agree, and the text that several lead to together (ROVER).

Fiscus, "A post-processing system to yield reduced word error rates: Recognizer Output Voting Error Reduction" (1997):
align the texts word by word into a network of slots, then vote in each slot. Crowd-kit has it without weights, its
result depends on the order of the texts, and it needs pandas, which costs two seconds where one item is decided; here
votes are weighted by the annotators' accuracy and the texts are aligned from the most reliable one on.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.labeling.controls.base import AnswerProblem
from apps.labeling.controls.votes import decide
from apps.labeling.controls.voting import MAX_CONFIDENCE

if TYPE_CHECKING:
    from numpy import ndarray

MAX_WORDS = 2_000
#: How many words a listener could have taken for the one spoken; the less likely it is that two mishear alike.
WRONG_WORDS = 10
# Scripts that put no spaces between words: each character counts as one (Thai, Lao, Burmese, Khmer, kana, Han).
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"(\s*)([{_UNSPACED}][\u0300-\u036f\u0e31\u0e34-\u0e4e]*|[^\s{_UNSPACED}]+)")


@dataclass(frozen=True, slots=True)
class Word:
    """A word as written; `key` is what counts in comparisons, `is_apart` whether a space stands before it."""

    written: str
    key: str
    is_apart: bool


@dataclass(slots=True)
class _Slot:
    """A place in the network: (voter, word or None where the voter has nothing there)."""

    votes: list[tuple[int, Word | None]]

    @property
    def keys(self) -> set[str]:
        return {word.key if word else "" for _, word in self.votes}


def check_text(text: Any, what: str, most: int, field: str = "") -> str:
    """Text that can be stored, with line ends as `\\n`. Raises AnswerProblem; `what` names it and begins a sentence."""
    if not isinstance(text, str):
        raise AnswerProblem(f"{what} is no text; give a string.", field)
    if len(text) > most:
        raise AnswerProblem(f"{what} has {len(text):,} characters; at most {most:,} are taken.", field)
    # PostgreSQL stores no U+0000, and nobody a half of a surrogate pair.
    if any(one == "\x00" or "\ud800" <= one <= "\udfff" for one in text):
        raise AnswerProblem(f"{what} has a character that cannot be stored; type it again instead of pasting.", field)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def normalised(text: str) -> str:
    """NFC, and every run of white space one space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def words(text: str) -> list[Word]:
    """The words of a normalised text; case and punctuation at their ends do not count in comparisons."""
    return [
        Word(written, _key(written), bool(space))
        for space, written in (match.groups() for match in _WORD.finditer(text))
    ]


def word_similarity(one: str, other: str) -> float:
    """1 - word error rate, over the longer text, so that it is symmetric and stays within 0 and 1."""
    mine, theirs = [word.key for word in words(one)], [word.key for word in words(other)]
    longest = max(len(mine), len(theirs))
    if longest == 0 or mine == theirs:
        return 1.0
    slots = [{key} for key in mine]
    return 1 - int(_distances(slots, theirs)[-1, -1]) / longest


def rover(texts: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """The text that (text, accuracy of its annotator) lead to, and the share of its words expected to be right."""
    ordered = sorted(texts, key=lambda one: (-one[1], one[0]))
    if len({text for text, _ in ordered}) == 1 and not ordered[0][0]:
        return "", decide([("", accuracy) for _, accuracy in ordered], wrong_options=1).probability
    network: list[_Slot] = []
    for voter, (text, _) in enumerate(ordered):
        network = _joined(network, words(text), voter)
    said: list[str] = []
    sure: list[float] = []
    for slot in network:
        key = decide(
            [(word.key if word else "", ordered[voter][1]) for voter, word in slot.votes], wrong_options=WRONG_WORDS
        )
        sure.append(key.probability)
        if key.option:
            said.append(_spelled([(word, ordered[voter][1]) for voter, word in slot.votes if word], key.option))
    return normalised("".join(said)), min(MAX_CONFIDENCE, sum(sure) / len(sure))


def _key(written: str) -> str:
    folded = unicodedata.normalize("NFKC", written).casefold()
    bare = folded.strip("".join({one for one in folded if unicodedata.category(one).startswith("P")}))
    return bare or folded


def _spelled(votes: Sequence[tuple[Word, float]], key: str) -> str:
    """How a slot's word is written: case, punctuation and the space before it as most have it."""
    same = [(word, accuracy) for word, accuracy in votes if word.key == key]
    written = decide([(word.written, accuracy) for word, accuracy in same], wrong_options=WRONG_WORDS).option
    apart = decide([(word.is_apart, accuracy) for word, accuracy in same], wrong_options=1).option
    return f" {written}" if apart else written


def _joined(network: list[_Slot], said: Sequence[Word], voter: int) -> list[_Slot]:
    """The network with one more text: matching words meet in a slot, others get slots of their own."""
    if voter == 0:
        return [_Slot([(0, word)]) for word in said]
    keys = [slot.keys for slot in network]
    distances = _distances(keys, [word.key for word in said])
    joined: list[_Slot] = []
    row, column = len(said), len(network)
    while row or column:
        here = distances[row, column]
        if row and column and here == distances[row - 1, column - 1] + (said[row - 1].key not in keys[column - 1]):
            row, column = row - 1, column - 1
            joined.append(_Slot([*network[column].votes, (voter, said[row])]))
        elif column and here == distances[row, column - 1] + ("" not in keys[column - 1]):
            column -= 1
            joined.append(_Slot([*network[column].votes, (voter, None)]))
        else:
            row -= 1
            joined.append(_Slot([*((earlier, None) for earlier in range(voter)), (voter, said[row])]))
    return joined[::-1]


def _distances(slots: Sequence[set[str]], said: Sequence[str]) -> ndarray[Any, Any]:
    """Edit distances of all beginnings of `said` (rows) to all beginnings of the slots (columns)."""
    # Imported here: most questions are no transcriptions, and their processes need no numpy.
    import numpy

    skipping = numpy.array([0, *(0 if "" in keys else 1 for keys in slots)], dtype=numpy.int32).cumsum()
    holding = {key: numpy.array([key not in keys for keys in slots], dtype=numpy.int32) for key in set(said)}
    table = numpy.empty((len(said) + 1, len(slots) + 1), dtype=numpy.int32)
    table[0] = skipping
    for row, key in enumerate(said, start=1):
        above = table[row - 1]
        best = above + 1
        best[1:] = numpy.minimum(best[1:], above[:-1] + holding[key])
        # Skipping slots to the right: the least of `best[k] + cost of k..j`, for all j at once.
        table[row] = numpy.minimum.accumulate(best - skipping) + skipping
    return table
