"""CoNLL: one token a line with the IOB2 tag of its span, an empty line between lines of the text.

The four columns are those of CoNLL-2003 (the first is the token, the last its tag); where it has part of speech and
chunk, these files have where the token starts and ends in its text (code points), so that they are read back exactly
but for the kind of spaces. Each item starts with `-DOCSTART-` and its id. Tokens end where spans do. IOB cannot hold
spans that overlap: of those the longest is kept. Relations are not held.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import IO
from urllib.parse import quote, unquote

from apps.labeling.formats.items import Design, FormatProblem, Item, Json, decided

_DOCUMENT = "-DOCSTART-"
_TOKEN = re.compile(r"\w+|[^\w\s]")
_NO_SPACE_BEFORE = frozenset(".,;:!?)]}%'\u2019\u201d")


def write(design: Design, items: Iterable[Item], control: str | None = None) -> Iterator[bytes]:
    """The decided spans of each item's text. Raises FormatProblem where the design has none."""
    chosen = next((one for one in design.of_type("spans") if control in (None, one["name"])), None)
    if chosen is None:
        raise FormatProblem("CoNLL holds spans of text; this design asks for none.")
    for item in items:
        text = str(item.data.get(chosen["input"]) or "")
        spans = (decided(item).get(chosen["name"]) or {}).get("spans", [])
        yield _document(item.id, text, spans).encode()


def _document(item_id: str, text: str, spans: Sequence[Json]) -> str:
    lines = [f"{_DOCUMENT} {quote(item_id, safe='') or '-X-'} -X- O", ""]
    kept = _apart(spans)
    end_before, place, begun = 0, 0, False
    for start, end in _tokens(text, kept):
        if "\n" in text[end_before:start] and lines[-1]:
            lines.append("")
        while place < len(kept) and kept[place]["end"] <= start:
            place, begun = place + 1, False
        tag = "O"
        if place < len(kept) and kept[place]["start"] <= start:
            tag = f"{'I' if begun else 'B'}-{quote(kept[place]['label'], safe=_PLAIN)}"
            begun = True
        lines.append(f"{text[start:end]} {start} {end} {tag}")
        end_before = end
    if lines[-1]:
        lines.append("")
    return "\n".join(lines) + "\n"


def _apart(spans: Sequence[Json]) -> list[Json]:
    """Spans that do not overlap, the longest first served, in the order of the text."""
    kept: list[Json] = []
    for span in sorted(spans, key=lambda one: (one["start"] - one["end"], one["start"])):
        if span["start"] < span["end"] and all(
            span["end"] <= other["start"] or span["start"] >= other["end"] for other in kept
        ):
            kept.append(span)
    return sorted(kept, key=lambda one: int(one["start"]))


def _tokens(text: str, spans: Sequence[Json]) -> Iterator[tuple[int, int]]:
    """Words and single signs, cut where spans start and end."""
    cuts = sorted({one[side] for one in spans for side in ("start", "end")})
    place = 0
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        while place < len(cuts) and cuts[place] < end:
            if cuts[place] > start:
                yield start, cuts[place]
                start = cuts[place]
            place += 1
        yield start, end


# -- In


def read(file: IO[bytes], *, text: str = "text", control: str = "entities") -> Iterator[Item]:
    """Items with their spans as known answers, from IOB2, IOB1 or IOBES tags in the last column.

    Where the middle columns are not our positions, tokens are joined by single spaces, without one before closing
    punctuation. A file without `-DOCSTART-` has one item for each block of lines. Raises FormatProblem naming the line.
    """
    reader = _Reader(text, control)
    for number, raw in enumerate(file, start=1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            raise FormatProblem("It is not UTF-8.", f"Line {number}") from error
        yield from reader.line(line, number)
    yield from reader.flush()


def design_of(labels: Iterable[str], *, text: str = "text", control: str = "entities") -> Design:
    """The design that fits a file with these labels."""
    classes = [{"name": label} for label in labels]
    asked = {"type": "spans", "name": control, "input": text, "title": "", "required": True, "classes": classes}
    return Design(({"name": text, "type": "text", "title": ""},), (asked,))


class _Reader:
    def __init__(self, text: str, control: str) -> None:
        self.text, self.control = text, control
        self.count = 0
        self.documents = False
        self._start("")

    def _start(self, item_id: str) -> None:
        self.id = item_id
        self.parts: list[str] = []
        self.length = 0
        self.spans: list[Json] = []
        self.inside = ""
        self.new_line = False

    def line(self, line: str, number: int) -> Iterator[Item]:
        columns = line.split()
        if columns and columns[0] == _DOCUMENT:
            yield from self.flush()
            self.documents = True
            self._start(unquote(columns[1]) if len(columns) > 1 and columns[1] not in ("-X-", "O") else "")
        elif columns:
            if len(columns) == 1:
                raise FormatProblem("It has one column; a token needs its tag.", f"Line {number}")
            self._token(columns, number)
        elif self.documents:
            self.new_line, self.inside = True, ""
        else:
            yield from self.flush()

    def _token(self, columns: Sequence[str], number: int) -> None:
        token = columns[0]
        start = self._place(columns, token)
        if start < self.length:
            raise FormatProblem("It starts before the token above it ends.", f"Line {number}")
        gap = start - self.length
        self.parts.append(("\n" + " " * (gap - 1) if self.new_line and gap and self.parts else " " * gap) + token)
        self.length, self.new_line = start + len(token), False
        self._tag(columns[-1], start, number)

    def _place(self, columns: Sequence[str], token: str) -> int:
        given = len(columns) == 4 and columns[1].isdecimal() and columns[2].isdecimal()
        if given and int(columns[2]) - int(columns[1]) == len(token) and int(columns[1]) < _MAX_POSITION:
            return int(columns[1])
        close = not self.parts or (token in _NO_SPACE_BEFORE and not self.new_line)
        return self.length if close else self.length + 1

    def _tag(self, tag: str, start: int, number: int) -> None:
        if tag == "O":
            self.inside = ""
            return
        kind, dash, label = tag.partition("-")
        label = unquote(label)
        if not dash or kind not in _KINDS or not label:
            raise FormatProblem(f"“{tag}” is neither O nor a tag like B-NAME or I-NAME.", f"Line {number}")
        if kind in ("I", "E") and self.inside == label:
            self.spans[-1]["end"] = self.length
        else:
            self.spans.append({"start": start, "end": self.length, "label": label})
        self.inside = "" if kind in ("E", "S") else label

    def flush(self) -> Iterator[Item]:
        """The item that was read, if anything was."""
        if self.parts:
            self.count += 1
            answer = {self.control: {"spans": self.spans, "relations": []}}
            yield Item(self.id or str(self.count), {self.text: "".join(self.parts)}, gold=answer)
        self._start("")


_KINDS = frozenset("BIES")
_MAX_POSITION = 10_000_000
#: What a label may hold as it is; spaces would make two columns of it.
_PLAIN = "".join(chr(code) for code in range(33, 127) if chr(code) != "%")
