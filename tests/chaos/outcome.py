"""The result of a run: which rules hold, and figures worth printing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sahara_platform.embedded.console import say

SHOWN = 10


@dataclass
class Outcome:
    """The checks' names with what each found wrong, and figures worth printing."""

    wrong: dict[str, list[str]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether every check passed."""
        return not any(self.wrong.values())

    @property
    def broken(self) -> list[str]:
        """The rules that do not hold."""
        return [rule for rule, wrong in self.wrong.items() if wrong]

    def demand(self, name: str, done: int, planned: int) -> None:
        """Have the run fail where less happened than was planned."""
        if done < planned:
            self.wrong[f"{planned} {name}"] = [f"only {done} were done"]

    def say(self) -> None:
        """Print figures and rules."""
        for name, figure in self.figures.items():
            say("figure", f"{name}: {figure}")
        for rule, wrong in self.wrong.items():
            say("rule", f"{'holds ' if not wrong else 'BROKEN'} {rule}", "ok" if not wrong else "bad")
            for sentence in wrong[:SHOWN]:
                say("", f"  {sentence}", "bad")
            if len(wrong) > SHOWN:
                say("", f"  and {len(wrong) - SHOWN} more", "bad")
