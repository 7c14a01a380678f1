"""Progress lines of a child: what it does, how far it is, how long it still takes."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

from pydantic import BaseModel

from gpu_runner.jobs.child import ProgressMessage
from gpu_runner.protocol import JobMetrics

_MIN_FRACTION = 0.03


def say(message: BaseModel) -> None:
    """One message to the parent."""
    sys.stdout.write(message.model_dump_json() + "\n")
    sys.stdout.flush()


def cpu_seconds() -> float:
    """User and system time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Progress:
    """Turns phases and fractions into lines with an estimate of the time left."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self.tokens = 0

    def report(self, phase: str, fraction: float, **metrics: Any) -> None:
        """Say where the job is; `fraction` is of the whole job. Metrics are fields of `JobMetrics`."""
        elapsed = time.monotonic() - self._started
        left = elapsed * (1 - fraction) / fraction if fraction >= _MIN_FRACTION else None
        line = JobMetrics(phase=phase, fraction=min(max(fraction, 0.0), 1.0), seconds_left=left, **metrics)
        say(ProgressMessage(metrics=line, cpu_seconds=cpu_seconds(), tokens=self.tokens))


class Span:
    """A part of the whole job, from one fraction to another."""

    def __init__(self, progress: Progress, phase: str, start: float, end: float) -> None:
        self._progress, self._phase, self._start, self._end = progress, phase, start, end

    def report(self, part: float, **metrics: Any) -> None:
        """Say how far this part is."""
        self._progress.report(self._phase, self._start + part * (self._end - self._start), **metrics)
