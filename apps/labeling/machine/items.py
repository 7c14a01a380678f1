"""Reading texts with known labels for a replay, with clear errors by row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from apps.core.errors import InvalidInput
from apps.datasets.tables import Problems, Table, read_table

#: The class of rows that belong to no class of the task; people may give it, the machine never does.
OUT_OF_SCOPE = "out of scope"
OUT_OF_SCOPE_NAMES = frozenset({"oos", "out_of_scope", "out-of-scope", OUT_OF_SCOPE})
POOL_NAMES = frozenset({"train", "pool"})
HELD_OUT_NAMES = frozenset({"test", "held_out", "held-out"})
YES, NO = frozenset({"1", "true", "yes", "y"}), frozenset({"", "0", "false", "no", "n"})
LEAST_POOL, LEAST_HELD_OUT = 50, 10
#: Share of the rows that is held out where the file does not say.
HELD_OUT_SHARE = 0.25


@dataclass(frozen=True)
class Items:
    """Texts and what is known about them.

    Attributes:
        classes: every class by name; `OUT_OF_SCOPE` is the last one where any row is out of scope.
        labels: for each text the number of its class.
        held_out: for each text whether it is kept for measuring only.
    """

    texts: list[str]
    classes: list[str]
    labels: list[int]
    held_out: list[bool]

    @property
    def out_of_scope(self) -> int | None:
        """The number of the class `OUT_OF_SCOPE`, if there is one."""
        return len(self.classes) - 1 if self.classes[-1] == OUT_OF_SCOPE else None


def read_items(path: Path, *, seed: int = 0, out_of_scope: str | None = None) -> Items:
    """Read a CSV or JSONL file with columns text, label and, if wanted, split and out_of_scope.

    Args:
        seed: of the split where the file has none.
        out_of_scope: label of rows out of scope, besides the usual names of it.

    Raises:
        InvalidInput: naming the rows that are wrong, or what the file lacks.
    """
    try:
        with path.open("rb") as file:
            table = read_table(file, path.name, required_columns=["text"])
    except OSError as error:
        raise InvalidInput("unreadable_file", f"“{path}” cannot be read: {error.strerror}.") from error
    if not {"label", "out_of_scope"} & set(table.columns):
        raise InvalidInput("wrong_columns", f"“{path.name}” has no column label. It needs text and label.")
    names = OUT_OF_SCOPE_NAMES | ({out_of_scope.lower()} if out_of_scope else set())
    problems = Problems()
    labels = [_label(row, number, names, problems) for row, number in zip(table.rows, table.row_numbers, strict=True)]
    held_out = _split(table, problems, seed)
    problems.raise_if_any(path.name)
    known = sorted(set(labels) - {OUT_OF_SCOPE})
    classes = known + ([OUT_OF_SCOPE] if OUT_OF_SCOPE in labels else [])
    _check_size(path.name, known, held_out)
    number = {name: place for place, name in enumerate(classes)}
    return Items([row["text"] for row in table.rows], classes, [number[one] for one in labels], held_out)


def _label(row: dict[str, str], number: int, names: frozenset[str], problems: Problems) -> str:
    marked = row.get("out_of_scope", "").strip().lower()
    if marked not in YES | NO:
        problems.add(number, "out_of_scope", f"“{marked}” is neither yes nor no.")
    label = row.get("label", "").strip()
    if marked in YES or label.lower() in names:
        return OUT_OF_SCOPE
    if not label:
        problems.add(number, "label", "The label is empty. Give one, or mark the row in the column out_of_scope.")
    return label


def _split(table: Table, problems: Problems, seed: int) -> list[bool]:
    if "split" not in table.columns:
        import numpy as np

        count = len(table.rows)
        chosen = set(np.random.default_rng(seed).permutation(count)[: round(HELD_OUT_SHARE * count)].tolist())
        return [place in chosen for place in range(count)]
    for row, number in zip(table.rows, table.row_numbers, strict=True):
        if row["split"].strip().lower() not in POOL_NAMES | HELD_OUT_NAMES:
            problems.add(number, "split", f"“{row['split']}” is neither train nor test.")
    return [row["split"].strip().lower() in HELD_OUT_NAMES for row in table.rows]


def _check_size(name: str, known: list[str], held_out: list[bool]) -> None:
    pool, held = held_out.count(False), held_out.count(True)
    if len(known) < 2:
        raise InvalidInput("too_few_classes", f"“{name}” has {len(known)} class; at least 2 are needed.")
    if pool < LEAST_POOL or held < LEAST_HELD_OUT:
        raise InvalidInput(
            "too_few_rows",
            f"“{name}” has {pool} rows to label and {held} held out; at least {LEAST_POOL} and {LEAST_HELD_OUT} "
            "are needed.",
        )
