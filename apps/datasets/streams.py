"""Reading a table of any length row by row: CSV, JSONL and Parquet, in memory that does not grow with the file.

A bad row comes out as a fault with its number and reason, and reading goes on behind it; `apps.datasets.tables` reads a
small table whole or not at all. Rows are numbered alike: in CSV the heading is row 1, in JSONL the row is the line, in
Parquet the first row is 1.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from apps.core.errors import InvalidInput
from apps.datasets import tables
from apps.datasets.tables import MAX_COLUMNS, MAX_FIELD_CHARACTERS

SCAN_BYTES = 1 << 20
HEADING_BYTES = 1 << 16
MAX_LINE_CHARACTERS = 4_000_000
#: A record with more lines than this has a quote that is never closed.
MAX_RECORD_LINES = 1_000
PARQUET_BATCH = 1_000
MAX_ROW_GROUP_BYTES = 1 << 30
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_BROKEN = re.compile("[\udc80-\udcff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class StreamedRow:
    """One row: its values, or why it cannot be used.

    Attributes:
        number: as the file's author counts.
        values: column -> text, number, truth value, list or object ('' or None where there is none).
        field: the column at fault.
        fault: what is wrong with it; '' for a good row.
        fraction: how much of the file has been read, from 0 to 1.
    """

    number: int
    values: dict[str, Any]
    fraction: float
    field: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Encoding:
    """How a text file is written; `mark` is the length of its byte order mark."""

    name: str
    mark: int = 0

    @property
    def shown(self) -> str:
        """Its name for people."""
        return {"utf-8": "UTF-8", "cp1252": "UTF-8 or Latin-1"}.get(self.name, "UTF-16")


def detect_encoding(file: IO[bytes]) -> Encoding:
    """The encoding of a whole text file, read once in pieces; the file is at its start again afterwards.

    UTF-8 with some broken bytes stays UTF-8 (their rows are at fault, not the file); where the broken ones are as many
    as the sound ones it is Windows-1252.
    """
    start = file.read(4)
    file.seek(0)
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if start.startswith(mark):
            return Encoding(name, len(mark))
    decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    sound = broken = 0
    while chunk := file.read(SCAN_BYTES):
        text = decoder.decode(chunk)
        if not text.isascii():
            wrong = len(_BROKEN.findall(text))
            broken += wrong
            sound += sum(1 for character in text if character > "\x7f") - wrong
    file.seek(0)
    return Encoding("cp1252" if broken and sound <= broken else "utf-8")


def is_jsonl(name: str, head: bytes) -> bool:
    """Whether a text file is JSONL: its first character decides, whatever it is called."""
    text = head.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")
    return text.startswith((b"{", b"[")) or (name.lower().endswith((".jsonl", ".ndjson")) and not text)


def stream_text(file: IO[bytes], name: str, size: int, *, columns_wanted: Sequence[str] = ()) -> Iterator[StreamedRow]:
    """The rows of a CSV or JSONL file, seekable and opened for bytes.

    Args:
        columns_wanted: help to find a CSV file's separator.

    Raises:
        InvalidInput: `empty_file`, `wrong_columns` or `not_jsonl`: nothing in it can be used.
    """
    head = file.read(HEADING_BYTES)
    file.seek(0)
    encoding = detect_encoding(file)
    file.seek(encoding.mark)
    errors = "replace" if encoding.name.startswith("utf-16") else "surrogateescape"
    counted = _Counted(file, encoding.mark)
    text = io.TextIOWrapper(io.BufferedReader(counted, SCAN_BYTES), encoding=encoding.name, errors=errors, newline="")
    try:
        lines = _Lines(text)
        rows = _jsonl(lines, name) if is_jsonl(name, head) else _csv(lines, name, columns_wanted)
        empty = True
        for number, values, field, fault in rows:
            empty = False
            if not fault:
                field, fault = _fault_in(values, encoding)
            yield StreamedRow(number, values, min(1.0, counted.position / max(1, size)), field, fault)
        if empty:
            raise _unusable("empty_file", name, "The file has no rows. It needs a heading and at least one row.")
    finally:
        text.detach()


def stream_parquet(file: IO[bytes], name: str) -> Iterator[StreamedRow]:
    """The rows of a Parquet file, a batch at a time.

    Raises:
        InvalidInput: `not_parquet` or `wrong_columns`.
    """
    # Imported here: most processes never need it.
    import pyarrow
    import pyarrow.parquet

    try:
        source = pyarrow.parquet.ParquetFile(file)
        _check_parquet(source.metadata, source.schema_arrow.names, name)
        total, number = max(1, source.metadata.num_rows), 0
        for batch in source.iter_batches(batch_size=PARQUET_BATCH):
            for values in batch.to_pylist():
                number += 1
                plain = {key: _plain(value) for key, value in values.items()}
                field, fault = _fault_in(plain, Encoding("utf-8"))
                yield StreamedRow(number, plain, number / total, field, fault)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unusable(
            "not_parquet", name, f"The Parquet file is broken: {str(error).splitlines()[0][:200]}"
        ) from error


def _check_parquet(metadata: Any, columns: Sequence[str], name: str) -> None:
    if len(columns) > MAX_COLUMNS or len(set(columns)) < len(columns):
        raise _unusable("wrong_columns", name, f"It has more than {MAX_COLUMNS} columns, or two of one name.")
    largest = max((metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)), default=0)
    if largest > MAX_ROW_GROUP_BYTES:
        raise _unusable("row_group_too_large", name, "A row group has more than 1 GB. Write smaller row groups.")
    if not metadata.num_rows:
        raise _unusable("empty_file", name, "The file has no rows.")


def _plain(value: Any) -> Any:
    """A Parquet value as JSON knows it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="surrogateescape")
    if value is None or isinstance(value, str | int | float | bool | list | dict):
        return value
    return str(value)


