"""Reading an uploaded table (CSV or JSONL) completely or not at all.

Rows are numbered as their author sees them: in CSV the heading is row 1 and each record counts one, however many lines
it spans; in JSONL the row is the line. Every problem names its row and field; the first 20 are listed, all are counted.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from apps.core.errors import FieldProblem, InvalidInput
from apps.datasets.encodings import decode

MAX_BYTES = 100 * 1024 * 1024
MAX_ROWS = 1_000_000
MAX_FIELD_CHARACTERS = 20_000
MAX_COLUMNS = 200
MAX_NESTING = 50
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
SHOWN_PROBLEMS = 20

# The csv module stops at 131,072 characters with an error that names no row; `MAX_FIELD_CHARACTERS` gives a better one.
csv.field_size_limit(MAX_BYTES)


@dataclass(frozen=True)
class Table:
    """A table of text: each row maps every one of `columns` to a string ('' where there is none)."""

    columns: tuple[str, ...]
    rows: list[dict[str, str]]
    row_numbers: list[int]


@dataclass
class Problems:
    """Collects what is wrong with a file, keeping the first few and counting all."""

    shown: list[FieldProblem] = field(default_factory=list)
    count: int = 0
    rows: set[int] = field(default_factory=set)

    def add(self, row: int, column: str, message: str) -> None:
        """Note one problem."""
        self.count += 1
        self.rows.add(row)
        if len(self.shown) < SHOWN_PROBLEMS:
            self.shown.append({"field": column, "row": row, "message": message})

    def raise_if_any(self, filename: str) -> None:
        """Refuse the file if anything was noted."""
        if not self.count:
            return
        rows = "1 row" if len(self.rows) == 1 else f"{len(self.rows):,} rows"
        more = (
            ""
            if self.count <= SHOWN_PROBLEMS
            else f" The first {SHOWN_PROBLEMS} of {self.count:,} problems are listed."
        )
        raise InvalidInput(
            "invalid_rows",
            f"{rows} of “{filename}” cannot be used; nothing was saved. Correct them and upload the file again.{more}",
            errors=self.shown,
            error_count=self.count,
            file=filename,
        )


def read_table(
    file: IO[bytes],
    filename: str,
    *,
    required_columns: Sequence[str],
    unique_column: str | None = None,
    max_bytes: int = MAX_BYTES,
    max_rows: int = MAX_ROWS,
    max_field_characters: int = MAX_FIELD_CHARACTERS,
) -> Table:
    """Read an uploaded CSV or JSONL file.

    Args:
        file: the upload, opened for bytes.
        filename: as the user called it; `.jsonl` and `.ndjson` are JSONL, else the first character decides.
        required_columns: must be there and hold something in every row.
        unique_column: if the table has it, no two rows may share a value ('' is not compared).

    Raises:
        InvalidInput: `file_too_large`, `empty_file`, `not_a_text_file`, `undecodable_file`, `wrong_columns`,
            `too_many_rows` or `invalid_rows`.
    """
    text = decode(_read(file, filename, max_bytes), filename)
    if not text.strip():
        raise _file_error("empty_file", filename, "The file is empty. It needs a heading and at least one row.")
    problems = Problems()
    if _is_jsonl(filename, text):
        columns, numbered = _read_jsonl(text, filename, required_columns, problems, max_rows)
    else:
        columns, numbered = _read_csv(text, filename, required_columns, problems, max_rows)
    _check_values(numbered, columns, required_columns, problems, max_field_characters)
    if unique_column is not None and unique_column in columns:
        _check_unique(numbered, unique_column, problems)
    problems.raise_if_any(filename)
    if not numbered:
        raise _file_error("empty_file", filename, "The file has a heading but no rows.")
    return Table(columns, [row for _, row in numbered], [number for number, _ in numbered])


def read_objects(
    objects: Sequence[Any],
    *,
    required_columns: Sequence[str],
    unique_column: str | None = None,
    filename: str = "rows",
    max_rows: int = MAX_ROWS,
) -> Table:
    """The same checks for rows that came as JSON objects in a request; row numbers count from 1."""
    problems = Problems()
    columns: dict[str, None] = {}
    for number, one in enumerate(objects, start=1):
        if isinstance(one, dict):
            columns.update(dict.fromkeys(one))
        else:
            problems.add(number, "", f'The row is {_json_kind(one)}; each must be an object, like {{"text": …}}.')
    problems.raise_if_any(filename)
    if not objects:
        raise _file_error("empty_file", filename, "There are no rows.")
    _check_row_count(len(objects), filename, max_rows)
    check_columns(tuple(columns), filename, required_columns)
    numbered = [(n, _as_text(n, one, columns, problems)) for n, one in enumerate(objects, start=1)]
    _check_values(numbered, tuple(columns), required_columns, problems, MAX_FIELD_CHARACTERS)
    if unique_column is not None and unique_column in columns:
        _check_unique(numbered, unique_column, problems)
    problems.raise_if_any(filename)
    return Table(tuple(columns), [row for _, row in numbered], [number for number, _ in numbered])


def _read(file: IO[bytes], filename: str, max_bytes: int) -> bytes:
    size = getattr(file, "size", None)
    data = b"" if isinstance(size, int) and size > max_bytes else file.read(max_bytes + 1)
    if len(data) > max_bytes or (isinstance(size, int) and size > max_bytes):
        limit = f"{max_bytes // (1024 * 1024)} MB" if max_bytes >= 1024 * 1024 else f"{max_bytes} bytes"
        raise _file_error("file_too_large", filename, f"The file is larger than {limit}. Split it into several files.")
    return data


def _file_error(code: str, filename: str, message: str) -> InvalidInput:
    return InvalidInput(code, f"“{filename}”: {message}", errors=[{"file": filename, "message": message}])


def _is_jsonl(filename: str, text: str) -> bool:
    name = filename.lower()
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return True
    return not name.endswith((".csv", ".tsv", ".txt")) and text.lstrip().startswith("{")


# -- CSV


def _read_csv(
    text: str, filename: str, required: Sequence[str], problems: Problems, max_rows: int
) -> tuple[tuple[str, ...], list[tuple[int, dict[str, str]]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text, required), strict=True)
    records = _csv_records(reader, problems)
    _, heading = next(records, (1, []))
    columns = tuple(name.strip() for name in heading)
    check_columns(columns, filename, required)
    numbered: list[tuple[int, dict[str, str]]] = []
    for number, record in records:
        if len(record) != len(columns):
            problems.add(number, "", f"The row has {len(record)} fields, the heading has {len(columns)}.")
            continue
        numbered.append((number, dict(zip(columns, record, strict=True))))
        _check_row_count(len(numbered), filename, max_rows)
    return columns, numbered


def _csv_records(reader: Iterator[list[str]], problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """The records with their numbers, without blank ones; stops where the quoting breaks: all after it is noise."""
    number = 0
    while True:
        number += 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = "A quote opened in this row is never closed." if "unexpected end" in str(error) else f"{error}."
            problems.add(number, "", f"{reason} Rows after it were not read.")
            return
        if any(value.strip() for value in record):
            yield number, record


def delimiter_of(text: str, required: Sequence[str]) -> str:
    """The separator with which the heading holds most of the required columns; comma where it makes no difference."""
    heading = text.lstrip("\r\n").split("\n", 1)[0]

    def found(delimiter: str) -> tuple[int, int]:
        names = {name.strip().strip('"') for name in heading.split(delimiter)}
        return sum(1 for name in required if name in names), len(names)

    return max(",;\t|", key=found)


# -- JSONL


class _BadJson(ValueError):
    """A line that JSON's grammar allows or forbids but this platform cannot use."""


