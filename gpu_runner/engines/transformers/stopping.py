"""Stop strings on streamed text: nothing of a stop string, nor after it, is let through."""

from __future__ import annotations

from collections.abc import Sequence


class StopFilter:
    """Feed it text; it gives back what may be shown, holding what might become a stop string."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = [word for word in stop if word]
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """Text that is safe to show now."""
        if self.stopped:
            return ""
        self._held += text
        found = [place for word in self._stop if (place := self._held.find(word)) >= 0]
        if found:
            self.stopped = True
            shown, self._held = self._held[: min(found)], ""
            return shown
        keep = max((self._overlap(word) for word in self._stop), default=0)
        shown, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return shown

    def rest(self) -> str:
        """What was held when the generation ended without a stop string."""
        shown, self._held = self._held, ""
        return shown

    def _overlap(self, word: str) -> int:
        """Length of the longest start of `word` that the held text ends with."""
        longest = min(len(word) - 1, len(self._held))
        return next((size for size in range(longest, 0, -1) if self._held.endswith(word[:size])), 0)
