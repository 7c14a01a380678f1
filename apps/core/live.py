"""Live notices to open pages: a topic, an object, a small payload; pages fetch the rest themselves."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer
from django.db import transaction

Authorise = Callable[[Any, UUID], bool]

#: How long notices are gathered before they leave together, in seconds.
GATHER_S = 0.05
#: Notices that may wait for the channel layer; more are dropped, as pages also ask by themselves.
MOST_WAITING = 10_000

logger = logging.getLogger(__name__)

_topics: dict[str, Authorise] = {}


def topic(name: str) -> Callable[[Authorise], Authorise]:
    """Register who may follow a kind of topic: `(actor, object id) -> bool`, run in the actor's tenant scope."""

    def register(function: Authorise) -> Authorise:
        _topics[name] = function
        return function

    return register


def may_follow(actor: Any, subject: str) -> bool:
    """Whether the actor may follow `<topic>:<uuid>`."""
    name, _, raw_id = subject.partition(":")
    authorise = _topics.get(name)
    try:
        object_id = UUID(raw_id)
    except ValueError:
        return False
    return authorise is not None and authorise(actor, object_id)


def group_name(subject: str) -> str:
    """The Channels group of a subject."""
    return "live." + subject.replace(":", ".")


def notify(subject: str, payload: dict[str, Any] | None = None) -> None:
    """Tell the followers of `<topic>:<uuid>` after the open transaction commits; never fails or delays the caller."""
    transaction.on_commit(lambda: _send(subject, payload or {}), robust=True)


def _send(subject: str, payload: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is not None and not _sender().add(subject, payload):
        logger.warning("live notice of %s was not sent: too many wait", subject)


class _Sender:
    """A thread with one connection to the channel layer, so that no caller waits for it.

    What comes within `GATHER_S` leaves together, equal notices once: a thousand payments to one account are one look.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.woken = threading.Event()
        self.waiting: dict[str, tuple[str, dict[str, Any]]] = {}
        threading.Thread(target=self._run, name="live-notices", daemon=True).start()

    def add(self, subject: str, payload: dict[str, Any]) -> bool:
        """Have a notice sent; False where too many wait already."""
        with self.lock:
            if len(self.waiting) >= MOST_WAITING:
                return False
            self.waiting[f"{subject} {payload}"] = (subject, payload)
        # Once woken it sleeps GATHER_S and takes what is there by then, this notice too: no need to wake it again.
        if not self.woken.is_set():
            self.woken.set()
        return True

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            while self.woken.wait():
                time.sleep(GATHER_S)
                self.woken.clear()
                with self.lock:
                    taken, self.waiting = list(self.waiting.values()), {}
                runner.run(_send_all(taken))


async def _send_all(notices: list[tuple[str, dict[str, Any]]]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    for subject, payload in notices:
        try:
            await layer.group_send(group_name(subject), {"type": "live.notice", "subject": subject, "payload": payload})
        except Exception as error:  # the thread outlives whatever the channel layer's client raises
            logger.warning("live notice of %s was not sent: %s", subject, error)


_current: list[_Sender] = []
_starting = threading.Lock()


def _sender() -> _Sender:
    with _starting:
        # A forked worker has the object and not the thread.
        if not _current or _current[0].pid != os.getpid():
            _current[:] = [_Sender()]
        return _current[0]
