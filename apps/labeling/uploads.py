"""From uploaded rows to the items of an order: which are check questions, in which order they are worked on."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import IO, Any

from apps.core.errors import FieldProblem, InvalidInput
from apps.datasets.tables import SHOWN_PROBLEMS, Table, read_objects, read_table
from apps.labeling.types import Item

MAX_ITEMS = 200_000
MAX_LABEL_CHARACTERS = 80
MAX_ID_CHARACTERS = 200
MAX_GUESSED_CLASSES = 20
_YES = {"1", "true", "yes", "y", "x"}
_NO = {"", "0", "false", "no", "n"}


def read_upload(file: IO[bytes], filename: str, *, with_labels: bool = False) -> Table:
    """Read a table of texts: columns text, and optionally id, label (a known answer) and gold (use it as a check).

    Args:
        with_labels: a file of check questions: every row must have its label.
    """
    required = ("text", "label") if with_labels else ("text",)
    return read_table(file, filename, required_columns=required, unique_column="id", max_rows=MAX_ITEMS)


def read_rows(rows: Sequence[Any], *, with_labels: bool = False) -> Table:
    """The same from rows that came as JSON objects in a request; row numbers count from 1."""
    required = ("text", "label") if with_labels else ("text",)
    return read_objects(rows, required_columns=required, unique_column="id", max_rows=MAX_ITEMS)


def guess_classes(table: Table) -> list[str]:
    """The labels found in a table, most frequent first, if they are few enough to be classes."""
    counts = Counter(label for row in table.rows if (label := row.get("label", "").strip()))
    names = [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return names if len(names) <= MAX_GUESSED_CLASSES else []


def items_of(
    table: Table, classes: Sequence[str], gold_percent: int, seed: str, filename: str = "the upload"
) -> list[Item]:
    """Turn a table into items.

    A column `gold` says which rows are check questions. Without it, a seeded `gold_percent` of all rows is chosen among
    those with a known label. Labels that are not used as check questions are not kept.

    Raises:
        InvalidInput: `invalid_rows`, naming row and field.
    """
    _check(table, classes, filename)
    labels = [row.get("label", "").strip() for row in table.rows]
    if "gold" in table.columns:
        chosen = {index for index, row in enumerate(table.rows) if row["gold"].strip().lower() in _YES}
    else:
        known = [index for index, label in enumerate(labels) if label]
        wanted = min(len(known), math.ceil(len(table.rows) * gold_percent / 100))
        chosen = set(random.Random(f"gold:{seed}").sample(known, wanted))  # noqa: S311  # reproducible, not a secret
    return [
        Item(
            text=row["text"],
            external_id=row.get("id", "").strip(),
            gold_label=labels[index] if index in chosen else "",
            row=table.row_numbers[index],
        )
        for index, row in enumerate(table.rows)
    ]


def gold_items(table: Table, classes: Sequence[str], filename: str) -> list[Item]:
    """Every row of a separate file of check questions."""
    _check(table, classes, filename)
    return [Item(row["text"], row.get("id", "").strip(), row["label"].strip()) for row in table.rows]


def in_order_of_work(items: Sequence[Item], seed: str) -> list[Item]:
    """Shuffle, with the check questions spread evenly, so that everybody meets some early and none stands out."""
    randomness = random.Random(f"order:{seed}")  # noqa: S311  # reproducible, not a secret
    plain = [item for item in items if not item.gold_label]
    gold = [item for item in items if item.gold_label]
    randomness.shuffle(plain)
    randomness.shuffle(gold)
    places: list[Item | None] = [None] * len(items)
    for index, item in enumerate(gold):
        first = index * len(items) // len(gold)
        last = (index + 1) * len(items) // len(gold)
        places[randomness.randrange(first, last)] = item
    rest = iter(plain)
    return [item if item is not None else next(rest) for item in places]


def _check(table: Table, classes: Sequence[str], filename: str) -> None:
    errors: list[FieldProblem] = []
    count = 0
    for number, row in zip(table.row_numbers, table.rows, strict=True):
        for field, message in _faults(row, classes):
            count += 1
            if len(errors) < SHOWN_PROBLEMS:
                errors.append({"field": field, "row": number, "message": message})
    if count:
        problems = "1 problem" if count == 1 else f"{count:,} problems"
        raise InvalidInput(
            "invalid_rows",
            f"“{filename}” has {problems}; nothing was saved.",
            errors=errors,
            error_count=count,
            file=filename,
        )


def _faults(row: Mapping[str, str], classes: Sequence[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    label, gold = row.get("label", "").strip(), row.get("gold", "").strip().lower()
    if label and label not in classes:
        shown = ", ".join(classes[:10])
        found.append(("label", f"“{label[:MAX_LABEL_CHARACTERS]}” is none of the classes: {shown}."))
    if gold not in _YES | _NO:
        found.append(("gold", f"“{gold[:20]}” is neither yes nor no."))
    if gold in _YES and not label:
        found.append(("label", "A check question needs its known answer."))
    if len(row.get("id", "").strip()) > MAX_ID_CHARACTERS:
        found.append(("id", f"The id is longer than {MAX_ID_CHARACTERS} characters."))
    return found
