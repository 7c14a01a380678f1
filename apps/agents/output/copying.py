"""How long an answer may copy from documents that are not the reader's: told letter by letter, while it is written."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

SHORT_RUN = 32
"""Letters and digits that may always agree with a document: names, figures, phrases."""

_NEAR = 64
"""A copy that goes on within so many letters of where it stopped is the same copy with a word put in or left out."""

_SURE = 12
"""Letters after which a match is no coincidence."""

_CUT = "[…]"


@dataclass(frozen=True)
class Copied:
    """A passage that may be copied from; `text` begins at character `start` of its document."""

    document_id: UUID
    start: int
    text: str


@dataclass
class Allowance:
    """What one reader may still have word for word of one document.

    `told` are the spans of the document that the reader has had, sorted and apart; saying them again costs nothing.
    """

    left: int
    told: list[tuple[int, int]] = field(default_factory=list)

    def is_told(self, position: int) -> bool:
        """Whether the reader has had this character."""
        at = bisect_right(self.told, (position, 1 << 62)) - 1
        return at >= 0 and self.told[at][0] <= position < self.told[at][1]


class CopyLimit:
    """Passes on what is written, without what is copied beyond the limits.

    Letters and digits are compared, in one case; spaces, punctuation and marks do not interrupt a copy.
    """

    def __init__(self, passages: Sequence[Copied], longest: int, allowances: Mapping[UUID, Allowance]) -> None:
        self._longest = longest
        self._allowances = allowances
        self._hay, self._places = "", list[tuple[UUID, int]]()
        self.extend(passages)
        self._match = ""
        self._match_end = 0
        self._run = 0
        self._stopped: tuple[int, int] | None = None
        self._is_cut = False
        self._held: list[str] = []
        self._spans: dict[UUID, list[tuple[int, int]]] = {}

    def extend(self, passages: Sequence[Copied]) -> None:
        """Compare with further passages from now on."""
        hay, places = _woven(passages)
        self._hay += hay
        self._places += places

    @property
    def told(self) -> dict[UUID, list[tuple[int, int]]]:
        """The spans of each document that were passed on, merged."""
        return {document: merged(spans) for document, spans in self._spans.items()}

    def feed(self, text: str) -> str:
        """The part of `text` that may be said."""
        if not self._hay:
            return text
        return "".join(self._pass_on(sign) for sign in text)

    @property
    def _is_copy(self) -> bool:
        """Whether what is being written is copied: long enough by itself, or the rest of a copy with words put in."""
        return len(self._match) >= SHORT_RUN or (self._run >= SHORT_RUN and self._run > len(self._match) >= _SURE)

    def close(self) -> str:
        """What was held back and has not become a copy, once nothing more is written."""
        held, self._held = "".join(self._held), []
        return held

    def _pass_on(self, sign: str) -> str:
        key = _key(sign)
        if not key:
            return self._put_off(sign) if self._held else "" if self._is_cut else sign
        self._advance(key)
        if self._is_copy and (self._is_cut or not self._may_say()):
            was_cut, self._is_cut = self._is_cut, True
            self._held.clear()
            return "" if was_cut else _CUT
        was_cut, self._is_cut = self._is_cut, self._is_cut and self._is_copy
        shown = f" {sign}" if was_cut and not self._is_cut else sign
        return self._put_off(shown) if self._may_become_too_much() else self.close() + shown

    def _put_off(self, sign: str) -> str:
        """Wait for the next letters: whether this is the beginning of a copy."""
        self._held.append(sign)
        return ""

    def _may_become_too_much(self) -> bool:
        """Whether this is a copy if it goes on, of a document that the reader has had enough of."""
        if not _SURE <= len(self._match) < SHORT_RUN or self._is_copy:
            return False
        document, position = self._places[self._match_end - 1]
        allowance = self._allowances.get(document)
        return allowance is not None and allowance.left < SHORT_RUN and not allowance.is_told(position)

    def _advance(self, key: str) -> None:
        if self._match and self._hay.startswith(key, self._match_end):
            self._match, self._match_end, self._run = self._match + key, self._match_end + len(key), self._run + 1
        else:
            self._break_off(key)
        if self._stopped is not None and len(self._match) >= _SURE:
            self._go_on(*self._stopped)

    def _break_off(self, key: str) -> None:
        """The copy stops here; what is left of it may be the beginning of another."""
        if self._run >= _SURE:
            self._stopped = (self._match_end, self._run)
        left = self._match + key
        at = self._hay.find(left)
        while at < 0 and left:
            left = left[1:]
            at = self._hay.find(left) if left else -1
        self._match, self._match_end, self._run = left, max(at, 0) + len(left), len(left)

    def _go_on(self, end: int, run: int) -> None:
        """Join the match to the copy that stopped at `end`, if it goes on near there."""
        size = len(self._match)
        at = self._hay.find(self._match, max(0, end - _NEAR), end + _NEAR + size)
        if at >= 0:
            self._match_end, self._run, self._stopped = at + size, run + size, None

    def _may_say(self) -> bool:
        """Whether the letter that was just matched may be passed on; if so, it is counted."""
        document, position = self._places[self._match_end - 1]
        allowance = self._allowances.get(document)
        if self._run > self._longest:
            return False
        if allowance is None or allowance.is_told(position):
            return True
        fresh = SHORT_RUN if len(self._match) == SHORT_RUN else 1
        if allowance.left < fresh:
            return False
        allowance.left -= fresh
        first = self._places[self._match_end - fresh][1] if fresh > 1 else position
        self._spans.setdefault(document, []).append((min(first, position), position + 1))
        return True


def merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, joined where they touch or leave out a few characters between words."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1] + 3:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def length(spans: Sequence[tuple[int, int]]) -> int:
    """Characters in merged spans."""
    return sum(end - start for start, end in spans)


def longest_copy(text: str, source: str) -> int:
    """Letters and digits of the longest run that a text has word for word from a source."""
    needle, hay = "".join(map(_key, text)), "".join(map(_key, source))
    best = run = at = 0
    while at + best < len(needle):
        run = best
        while at + run < len(needle) and needle[at : at + run + 1] in hay:
            run += 1
        best, at = max(best, run), at + 1
    return best


def _key(sign: str) -> str:
    return sign.casefold() if sign.isalnum() else ""


def _woven(passages: Sequence[Copied]) -> tuple[str, list[tuple[UUID, int]]]:
    """The letters and digits of all passages, and of each its document and place there."""
    letters: list[str] = []
    places: list[tuple[UUID, int]] = []
    for passage in passages:
        for index, sign in enumerate(passage.text):
            for key in _key(sign):
                letters.append(key)
                places.append((passage.document_id, passage.start + index))
        letters.append("\n")  # no copy runs from one passage into the next
        places.append((passage.document_id, passage.start + len(passage.text)))
    return "".join(letters), places
