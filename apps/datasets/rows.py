"""Rows of a dataset: their one canonical form, their split, what can be said about them in figures."""

from __future__ import annotations

import json
import math
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from apps.datasets.errors import UnusableRows
from apps.datasets.types import Row, Split

TEST_PERCENT = 20
SPLIT_SEED = 20_260


def canonical_row(row: Row) -> bytes:
    """The bytes that a row's leaf commits to: JSON with sorted names, no spaces, UTF-8. One line of rows.jsonl."""
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse rows that cannot be stored: none at all, different columns, or values other than text and integers."""
    if not rows:
        raise UnusableRows([{"field": "rows", "message": "There are no rows."}])
    columns = rows[0].keys()
    errors: list[dict[str, object]] = []
    for number, row in enumerate(rows, start=1):
        if row.keys() != columns:
            errors.append({"row": number, "field": "", "message": f"Row {number} has other columns than row 1."})
        errors += [
            {"row": number, "field": name, "message": f"Row {number}: “{name}” must be text or an integer."}
            for name, value in row.items()
            if isinstance(value, bool) or not isinstance(value, str | int)
        ]
        if len(errors) >= 20:
            break
    if errors:
        raise UnusableRows(errors)


def with_split(rows: Sequence[Row], *, seed: int = SPLIT_SEED, test_percent: int = TEST_PERCENT) -> list[Row]:
    """The rows with a `split` column: a seeded share of each class (column `label`) is for testing.

    A class with one row stays in training. Rows that already have a split keep it.
    """
    if rows and "split" in rows[0]:
        return list(rows)
    by_class: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        by_class[str(row.get("label", ""))].append(index)
    tested: set[int] = set()
    for name in sorted(by_class):
        indices = by_class[name]
        random.Random(f"{seed}:{name}").shuffle(indices)  # noqa: S311  # a reproducible split, not a secret
        share = min(len(indices) - 1, math.ceil(len(indices) * test_percent / 100))
        tested.update(indices[:share])
    return [row | {"split": (Split.TEST if i in tested else Split.TRAIN).value} for i, row in enumerate(rows)]


def column_order(names: Iterable[str]) -> list[str]:
    """Columns as people expect them: id, text, label, then the rest by name."""
    first = ("id", "text", "label")
    return sorted(names, key=lambda name: (first.index(name) if name in first else len(first), name))


def classes_of(rows: Sequence[Row]) -> list[str]:
    """The values of the column `label`, most frequent first."""
    counts = Counter(str(row["label"]) for row in rows if "label" in row)
    return [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def describe(rows: Sequence[Row]) -> dict[str, Any]:
    """Statistics for the card: counts by class and split, length of the texts in characters, repeated texts."""
    texts = [str(row["text"]) for row in rows if "text" in row]
    lengths = [len(text) for text in texts]
    labels = Counter(str(row["label"]) for row in rows if "label" in row)
    splits = Counter(str(row["split"]) for row in rows if "split" in row)
    figures: dict[str, Any] = {"rows": len(rows), "classes": dict(labels.most_common()), "splits": dict(splits)}
    if lengths:
        figures["characters"] = {
            "shortest": min(lengths),
            "median": int(statistics.median(lengths)),
            "longest": max(lengths),
        }
        figures["repeated_texts"] = len(texts) - len(set(texts))
    return figures
