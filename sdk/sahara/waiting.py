"""Waiting for long work."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sahara.errors import TimedOut

T = TypeVar("T")


def wait_for(
    poll: Callable[[], T],
    done: Callable[[T], bool],
    *,
    timeout_s: float,
    what: str,
    interval_s: float = 1.0,
    on_change: Callable[[T], None] | None = None,
) -> T:
    """Ask again and again until the answer is the wanted one.

    Args:
        on_change: told of each answer that differs from the one before (progress).

    Raises:
        TimedOut: naming `what` did not happen and the last answer.
    """
    deadline = time.monotonic() + timeout_s
    seen: T | None = None
    while True:
        found = poll()
        if on_change is not None and found != seen:
            on_change(found)
        if done(found):
            return found
        if time.monotonic() > deadline:
            raise TimedOut(f"{what} did not happen within {timeout_s:g} s; last seen: {found!r}"[:2000])
        seen = found
        time.sleep(interval_s)
