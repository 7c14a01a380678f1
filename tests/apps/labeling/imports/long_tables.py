"""Long tables with bad rows spread in, and what an import must make of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

WORDS = "the parcel came late but well packed and our support answered within a day thank you very much Grüße".split()  # noqa: SIM905  # a sentence
BAD_EVERY = 100
MASKED_EVERY = 50
TOO_LONG = "a" * 20_001
LONG_ID = "i" * 201

#: A bad row's bytes with {id}, the column at fault and a part of the reason.
CSV_FAULTS: tuple[tuple[bytes, str, str], ...] = (
    (b"{id},broken \xff\xe9 bytes,good", "text", "Byte 0xff is not valid UTF-8"),
    (b"n0,used before,good", "id", "already used in row 2"),
    (b"{id},no label", "", "The row has 2 fields, the heading has 3"),
    (b"{id}," + TOO_LONG.encode() + b",good", "text", "20,001 characters; at most 20,000"),
    (b"{id},,good", "text", "nothing to be labelled"),
    (b"{id},too,many,fields", "", "The row has 4 fields, the heading has 3"),
    (b"{id},a NUL \x00,good", "text", "NUL"),
    (b'{id},"never closed,good', "", "never closed"),
    (LONG_ID.encode() + b",long id,good", "id", "longer than 200"),
)
JSONL_FAULTS: tuple[tuple[bytes, str, str], ...] = (
    (b'{"id": "{id}", "text": "broken \xff\xe9 bytes"}', "text", "Byte 0xff is not valid UTF-8"),
    (b'{"id": "n0", "text": "used before"}', "id", "already used in row 1"),
    (b'{"id": "{id}", "label": "good"}', "text", "nothing to be labelled"),
    (b'{"id": "{id}", "text": "' + TOO_LONG.encode() + b'"}', "text", "20,001 characters; at most 20,000"),
    (b'{"id": "{id}", "text": "cut o', "", "Not JSON"),
    (b'{"id": "{id}", "text": {"de": "Hallo"}}', "text", "Holds an object"),
    (b'{"id": "{id}", "text": "a NUL \\u0000"}', "text", "NUL"),
    (b"[1, 2]", "", "must be one object"),
    (b'{"id": "' + LONG_ID.encode() + b'", "text": "long id"}', "id", "longer than 200"),
)
FAULTS = {"csv": CSV_FAULTS, "jsonl": JSONL_FAULTS}
HEADING_ROWS = {"csv": 1, "jsonl": 0}

Item = tuple[int, str, str, str]
"""Row, id, masked text, known label."""
Fault = tuple[int, str, str]
"""Row, column, a part of the reason."""


def write_table(path: Path, kind: str, count: int) -> None:
    """A table of `count` rows, each hundredth of them bad."""
    faults = FAULTS[kind]
    with path.open("wb") as file:
        if kind == "csv":
            file.write(b"id,text,label\n")
        for number in range(count):
            if _is_bad(number):
                line = faults[number // BAD_EVERY % len(faults)][0].replace(b"{id}", f"n{number}".encode())
            else:
                text, label = _text(number), _label(number)
                if kind == "csv":
                    line = f"n{number},{text},{label}".encode()
                else:
                    line = json.dumps({"id": f"n{number}", "text": text, "label": label}, ensure_ascii=False).encode()
            file.write(line + b"\n")


def items(kind: str, count: int) -> Iterator[Item]:
    """What must be imported, in this order."""
    first = 1 + HEADING_ROWS[kind]
    for number in range(count):
        if not _is_bad(number):
            text = _text(number).replace(f"user{number}@example.org", "[EMAIL 1]")
            yield number + first, f"n{number}", text, _label(number)


def faults(kind: str, count: int) -> Iterator[Fault]:
    """What must be quarantined, in this order."""
    first = 1 + HEADING_ROWS[kind]
    for number in filter(_is_bad, range(count)):
        _, column, reason = FAULTS[kind][number // BAD_EVERY % len(FAULTS[kind])]
        yield number + first, column, reason


def masked(count: int) -> int:
    """How many items hold personal data."""
    return sum(1 for number in range(count) if number % MASKED_EVERY == 0 and not _is_bad(number))


def _is_bad(number: int) -> bool:
    return number % BAD_EVERY == BAD_EVERY - 1


def _text(number: int) -> str:
    text = " ".join(WORDS[(number * step + step) % len(WORDS)] for step in range(1, 17))
    return f"{text} write to user{number}@example.org" if number % MASKED_EVERY == 0 else text


def _label(number: int) -> str:
    return "good" if number % 2 else "bad"
