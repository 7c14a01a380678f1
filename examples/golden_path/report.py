"""What is printed while the path runs, and the JSON report at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Invariant:
    """Something that must hold."""

    name: str
    holds: bool
    detail: str


@dataclass
class Step:
    """One step with its evidence."""

    number: int
    title: str
    seconds: float = 0.0
    evidence: dict[str, Any] = field(default_factory=dict)
    invariants: list[Invariant] = field(default_factory=list)
    error: str = ""

    def show(self, name: str, value: Any) -> None:
        """Print and keep a piece of evidence."""
        self.evidence[name] = value if isinstance(value, int | float | list | dict | None) else str(value)
        print(f"      {name:<22} {value}", flush=True)

    def require(self, name: str, holds: bool, detail: object = "") -> None:  # noqa: FBT001  # it reads as a sentence
        """Print and keep an invariant; a broken one fails the path at its end."""
        self.invariants.append(Invariant(name, bool(holds), str(detail)))
        mark, tail = ("ok  ", "") if holds else ("FAIL", "  <<<<<<<<")
        print(f"      {mark} {name}{f' ({detail})' if detail != '' else ''}{tail}", flush=True)


class Report:
    """All steps of one run."""

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        self.steps: list[Step] = []
        self.started = time.monotonic()

    @contextmanager
    def step(self, title: str, total: int = 7) -> Iterator[Step]:
        """Time a step and print its head."""
        step = Step(len(self.steps) + 1, title)
        self.steps.append(step)
        print(f"\n[{step.number}/{total}] {title}", flush=True)
        started = time.monotonic()
        try:
            yield step
        except Exception as error:
            step.error = f"{type(error).__name__}: {error}"
            print(f"      FAIL {step.error}", flush=True)
            raise
        finally:
            step.seconds = round(time.monotonic() - started, 1)
            print(f"      {'time':<22} {step.seconds} s", flush=True)

    @property
    def broken(self) -> list[str]:
        """What did not hold, in words."""
        errors = [f"step {step.number}: {step.error}" for step in self.steps if step.error]
        wrong = [(step, invariant) for step in self.steps for invariant in step.invariants if not invariant.holds]
        return errors + [f"step {step.number}: {invariant.name} ({invariant.detail})" for step, invariant in wrong]

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        body = {
            "ok": not self.broken and bool(self.steps),
            "seconds": round(time.monotonic() - self.started, 1),
            "broken": self.broken,
            **self.facts,
            "steps": [asdict(step) for step in self.steps],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(body, indent=2, ensure_ascii=False, default=str) + "\n")
