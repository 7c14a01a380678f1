"""Turns: few requests work at the same time, and those that wait for others keep nobody out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from apps.core import turns
from apps.core.turns import away, turn

PATIENCE_S = 30


@pytest.fixture(autouse=True)
def _two_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two turns of this test's own, so that no request of another test takes one."""
    monkeypatch.setattr(turns, "_turns", threading.BoundedSemaphore(2))


def _free_turns() -> int:
    free = 0
    while turns._turns.acquire(blocking=False):
        free += 1
    for _ in range(free):
        turns._turns.release()
    return free


def _together(count: int, work: Callable[[], None]) -> None:
    with ThreadPoolExecutor(count) as pool:
        for future in [pool.submit(work) for _ in range(count)]:
            future.result(PATIENCE_S)


def test_no_more_requests_than_turns_work_at_the_same_time() -> None:
    guard = threading.Lock()
    counts = {"now": 0, "most": 0}
    two_are_in = threading.Barrier(2)

    def work() -> None:
        with turn():
            with guard:
                counts["now"] += 1
                counts["most"] = max(counts["most"], counts["now"])
            two_are_in.wait(PATIENCE_S)  # only passed when another one works beside this one
            with guard:
                counts["now"] -= 1

    _together(6, work)
    assert counts == {"now": 0, "most": 2}
    assert _free_turns() == 2


def test_requests_that_wait_for_another_server_keep_nobody_out() -> None:
    all_are_away = threading.Barrier(6)

    def work() -> None:
        with turn(), away():
            all_are_away.wait(PATIENCE_S)  # six at once, with two turns

    _together(6, work)
    assert _free_turns() == 2


def _fail_elsewhere() -> None:
    with away():
        assert _free_turns() == 2
        raise ConnectionError


def _fail_here() -> None:
    with turn():
        with pytest.raises(ConnectionError):
            _fail_elsewhere()
        assert _free_turns() == 1, "the request works again, to answer the error"
        raise InterruptedError


def test_a_turn_comes_back_whatever_the_other_server_did() -> None:
    with pytest.raises(InterruptedError):
        _fail_here()
    assert _free_turns() == 2


def test_waiting_within_waiting_gives_the_turn_once() -> None:
    with turn():
        with away(), away():
            assert _free_turns() == 2
        assert _free_turns() == 1
    assert _free_turns() == 2


def test_nothing_is_given_where_no_request_works() -> None:
    with away():
        assert _free_turns() == 2
    assert _free_turns() == 2
