"""What a reader is given: the file, and where to note what it leaves out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

MAX_CHARACTERS = 10_000_000
MAX_NOTES = 10


@dataclass
class Reading:
    """One file on its way to text.

    Args:
        path: where its bytes are.
        name: what the user calls it; a hint at most, never trusted.
        password: opens the file where it is encrypted; may be empty.
        depth: how many files deep it was found (an attachment of a message is 1).
    """

    path: Path
    name: str = ""
    password: str = ""
    depth: int = 0
    title: str = ""
    pages: int | None = None
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Say what was left out; the first few are kept."""
        if len(self.notes) < MAX_NOTES and text not in self.notes:
            self.notes.append(text)
