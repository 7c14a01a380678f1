"""Turns of a web process: how many of its requests work at the same time.

Python runs one thread at a time, so requests beyond a few only make each other slower. The others wait for a turn, and
a request that waits for another server (a model, a payment processor, a web page) gives its own to them meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: More than there are processors, for requests wait for the database, too, and keep their turn for it.
TURNS = 12

_turns = threading.BoundedSemaphore(TURNS)
_local = threading.local()


@contextmanager
def turn() -> Iterator[None]:
    """Wait for a turn, and work in it."""
    with _turns:
        _local.has_turn = True
        try:
            yield
        finally:
            _local.has_turn = False


@contextmanager
def away() -> Iterator[None]:
    """Wait for another server. Where no request works in this thread, nothing is given away."""
    if not getattr(_local, "has_turn", False):
        yield
        return
    _local.has_turn = False
    _turns.release()
    try:
        yield
    finally:
        _turns.acquire()
        _local.has_turn = True
