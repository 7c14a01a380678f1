"""What the supervisor says on its terminal: one line per fact, prefixed by the part it is about."""

from __future__ import annotations

import sys
import time

_WIDTH = 10
_COLOURS = {"ok": "\033[32m", "warn": "\033[33m", "bad": "\033[31m", "dim": "\033[2m"}
_RESET = "\033[0m"
_started = time.monotonic()


def elapsed_s() -> float:
    """Seconds since the supervisor started."""
    return time.monotonic() - _started


def say(part: str, text: str, tone: str = "") -> None:
    """Print one line, coloured only on a terminal."""
    line = f"{elapsed_s():6.1f}s {part:<{_WIDTH}} {text}"
    if tone and sys.stdout.isatty():
        line = f"{_COLOURS[tone]}{line}{_RESET}"
    print(line, flush=True)
