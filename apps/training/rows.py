"""From the rows of a dataset version to the rows that are trained on."""

from __future__ import annotations

import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apps.training.errors import UntrainableDataset

MAX_ROWS = 100_000
MAX_CHARACTERS = 10_000
MAX_LABEL = 200
TEST_PERCENT = 20


@dataclass(frozen=True)
class TrainingRows:
    """Rows with their split, and how many of the version's rows had no text and were left out."""

    rows: tuple[dict[str, str], ...]
    skipped: int

    def count(self, split: str) -> int:
        """Rows of a split."""
        return sum(row["split"] == split for row in self.rows)

    def jsonl(self) -> bytes:
        """One row a line, as the runner reads it."""
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self.rows).encode()


def training_rows(rows: Iterable[dict[str, str | int]], *, seed: int) -> TrainingRows:
    """Choose the columns, keep the version's split or make one, and check that there is something to learn.

    Texts are cut to 10,000 characters (the models read far less).

    Raises:
        UntrainableDataset: no rows, no labels, one class only, too many rows, or nothing to measure on.
    """
    found: list[dict[str, str]] = []
    skipped = 0
    for number, row in enumerate(rows, start=1):
        if number > MAX_ROWS:
            raise UntrainableDataset(f"At most {MAX_ROWS:,} rows can be trained on.")
        text, label = str(row.get("text", "")).strip(), str(row.get("label", "")).strip()
        if not text or not label:
            skipped += 1
            continue
        if len(label) > MAX_LABEL:
            raise UntrainableDataset(f"Row {number} has a label of more than {MAX_LABEL} characters.", row=number)
        found.append({"text": text[:MAX_CHARACTERS], "label": label, "split": str(row.get("split", ""))})
    if not found:
        raise UntrainableDataset("The dataset has no rows with a text and a label.")
    splits = Counter(row["split"] for row in found)
    if set(splits) != {"train", "test"}:
        found = _with_split(found, seed)
    _check(found)
    return TrainingRows(tuple(found), skipped)


def _with_split(rows: Sequence[dict[str, str]], seed: int) -> list[dict[str, str]]:
    """A fifth of each class, drawn by seed, is held out; a class with one row stays in training."""
    by_label: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        by_label[row["label"]].append(index)
    held_out: set[int] = set()
    for label in sorted(by_label):
        indices = by_label[label]
        random.Random(f"{seed}:{label}").shuffle(indices)  # noqa: S311  # a reproducible split, not a secret
        held_out.update(indices[: min(len(indices) - 1, math.ceil(len(indices) * TEST_PERCENT / 100))])
    return [row | {"split": "test" if index in held_out else "train"} for index, row in enumerate(rows)]


def _check(rows: Sequence[dict[str, str]]) -> None:
    train = {row["label"] for row in rows if row["split"] == "train"}
    if len(train) < 2:
        listed = ", ".join(sorted(train)) or "none"
        raise UntrainableDataset(f"Training needs at least two classes; the rows for training have: {listed}.")
    if not any(row["split"] == "test" and row["label"] in train for row in rows):
        raise UntrainableDataset("No rows are held out to measure the result on. Add more rows.")
