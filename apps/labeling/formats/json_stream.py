"""Reading a JSON array of any length one element at a time."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from apps.labeling.formats.items import FormatProblem

_CHUNK = 1 << 16
MAX_ELEMENT = 8 << 20
"""Characters that one element may have."""
MAX_NESTING = 50
_TOKEN = re.compile(r'\\.|\\\Z|["\[\]{}]', re.DOTALL)


def array_elements(file: IO[bytes]) -> Iterator[Any]:
    """The elements of the JSON array that a file holds. Raises FormatProblem naming the element's number."""
    reader = _Reader(file)
    reader.expect("[", "The file must hold one JSON array, like [{…}, {…}].")
    if reader.peek() == "]":
        return
    while True:
        yield reader.element()
        if reader.peek() == "]":
            return
        reader.expect(",", f"After element {reader.number} there must be a comma or the end of the array.")
        reader.number += 1


class _Reader:
    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.json = json.JSONDecoder()
        self.text = ""
        self.at = 0
        self.ended = False
        self.number = 1
        self.depth = 0
        self.is_in_string = False
        self.escape = ""

    def more(self) -> bool:
        """Read on; whether there was anything."""
        if self.ended:
            return False
        raw = self.file.read(_CHUNK)
        self.ended = not raw
        try:
            new = self.decoder.decode(raw, final=self.ended)
        except UnicodeDecodeError as error:
            raise FormatProblem("The file is not UTF-8.") from error
        self._refuse_depth(new)
        self.text = self.text[self.at :] + new
        self.at = 0
        return bool(raw)

    def peek(self) -> str:
        """The next character that is no space; '' at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in " \t\r\n":
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def expect(self, character: str, message: str) -> None:
        if self.peek() != character:
            raise FormatProblem(message)
        self.at += 1

    def _refuse_depth(self, new: str) -> None:
        """Where a library has raised Python's recursion limit, the decoder's own in C would end the process."""
        new, self.escape = self.escape + new, ""
        for found in _TOKEN.finditer(new):
            sign = found[0]
            if sign == "\\":
                self.escape = sign  # what it escapes comes with the next chunk
            elif sign == '"':
                self.is_in_string = not self.is_in_string
            elif not self.is_in_string:
                self.depth += (sign in "[{") - (sign in "]}")
                if self.depth > MAX_NESTING + 1:
                    raise FormatProblem("This is not usable JSON: nested too deeply.", f"Element {self.number}")

    def element(self) -> Any:
        self.peek()
        wanted = 0
        while True:
            # Decoding anew with every chunk would be quadratic for a long element: the text doubles in between.
            if len(self.text) - self.at >= wanted or self.ended:
                try:
                    value, end = self.json.raw_decode(self.text, self.at)
                except (json.JSONDecodeError, RecursionError) as error:
                    self._check_size(error)
                else:
                    if end < len(self.text) or self.ended:
                        self.at = end
                        return value
                wanted = 2 * (len(self.text) - self.at)
            self.more()

    def _check_size(self, error: Exception) -> None:
        if self.ended or isinstance(error, RecursionError):
            raise FormatProblem(f"This is not JSON: {error}.", f"Element {self.number}") from error
        if len(self.text) - self.at > MAX_ELEMENT:
            raise FormatProblem(
                f"It has more than {MAX_ELEMENT:,} characters, or is not JSON.", f"Element {self.number}"
            )
