"""Live notices leave after the commit, without the caller waiting for the channel layer."""

from __future__ import annotations

import asyncio
import threading
import time
from uuid import uuid4

from apps.core import live


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


class Layer:
    """Keeps what it was sent; refuses the first few, as one whose server is down."""

    def __init__(self, refusals: int = 0) -> None:
        self.sent: list[str] = []
        self.refusals = refusals
        self.begun, self.free = threading.Event(), threading.Event()
        self.free.set()

    async def group_send(self, group, message):
        self.begun.set()
        await asyncio.to_thread(self.free.wait)
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError("down")
        self.sent.append(message["subject"])


def use(monkeypatch, layer):
    monkeypatch.setattr(live, "get_channel_layer", lambda: layer)


def test_equal_notices_that_come_together_leave_once(monkeypatch):
    layer, subject = Layer(), f"earnings:{uuid4()}"
    use(monkeypatch, layer)
    layer.free.clear()
    live._send("first:1", {})
    assert layer.begun.wait(60)
    for _ in range(50):
        live._send(subject, {})
    live._send(subject, {"state": "paid"})
    layer.free.set()
    wait_until(lambda: layer.sent.count(subject) == 2)
    time.sleep(0.1)
    assert layer.sent.count(subject) == 2


def test_a_layer_that_is_down_delays_nobody_and_later_notices_leave(monkeypatch, caplog):
    layer, subject = Layer(refusals=1), f"earnings:{uuid4()}"
    use(monkeypatch, layer)
    live._send("lost:1", {})
    wait_until(lambda: "was not sent" in caplog.text)
    live._send(subject, {})
    wait_until(lambda: subject in layer.sent)


def test_without_room_a_notice_is_dropped_and_logged(monkeypatch, caplog):
    use(monkeypatch, Layer())
    monkeypatch.setattr(live, "MOST_WAITING", 0)
    live._send("earnings:1", {})
    assert "too many wait" in caplog.text
    use(monkeypatch, None)
    live._send("earnings:1", {})
