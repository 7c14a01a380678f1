"""From uploaded rows to the items of an order: which are check questions, in which order they are worked on."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import IO, Any

from apps.core.errors import FieldProblem, InvalidInput
from apps.datasets.tables import SHOWN_PROBLEMS, Table, read_objects, read_table
from apps.labeling.controls import AnswerProblem
from apps.labeling.design import Design
from apps.labeling.types import Answer, Item, TaskData

MAX_ITEMS = 200_000
MAX_ID_CHARACTERS = 200
MAX_GUESSED_CLASSES = 20
_YES = {"1", "true", "yes", "y", "x"}
_NO = {"", "0", "false", "no", "n"}


def read_upload(
    file: IO[bytes],
    filename: str,
    *,
    design: Design | None = None,
    columns: Sequence[str] | None = None,
    with_answers: bool = False,
) -> Table:
    """Read a table of items: a column for each input, and optionally id, a column for each control (its known answer)
    and gold (use the row as a check question).

    Args:
        design: left out: the plain text classification's, with the columns text and label.
        columns: those that must be there, where no whole design is known yet.
        with_answers: a file of check questions: every row must have its known answer.
    """
    required = _required(design, with_answers=with_answers) if columns is None else columns
    return read_table(file, filename, required_columns=required, unique_column="id", max_rows=MAX_ITEMS)


def read_rows(rows: Sequence[Any], *, design: Design | None = None, with_answers: bool = False) -> Table:
    """The same from rows that came as JSON objects in a request; row numbers count from 1."""
    required = _required(design, with_answers=with_answers)
    return read_objects(
        [_flat(row, design) for row in rows], required_columns=required, unique_column="id", max_rows=MAX_ITEMS
    )


def _required(design: Design | None, *, with_answers: bool) -> tuple[str, ...]:
    if design is None:
        return ("text", "label") if with_answers else ("text",)
    answers = [control.name for control in design.controls if control.required] if with_answers else []
    return (*(one.name for one in design.inputs), *answers)


def _flat(row: Any, design: Design | None) -> Any:
    """A row whose lists and objects, where the design has any, are JSON text as in a file."""
    if design is None or not isinstance(row, Mapping):
        return row
    names = {one.name for one in design.inputs} | {control.name for control in design.controls}
    return {
        name: json.dumps(value, ensure_ascii=False) if name in names and isinstance(value, list | dict) else value
        for name, value in row.items()
    }


def guess_classes(table: Table) -> list[str]:
    """The labels found in a table, most frequent first, if they are few enough to be classes."""
    counts = Counter(label for row in table.rows if (label := row.get("label", "").strip()))
    names = [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return names if len(names) <= MAX_GUESSED_CLASSES else []


def items_of(table: Table, design: Design, gold_percent: int, seed: str, filename: str = "the upload") -> list[Item]:
    """Turn a table into items.

    A column `gold` says which rows are check questions. Without it, a seeded `gold_percent` of all rows is chosen among
    those with a known answer. Answers that are not used as check questions are not kept.

    Raises:
        InvalidInput: `invalid_rows`, naming row and field.
    """
    items = _checked(table, design, filename)
    if "gold" in table.columns:
        chosen = {index for index, row in enumerate(table.rows) if row["gold"].strip().lower() in _YES}
    else:
        known = [index for index, item in enumerate(items) if item.gold is not None]
        wanted = min(len(known), math.ceil(len(table.rows) * gold_percent / 100))
        chosen = set(random.Random(f"gold:{seed}").sample(known, wanted))  # noqa: S311  # reproducible, not a secret
    return [item if index in chosen else replace(item, gold=None) for index, item in enumerate(items)]


def gold_items(table: Table, design: Design, filename: str) -> list[Item]:
    """Every row of a separate file of check questions."""
    return _checked(table, design, filename)


def in_order_of_work(items: Sequence[Item], seed: str) -> list[Item]:
    """Shuffle, with the check questions spread evenly, so that everybody meets some early and none stands out."""
    randomness = random.Random(f"order:{seed}")  # noqa: S311  # reproducible, not a secret
    plain = [item for item in items if item.gold is None]
    gold = [item for item in items if item.gold is not None]
    randomness.shuffle(plain)
    randomness.shuffle(gold)
    places: list[Item | None] = [None] * len(items)
    for index, item in enumerate(gold):
        first = index * len(items) // len(gold)
        last = (index + 1) * len(items) // len(gold)
        places[randomness.randrange(first, last)] = item
    rest = iter(plain)
    return [item if item is not None else next(rest) for item in places]


def _checked(table: Table, design: Design, filename: str) -> list[Item]:
    """All rows as items, those with a complete known answer with it; or InvalidInput naming what is wrong."""
    errors: list[FieldProblem] = []
    count = 0
    items: list[Item] = []
    for number, row in zip(table.row_numbers, table.rows, strict=True):
        item, faults = _item(row, number, design)
        items.append(item)
        count += len(faults)
        errors += [
            {"field": field, "row": number, "message": message}
            for field, message in faults[: max(0, SHOWN_PROBLEMS - len(errors))]
        ]
    if count:
        problems = "1 problem" if count == 1 else f"{count:,} problems"
        raise InvalidInput(
            "invalid_rows",
            f"“{filename}” has {problems}; nothing was saved.",
            errors=errors,
            error_count=count,
            file=filename,
        )
    return items


def _item(row: Mapping[str, str], number: int, design: Design) -> tuple[Item, list[tuple[str, str]]]:
    faults: list[tuple[str, str]] = []
    data: TaskData = {}
    gold: Answer | None = None
    try:
        for one in design.inputs:
            data[one.name] = one.parse(row.get(one.name, ""))
    except AnswerProblem as problem:
        faults.append((one.name, problem.message))
    else:
        gold = _known_answer(row, data, design, faults)
    marked = row.get("gold", "").strip().lower()
    if marked not in _YES | _NO:
        faults.append(("gold", f"“{marked[:20]}” is neither yes nor no."))
    if marked in _YES and gold is None and not faults:
        faults.append((design.controls[0].name, "A check question needs its known answer."))
    external_id = row.get("id", "").strip()
    if len(external_id) > MAX_ID_CHARACTERS:
        faults.append(("id", f"The id is longer than {MAX_ID_CHARACTERS} characters."))
    return Item(data, external_id, gold, number), faults


def _known_answer(
    row: Mapping[str, str], data: TaskData, design: Design, faults: list[tuple[str, str]]
) -> Answer | None:
    """The row's known answer where every required question has one; what is wrong with a part of it is a fault."""
    given = {
        control.name: control.parse(text) for control in design.controls if (text := row.get(control.name, "")).strip()
    }
    if not given:
        return None
    if any(control.required and control.name not in given for control in design.controls):
        return None
    try:
        return design.clean_answer(given, data)
    except AnswerProblem as problem:
        faults.append((problem.field.split(".")[0], problem.message))
        return None