def _object_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _BadJson(f"the name “{key}” appears twice")
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise _BadJson(f"{name} is not a JSON value")


def _read_jsonl(
    text: str, filename: str, required: Sequence[str], problems: Problems, max_rows: int
) -> tuple[tuple[str, ...], list[tuple[int, dict[str, str]]]]:
    if text.lstrip().startswith("["):
        message = "This is one JSON array. JSONL has one object on each line, without brackets and commas between them."
        raise _file_error("not_jsonl", filename, message)
    columns: dict[str, None] = {}
    objects: list[tuple[int, dict[str, Any]]] = []
    # Not splitlines(): U+2028 and the like may stand inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        parsed = parse_line(line, number, problems)
        if parsed is None:
            continue
        columns.update(dict.fromkeys(parsed))
        objects.append((number, parsed))
        _check_row_count(len(objects), filename, max_rows)
    if objects:
        check_columns(tuple(columns), filename, required)
    return tuple(columns), [(number, _as_text(number, row, columns, problems)) for number, row in objects]


def nests_too_deeply(line: str) -> bool:
    """Whether JSON would nest beyond `MAX_NESTING`.

    The parser recurses in C: where a library has raised Python's recursion limit, depth would end the process.
    """
    if line.count("[") + line.count("{") <= MAX_NESTING:
        return False
    depth = 0
    for character in _JSON_STRING.sub("", line):
        depth += (character in "[{") - (character in "]}")
        if depth > MAX_NESTING:
            return True
    return False


