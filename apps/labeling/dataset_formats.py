"""Datasets in the formats that know a design's types: what labelling tells the dataset room at start-up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from apps.datasets import exports
from apps.datasets.types import DatasetVersionInfo, Row
from apps.labeling.formats.catalogue import FORMATS, Format
from apps.labeling.formats.items import Design, Item

_OWN = frozenset({"jsonl", "csv"})


def register_formats() -> None:
    """Make every format known that the dataset room does not write itself."""
    for one in FORMATS.values():
        if one.name not in _OWN:
            exports.register(_export(one))


def _export(one: Format) -> exports.ExportFormat:
    def fault(version: DatasetVersionInfo) -> str:
        design = design_of(version)
        return one.fault(design) if design is not None else f"{one.title} needs a design; this is a plain table."

    def write(version: DatasetVersionInfo, rows: Iterable[Row]) -> Iterator[bytes]:
        design = design_of(version)
        assert design is not None  # noqa: S101  # `fault` says so first
        return one.write(design, (item_of(design, row) for row in rows), card_of(version), None)

    return exports.ExportFormat(one.name, one.title, one.extension, one.content_type, write, fault)


def design_of(version: DatasetVersionInfo) -> Design | None:
    """What a version's rows show and were asked; for a table with texts and labels the plain classification."""
    if version.design:
        return Design.from_json(version.design)
    if not {"text", "label"} <= version.schema.keys() or not version.classes:
        return None
    asked: dict[str, Any] = {
        "type": "choice",
        "name": "label",
        "input": "text",
        "title": "",
        "required": True,
        "classes": [{"name": name} for name in version.classes],
    }
    return Design(({"name": "text", "type": "text", "title": ""},), (asked,))


def item_of(design: Design, row: Row) -> Item:
    """A row as an item."""
    inputs, controls = ([str(one["name"]) for one in part] for part in (design.inputs, design.controls))
    known = {*inputs, *controls, "id", "confidence_bps", "source", "split"}
    confidence = row.get("confidence_bps")
    return Item(
        id=str(row.get("id", "")),
        data={name: row.get(name) for name in inputs},
        result={name: row[name] for name in controls if row.get(name) is not None},
        confidence=confidence / 10_000 if isinstance(confidence, int) else None,
        made_by=str(row.get("source") or ""),
        split=str(row.get("split") or ""),
        extra={name: value for name, value in row.items() if name not in known},
    )


def card_of(version: DatasetVersionInfo) -> dict[str, Any]:
    """What the dataset card of the Hub says."""
    quality = version.card.get("quality")
    lines = [f"Version {version.number}, {version.row_count} rows. Content root `{version.content_root}`."]
    if version.card.get("made_by"):
        lines.append(f"Made by {version.card['made_by']}.")
    if version.card.get("instruction"):
        lines.append(f"## Instruction\n\n{version.card['instruction']}")
    if isinstance(quality, dict):
        shown = "\n".join(f"- {name.replace('_', ' ')}: {value}" for name, value in quality.items())
        lines.append(f"## Measured quality\n\n{shown}")
    columns = "\n".join(f"- `{name}`: {meaning}" for name, meaning in version.schema.items())
    lines.append(f"## Columns\n\n{columns}")
    return {"name": version.dataset_name, "licence": version.card.get("licence"), "text": "\n\n".join(lines)}
