"""The formats that a version's rows can be downloaded in. Apps that know a design's types register theirs here."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from apps.core.errors import InvalidInput
from apps.datasets.rows import canonical_row, column_order
from apps.datasets.types import DatasetVersionInfo, Row

Writer = Callable[[DatasetVersionInfo, Iterable[Row]], Iterator[bytes]]
_BATCH = 256


@dataclass(frozen=True)
class ExportFormat:
    """One format.

    Args:
        fault: why a version has nothing for it, or ''.
    """

    name: str
    title: str
    extension: str
    content_type: str
    write: Writer
    fault: Callable[[DatasetVersionInfo], str] = lambda _version: ""


_formats: dict[str, ExportFormat] = {}


def register(export: ExportFormat) -> None:
    """Make a format known by its name."""
    _formats[export.name] = export


def formats_for(version: DatasetVersionInfo) -> list[ExportFormat]:
    """The formats that a version can be downloaded in."""
    return [one for one in _formats.values() if not one.fault(version)]


def format_named(name: str, version: DatasetVersionInfo) -> ExportFormat:
    """A format by its name. Raises InvalidInput where there is none, or where the version has nothing for it."""
    found = _formats.get(name)
    if found is None:
        known = ", ".join(sorted(_formats))
        raise InvalidInput("unknown_format", f"There is no format “{name[:40]}”; there are {known}.")
    if fault := found.fault(version):
        raise InvalidInput("format_not_possible", fault)
    return found


def _jsonl(_version: DatasetVersionInfo, rows: Iterable[Row]) -> Iterator[bytes]:
    lines: list[bytes] = []
    for row in rows:
        lines.append(canonical_row(row))
        if len(lines) >= _BATCH:
            yield b"\n".join(lines) + b"\n"
            lines = []
    if lines:
        yield b"\n".join(lines) + b"\n"


def _csv(_version: DatasetVersionInfo, rows: Iterable[Row]) -> Iterator[bytes]:
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    columns: list[str] = []
    for count, row in enumerate(rows):
        if not columns:
            columns = column_order(row)
            writer.writerow(columns)
        writer.writerow([_cell(row[name]) for name in columns])
        if count % _BATCH == 0:
            yield target.getvalue().encode()
            target.seek(0)
            target.truncate()
    yield target.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return canonical_row(value).decode() if isinstance(value, dict) else _list_text(value)
    return "" if value is None else value


def _list_text(value: list[Any]) -> str:
    return canonical_row({"": value}).decode()[4:-1]


register(ExportFormat("jsonl", "JSONL", "jsonl", "application/x-ndjson", _jsonl))
register(ExportFormat("csv", "CSV", "csv", "text/csv; charset=utf-8", _csv))
