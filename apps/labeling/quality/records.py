"""Recorded answers from a file: items, answers and known labels, checked row by row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.core.errors import FieldProblem, InvalidInput

MAX_PROBLEMS = 20
MAX_NAME = 200


@dataclass(frozen=True)
class Recorded:
    """Answers as (item, worker, label), one for each pair; labels that are known; pairs that came more than once."""

    items: list[str]
    answers: list[tuple[str, str, str]]
    known: dict[str, str]
    repeated_pairs: int

    @property
    def classes(self) -> list[str]:
        """Every label that occurs."""
        return sorted({label for _, _, label in self.answers} | set(self.known.values()))


def read_records(answers: Path, items: Path | None = None, known: Path | None = None) -> Recorded:
    """Read recorded answers (columns worker, item, label), and if given items (item) and known labels (item, label).

    JSON lines or CSV, by content. Ids and labels are texts or whole numbers. Of a pair of item and worker that comes
    more than once the first label in alphabetical order counts, whatever the order of the rows.

    Raises:
        InvalidInput: `invalid_rows`, naming file, row and column.
    """
    problems: list[FieldProblem] = []
    given = sorted(
        (row["item"], row["worker"], row["label"]) for row in _rows(answers, ("item", "worker", "label"), problems)
    )
    labels: dict[tuple[str, str], str] = {}
    for item, worker, label in given:
        labels.setdefault((item, worker), label)
    listed = None if items is None else {row["item"] for row in _rows(items, ("item",), problems)}
    gold = {} if known is None else _known(known, problems)
    if listed is not None:
        strangers = sorted({item for item, _ in labels} - listed)
        problems += [
            {"field": "item", "message": f"{answers.name}: item {item!r} is not in {items.name}."}  # type: ignore[union-attr]
            for item in strangers
        ]
    if not labels and not problems:
        problems.append({"field": "file", "message": f"{answers.name} holds no answers."})
    if problems:
        raise InvalidInput("invalid_rows", "The recorded answers cannot be used.", errors=problems[:MAX_PROBLEMS])
    names = sorted({item for item, _ in labels} | (listed or set()))
    found = [(item, worker, label) for (item, worker), label in labels.items()]
    return Recorded(names, found, gold, len(given) - len(labels))


def _known(path: Path, problems: list[FieldProblem]) -> dict[str, str]:
    known: dict[str, str] = {}
    differ = [row["item"] for row in _rows(path, ("item", "label"), problems) if _other_before(known, row)]
    problems += [
        {"field": "label", "message": f"{path.name}: item {item!r} has two known labels."} for item in sorted(differ)
    ]
    return known


def _other_before(known: dict[str, str], row: Mapping[str, str]) -> bool:
    """Note a known label; whether the item had another one."""
    return known.setdefault(row["item"], row["label"]) != row["label"]


def _rows(path: Path, columns: Sequence[str], problems: list[FieldProblem]) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problems.append({"field": "file", "message": f"{path.name} cannot be read as UTF-8 text: {error}"})
        return []
    parsed = _json_rows(text) if text.lstrip()[:1] == "{" else _csv_rows(text)
    rows = []
    for number, row in parsed:
        if isinstance(row, str):
            problems.append({"row": number, "field": "row", "message": f"{path.name}, row {number}: {row}"})
            continue
        cleaned = {column: _text(row.get(column)) for column in columns}
        missing = [column for column, value in cleaned.items() if not value]
        problems += [
            {
                "row": number,
                "field": column,
                "message": f"{path.name}, row {number}: {column} must be a text of 1 to {MAX_NAME} characters or a "
                "whole number.",
            }
            for column in missing
        ]
        if not missing:
            rows.append({column: value or "" for column, value in cleaned.items()})
        if len(problems) >= MAX_PROBLEMS:
            break
    return rows


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            yield number, f"not JSON: {error}"
            continue
        yield number, row if isinstance(row, dict) else "not an object."


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        yield reader.line_num, f"not CSV: {error}"


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    return text if 0 < len(text) <= MAX_NAME and "\x00" not in text else None
