"""Live notices to open pages: a topic, an object, a small payload; pages fetch the rest themselves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

Authorise = Callable[[Any, UUID], bool]

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
    """Tell the followers of `<topic>:<uuid>` after the open transaction commits; never fails the caller."""
    transaction.on_commit(lambda: _send(subject, payload or {}), robust=True)


def _send(subject: str, payload: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(layer.group_send)(
            group_name(subject), {"type": "live.notice", "subject": subject, "payload": payload}
        )
    except OSError:
        logger.warning("live notice of %s was not sent: the channel layer is down", subject)
