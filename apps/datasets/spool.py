"""Rows on disk while they are checked, split and counted, so that a release needs little memory whatever its size."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import IO, Self

from apps.datasets.figures import Figures
from apps.datasets.rows import SPLITS, RowCheck, SplitPlan, canonical_row
from apps.datasets.types import Row

_IN_MEMORY_BYTES = 16 << 20


class RowSpool:
    """Checked rows, to be read again any number of times; a context manager.

    Args:
        rows: taken one by one. Raises UnusableRows naming row and column.
        plan: how rows without a `split` column are split; with `again`, those with one too.
    """

    def __init__(self, rows: Iterable[Row], plan: SplitPlan | None = None, *, again: bool = False) -> None:
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  # see close
        self.check = RowCheck()
        self.splits: Sequence[int] | None = None
        try:
            for row in rows:
                clean = self.check.clean(row)
                if not self.check.errors:
                    self.file.write(canonical_row(clean) + b"\n")
            self.check.raise_if_any()
            if again or "split" not in self.check.columns:
                self.splits = (plan or SplitPlan()).assign(self._stored())
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def __iter__(self) -> Iterator[Row]:
        if self.splits is None:
            yield from self._stored()
            return
        for row, place in zip(self._stored(), self.splits, strict=True):
            yield row | {"split": SPLITS[place]}

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self.check.count

    def kind(self, column: str) -> str:
        """What a column holds: "integer", or "text", or "nested" where it has lists or objects."""
        kinds = self.check.kinds.get(column, {"text"})
        if "nested" in kinds:
            return "nested"
        return "integer" if kinds == {"integer"} else "text"

    def figures(self) -> Figures:
        """Counts over all rows."""
        found = Figures()
        for row in self:
            found.add(row)
        return found

    def _stored(self) -> Iterator[Row]:
        self.file.seek(0)
        for line in self.file:
            yield json.loads(line)
