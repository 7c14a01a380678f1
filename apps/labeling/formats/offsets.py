"""Positions in a text: Unicode code points here, UTF-16 code units in what runs in a browser."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

_LAST_OF_ONE_UNIT = "\uffff"


class Utf16:
    """Converts positions in one text both ways; costs nothing for a text without characters of two units."""

    def __init__(self, text: str) -> None:
        self.length = len(text)
        self._units: list[int] | None = None
        if not text.isascii() and max(text) > _LAST_OF_ONE_UNIT:
            self._units = [0, *accumulate(2 if character > _LAST_OF_ONE_UNIT else 1 for character in text)]

    def units(self, position: int) -> int:
        """Code points -> UTF-16 units."""
        return position if self._units is None else self._units[position]

    def points(self, units: int) -> int:
        """UTF-16 units -> code points; a position within a character counts as its start."""
        if self._units is None:
            return min(units, self.length)
        place = bisect_left(self._units, units)
        if place > self.length:
            return self.length
        return place if self._units[place] == units else place - 1