def _unusable(code: str, name: str, message: str) -> InvalidInput:
    return InvalidInput(code, f"“{name}”: {message}", errors=[{"file": name, "message": message}])


class _Counted(io.RawIOBase):
    """Knows how far a file has been read; seeking is not needed."""

    def __init__(self, file: IO[bytes], position: int) -> None:
        self.file = file
        self.position = position

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.file.read(len(buffer))
        buffer[: len(data)] = data
        self.position += len(data)
        return len(data)


class _Lines:
    """Lines of a text with their ends, each of a bounded length, which can be given back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.returned: deque[str] = deque()
        self.taken: list[str] = []
        self.size = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.returned.popleft() if self.returned else self.text.readline(MAX_LINE_CHARACTERS)
        if not line:
            raise StopIteration
        self.taken.append(line)
        self.size += len(line)
        if len(self.taken) > MAX_RECORD_LINES or self.size > MAX_LINE_CHARACTERS:
            raise _RunawayRecord
        return line

    def start_record(self) -> None:
        """What was taken so far is done with."""
        self.taken.clear()
        self.size = 0

    def give_back_all_but_first(self) -> str:
        """The lines of the record at hand, but for its first, are read again; returns the first."""
        first = self.taken[0].rstrip("\r\n") if self.taken else ""
        self.returned.extendleft(reversed(self.taken[1:]))
        self.start_record()
        return first


class _RunawayRecord(Exception):
    """A record that does not end."""


_Parsed = tuple[int, dict[str, Any], str, str]


def _csv(lines: _Lines, name: str, wanted: Sequence[str]) -> Iterator[_Parsed]:
    heading = ""
    for heading in lines:
        lines.start_record()
        if heading.strip():
            break
    delimiter = tables.delimiter_of(heading, wanted)
    columns = tuple(part.strip() for part in next(csv.reader([heading], delimiter=delimiter), []))
    tables.check_columns(columns, name, ())
    number, reader = 1, csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        number += 1
        lines.start_record()
        try:
            record = next(reader)
        except StopIteration:
            return
        except (csv.Error, _RunawayRecord):
            first = lines.give_back_all_but_first()
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            yield number, {columns[0]: first[:MAX_FIELD_CHARACTERS]}, "", _QUOTES
            continue
        if not any(value.strip() for value in record):
            continue
        if len(record) == len(columns):
            yield number, dict(zip(columns, record, strict=True)), "", ""
        else:
            values = dict(zip(columns, record, strict=False))
            yield number, values, "", f"The row has {len(record)} fields, the heading has {len(columns)}."


_QUOTES = "A quote in this row is never closed, or stands inside a field that does not begin with one."


def _jsonl(lines: _Lines, name: str) -> Iterator[_Parsed]:
    number, unfinished = 0, False
    for line in lines:
        lines.start_record()
        was_unfinished, unfinished = unfinished, not line.endswith("\n") and len(line) >= MAX_LINE_CHARACTERS
        if was_unfinished:
            continue
        number += 1
        if not line.strip():
            continue
        if unfinished:
            yield number, {}, "", f"The line has more than {MAX_LINE_CHARACTERS:,} characters."
            continue
        if number == 1 and line.lstrip().startswith("["):
            message = "This is one JSON array. JSONL has one object on each line, without brackets and commas between."
            raise _unusable("not_jsonl", name, message)
        problems = tables.Problems()
        parsed = tables.parse_line(line, number, problems)
        if parsed is None:
            yield number, {"line": line.strip()[:MAX_FIELD_CHARACTERS]}, "", problems.shown[0]["message"]
        elif len(parsed) > MAX_COLUMNS:
            yield number, {}, "", f"The row has more than {MAX_COLUMNS} fields."
        else:
            yield number, parsed, "", ""


def _fault_in(values: dict[str, Any], encoding: Encoding) -> tuple[str, str]:
    """The first unusable value of a row and what is wrong with it."""
    for column, value in values.items():
        is_text = isinstance(value, str)
        text = value if is_text else json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else ""
        if len(text) > MAX_FIELD_CHARACTERS:
            return column, f"The text has {len(text):,} characters; at most {MAX_FIELD_CHARACTERS:,} are allowed."
        if "\x00" in text or (not is_text and "\\u0000" in text):
            return column, "The text holds a NUL character (U+0000)."
        if text.isascii():
            continue
        if found := _BROKEN.search(text):
            byte = ord(found.group()) - 0xDC00
            return column, f"Byte 0x{byte:02x} is not valid {encoding.shown}. Save the row as UTF-8."
        if _SURROGATE.search(text):
            return column, "The text holds half of a surrogate pair, which is not a character."
        if "�" in text and encoding.name.startswith("utf-16"):
            return column, "The text holds bytes that are not valid UTF-16. Save the row as UTF-8."
    return "", ""
