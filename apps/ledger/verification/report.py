"""What a verification finds and counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that does not say what it said.

    Attributes:
        table: "transfer", "account", "hold", "checkpoint" or "commitment".
        row: the row's id (a checkpoint's number).
        fields: the group of columns that is wrong: content, digest, sequence, balance, name, head, held, captured, …
        message: a sentence for people.
    """

    table: str
    row: str
    fields: str
    message: str

    def as_json(self) -> dict[str, Any]:
        """For `verify_ledger --json`."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.table} {self.row}: {self.fields}: {self.message}"


@dataclass(slots=True)
class Tally:
    """How much was verified; `on_progress` hears of it on the way."""

    accounts: int = 0
    transfers: int = 0
    holds: int = 0
    checkpoints: int = 0
    commitments: int = 0
    sums: dict[str, int] = field(default_factory=dict)
    on_progress: Callable[[Tally], None] | None = None

    def seen(self) -> None:
        """Count a transfer."""
        self.transfers += 1
        if self.on_progress is not None:
            self.on_progress(self)

    def as_json(self) -> dict[str, Any]:
        """The counts."""
        return {
            "accounts": self.accounts,
            "transfers": self.transfers,
            "holds": self.holds,
            "checkpoints": self.checkpoints,
            "commitments": self.commitments,
            "sums": {currency: str(units) for currency, units in sorted(self.sums.items())},
        }
