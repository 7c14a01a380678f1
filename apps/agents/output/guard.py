"""The last look at what a model writes, word by word while it streams: what must not leave is held back until known."""

from __future__ import annotations

from apps.agents.output.copying import CopyLimit
from apps.agents.output.secrets import Secrets
from apps.agents.output.views import visible

WITHHELD = "I can't share that. Ask about something else."
"""Said instead of an answer that gives away the instruction or a canary."""

_LOOKED_AT = 600
"""Characters of the end of the answer that each new piece is looked at with; at its end all of it is."""


class OutputGuard:
    """One answer on its way out. `is_withheld` once it has said what it must not; nothing more comes out then."""

    def __init__(self, secrets: Secrets | None, copying: CopyLimit | None = None) -> None:
        """Guard one answer; without secrets everything passes."""
        self._secrets = secrets
        self._copying = copying
        self._written = ""
        self._passed = 0
        self.is_withheld = False

    def feed(self, piece: str) -> str:
        """What may be shown after this piece; words that may begin a secret wait for the next ones."""
        if self._secrets is None or self.is_withheld:
            return "" if self.is_withheld else piece
        self._written = visible(self._written + piece)
        if self._secrets.told_in(self._written[-_LOOKED_AT:]):
            self.is_withheld = True
            return ""
        return self._release(self._secrets.begun_at(self._written))

    def close(self) -> str:
        """The rest, once the model has ended."""
        if self._secrets is None:
            return ""
        if self.is_withheld or self._secrets.told_in(self._written):
            self.is_withheld = True
            return ""
        rest = self._release(len(self._written))
        return rest if self._copying is None else rest + self._copying.close()

    def _release(self, end: int) -> str:
        if end <= self._passed:
            return ""
        piece, self._passed = self._written[self._passed : end], end
        return piece if self._copying is None else self._copying.feed(piece)