def parse_line(line: str, number: int, problems: Problems) -> dict[str, Any] | None:
    """The object on a line of JSONL, or None with what is wrong noted in `problems`."""
    if nests_too_deeply(line):
        problems.add(number, "", "Not usable JSON: nested too deeply.")
        return None
    try:
        parsed = json.loads(line, object_pairs_hook=_object_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        problems.add(number, "", f"Not JSON: {error.msg} at character {error.colno}.")
        return None
    except ValueError as error:
        problems.add(number, "", f"Not usable JSON: {error}.")
        return None
    if not isinstance(parsed, dict):
        problems.add(
            number, "", f'The line holds {_json_kind(parsed)}; each line must be one object, like {{"text": …}}.'
        )
        return None
    return parsed


def _json_kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {list: "a list", str: "a string", bool: "true or false", int: "a number", float: "a number"}
    return kinds.get(type(value), "an object")


def _as_text(number: int, row: dict[str, Any], columns: Iterable[str], problems: Problems) -> dict[str, str]:
    found: dict[str, str] = {}
    for column in columns:
        value = row.get(column)
        if isinstance(value, dict | list):
            problems.add(
                number, column, f"Holds {_json_kind(value)}; a field must be text, a number, or true or false."
            )
        found[column] = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return found


# -- Both


def check_columns(columns: Sequence[str], filename: str, required: Sequence[str]) -> None:
    """Raise InvalidInput `wrong_columns` where a required one is missing or a name cannot be used."""
    missing = [name for name in required if name not in columns]
    seen = ", ".join(f"“{name[:40]}”" for name in columns[:10]) or "none"
    errors: list[FieldProblem] = [
        {"field": name, "row": 1, "file": filename, "message": f"There is no column “{name}”. Columns found: {seen}."}
        for name in missing
    ]
    errors += [
        {"field": name, "row": 1, "file": filename, "message": f"The column “{name}” appears more than once."}
        for name in sorted({name for name in columns if columns.count(name) > 1})
    ]
    if len(columns) > MAX_COLUMNS:
        errors = [{"file": filename, "row": 1, "message": f"More than {MAX_COLUMNS} columns."}]
    if faults := [fault for name in columns if (fault := _fault(name, required=True, max_characters=200))]:
        errors.append({"file": filename, "row": 1, "message": f"A column's name cannot be used. {faults[0]}"})
    if errors:
        raise InvalidInput(
            "wrong_columns", f"“{filename}”: {errors[0]['message']}", errors=errors, columns=list(columns[:50])
        )


def _check_row_count(count: int, filename: str, max_rows: int) -> None:
    if count > max_rows:
        raise _file_error(
            "too_many_rows", filename, f"The file has more than {max_rows:,} rows. Split it into several files."
        )


def _check_values(
    numbered: list[tuple[int, dict[str, str]]],
    columns: Sequence[str],
    required: Sequence[str],
    problems: Problems,
    max_characters: int,
) -> None:
    needed = set(required)
    for number, row in numbered:
        for column in columns:
            fault = _fault(row[column], required=column in needed, max_characters=max_characters)
            if fault:
                problems.add(number, column, fault)


def _fault(value: str, *, required: bool, max_characters: int) -> str:
    if len(value) > max_characters:
        return f"The text has {len(value):,} characters; at most {max_characters:,} are allowed."
    if "\x00" in value:
        return "The text holds a NUL character (U+0000)."
    if required and not value.strip():
        return "The field is empty."
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        return "The text holds half of a surrogate pair, which is not a character."
    return ""


def _check_unique(numbered: list[tuple[int, dict[str, str]]], column: str, problems: Problems) -> None:
    first: dict[str, int] = {}
    for number, row in numbered:
        value = row[column].strip()
        if not value:
            continue
        if value in first:
            problems.add(number, column, f"“{value[:60]}” is already used in row {first[value]}.")
        else:
            first[value] = number
