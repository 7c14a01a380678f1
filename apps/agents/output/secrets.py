"""What an answer must never say: the instruction's own words, codes that stand in it, and canaries of documents."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property

from apps.agents.output.views import decoded, folded, turned

GRAM = 32
"""So many folded letters and digits in a row (five or six words) are a piece of the protected text, no coincidence."""

DENSE_GRAM = 12
"""The same in scripts whose letters are syllables or words."""

MIN_CODE = 12
"""Words of at least this length that mix letters and digits are codes: a secret of the instruction, or a canary."""

_CODE = re.compile(rf"[\w-]{{{MIN_CODE},}}")
_DENSE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
#: What an instruction tells the model to say stands in quotation marks.
_MEANT_TO_BE_SAID = re.compile(
    '"[^"\n]{2,}"|\u201c[^\u201d\n]+\u201d|\u00ab[^\u00bb\n]+\u00bb|\u201e[^\u201c\n]+\u201c'
)
_WINDOW = 160
_SURE = 6


class Secrets:
    """Finds protected texts in what a model writes, also turned around, spaced out or encoded."""

    def __init__(
        self,
        *,
        texts: Sequence[str] = (),
        codes: Iterable[str] = (),
        copied: Sequence[str] = (),
        allowed: Sequence[str] = (),
    ) -> None:
        """Protect texts and codes.

        Args:
            texts: not said in any form, from `GRAM` letters on.
            codes: not said in any form.
            copied: may be said as they are (their length is limited elsewhere), not in disguise.
            allowed: what the reader knows or may know; a protected text that says the same may be said.
        """
        texts = [part for text in texts for part in _MEANT_TO_BE_SAID.split(text)]
        known = {gram for text in allowed for gram in _grams(folded(text))}
        told = {*codes, *(code for text in texts for code in codes_in(text))}
        told -= {code for text in (*allowed, *copied) for code in codes_in(text)} - set(codes)
        self._codes = {form for code in told for form in (folded(code), *turned(code)) if len(form) >= MIN_CODE // 2}
        self._grams = {gram for text in texts for form in (folded(text), *turned(text)) for gram in _grams(form)}
        self._grams -= known
        self._disguised: set[str] = set()
        self._copied: set[str] = set()
        self.protect_from_disguise(copied)

    def protect_from_disguise(self, copied: Sequence[str]) -> None:
        """More texts that may be said as they are, not turned around or encoded."""
        self._disguised |= {gram for text in copied for form in turned(text) for gram in _grams(form)}
        self._copied |= {gram for text in copied for gram in _grams(folded(text))}
        self._grams -= self._copied
        self._plain = self._grams | self._disguised
        self._hidden = self._plain | self._copied
        self.__dict__.pop("_begun", None)

    def told_in(self, text: str) -> bool:
        """Whether the text says any of it."""
        if not (self._codes or self._hidden):
            return False
        plain = folded(text)
        if self._found(plain, self._plain):
            return True
        said = set(_grams(plain)) & self._copied
        return any(self._found(folded(view), self._hidden, said) for view in decoded(text))

    def begun_at(self, text: str) -> int:
        """Where the end of the text may be the beginning of a secret; its length where it is not.

        What lies behind is held back until the next words tell.
        """
        tail = text[-_WINDOW:]
        word = max(tail.rfind(" "), tail.rfind("\n")) + 1
        start = len(text) - len(tail)
        for at in _word_starts(tail):
            if self._continues(folded(tail[at:])):
                return start + at
        return start + word

    def _found(self, view: str, grams: set[str], said: Collection[str] = ()) -> bool:
        if any(code in view for code in self._codes):
            return True
        return any(gram in grams and gram not in said for gram in _grams(view))

    def _continues(self, view: str) -> bool:
        """Whether the secret could go on from here: the view is the beginning of a gram or of a code."""
        return len(view) >= _SURE and any(known.startswith(view) for known in self._begun.get(view[:_SURE], ()))

    @cached_property
    def _begun(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for known in (*self._codes, *self._grams, *self._disguised):
            found.setdefault(known[:_SURE], []).append(known)
        return found


def codes_in(text: str) -> list[str]:
    """Words that mix letters and digits and are too long to be guessed: keys, passwords, canaries."""
    return [
        word
        for word in _CODE.findall(text)
        if any(sign.isdigit() for sign in word) and any(sign.isalpha() for sign in word)
    ]


def _grams(text: str) -> Iterator[str]:
    """All runs of `GRAM` letters; in dense scripts shorter ones."""
    for at in range(len(text) - DENSE_GRAM + 1):
        short = text[at : at + DENSE_GRAM]
        if _DENSE.match(short) and len(_DENSE.findall(short)) > DENSE_GRAM // 2:
            yield short
        elif at + GRAM <= len(text):
            yield text[at : at + GRAM]


def _word_starts(text: str) -> list[int]:
    return [0, *(at + 1 for at, sign in enumerate(text) if sign.isspace())]
