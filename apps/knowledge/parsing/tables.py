"""Rows into table blocks, one line a row; and files of comma- or tab-separated values."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from typing import Any

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.encoding import clean, decode
from apps.knowledge.parsing.reading import MAX_CHARACTERS, Reading
from apps.knowledge.types import Block, BlockKind

DELIMITERS = ",;\t|"
_SNIFFED_LINES = 60
_ALIKE_SHARE = 0.9
_LONGEST_FIELD = 5_000_000


def cell_text(value: Any) -> str:
    """One cell in one line, whole numbers without a decimal point."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    return " ".join(clean(str(value)).split())


def table_blocks(rows: Iterable[Sequence[Any]], page: int | None = None) -> Iterator[Block]:
    """A table block for each run of rows that have content; empty columns are left out.

    Raises:
        UnreadableFile: the table is larger than a document may be.
    """
    run: list[list[str]] = []
    characters = 0
    for row in rows:
        cells = [cell_text(value) for value in row]
        if any(cells):
            run.append(cells)
            characters += sum(map(len, cells)) + 3 * len(cells)
            if characters > MAX_CHARACTERS:
                raise UnreadableFile(
                    "too_much_text", "The tables hold more than 10 million characters. Split the file."
                )
        elif run:
            yield _table(run, page)
            run = []
    if run:
        yield _table(run, page)


def _table(rows: Sequence[Sequence[str]], page: int | None) -> Block:
    width = max(map(len, rows))
    used = [column for column in range(width) if any(column < len(row) and row[column] for row in rows)]
    lines = ("| " + " | ".join(row[column] if column < len(row) else "" for column in used) + " |" for row in rows)
    return Block(BlockKind.TABLE, "\n".join(lines), page=page)


def delimiter_of(text: str, *, is_named_table: bool = False) -> str:
    """The sign that separates fields, or an empty string where the text is no table.

    Lines of prose have commas too: a table has the same number of them (two or more fields) in nearly every line, in
    three lines or more, unless its name says that it is a table.
    """
    lines = text.split("\n")[: _SNIFFED_LINES + 1]
    sample = "\n".join(lines[:_SNIFFED_LINES] if len(lines) > _SNIFFED_LINES else lines)
    best, most = "", 1
    for delimiter in DELIMITERS:
        widths = [len(row) for row in _rows(sample, delimiter) if row]
        if len(widths) < (1 if is_named_table else 3):
            continue
        common = max(set(widths), key=widths.count)
        alike = widths.count(common) >= len(widths) * (0.5 if is_named_table else _ALIKE_SHARE)
        if common > most and alike:
            best, most = delimiter, common
    return best


def read_table(reading: Reading) -> list[Block]:
    """The rows of a CSV or TSV file, as one table."""
    text = clean(decode(reading.path.read_bytes()))
    delimiter = delimiter_of(text, is_named_table=True) or ","
    return list(table_blocks(row for row in _rows(text, delimiter) if row))


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(text.split("\n") if '"' not in text else text.splitlines(keepends=True), delimiter=delimiter)
    try:
        yield from reader
    except csv.Error as error:
        raise UnreadableFile("broken_file", f"Line {reader.line_num} of the table cannot be read: {error}.") from None
