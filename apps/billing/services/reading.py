"""Acting on what the processor says, in whatever order its events arrive.

An event only names an object; what counts is the object as it stands when it is read. Who reads takes the object's
next ticket first and applies the answer only if no later ticket was applied meanwhile: the last change's event takes
its ticket after that change, so its answer contains the change, and no older answer can come after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from django.db import transaction

from apps.billing.facts import ProcessorEvent
from apps.billing.models import ProcessorObject, TopUp, WebhookEvent
from apps.core.tenant import tenant_scope

F = TypeVar("F")


def apply_latest(
    *,
    organisation_id: UUID,
    object_id: str,
    read: Callable[[], F],
    apply: Callable[[F], None],
    event: ProcessorEvent | None = None,
) -> None:
    """Read an object of the processor and apply what it says, once and never an older answer over a newer one.

    Args:
        read: asks the processor; runs outside any transaction.
        apply: changes ours to it; runs in a transaction with the object's lock and the event's mark. Idempotent.
        event: what told of it; an event that was acted on is not acted on again.
    """
    with tenant_scope(organisation_id):
        with transaction.atomic():
            if event is not None and was_seen(event):
                return
            ticket = _next_ticket(object_id)
        answer = read()
        with transaction.atomic():
            row = ProcessorObject.objects.select_for_update().get(object_id=object_id)
            if event is not None:
                mark_seen(event)
            if row.applied < ticket:
                apply(answer)
                row.applied = ticket
                row.save(update_fields=["applied"])


def was_seen(event: ProcessorEvent) -> bool:
    """Whether an event was acted on already."""
    return WebhookEvent.objects.filter(event_id=event.id).exists()


def mark_seen(event: ProcessorEvent, top_up: TopUp | None = None) -> None:
    """An event was acted on."""
    WebhookEvent.objects.get_or_create(event_id=event.id, defaults={"type": event.kind, "top_up": top_up})


def _next_ticket(object_id: str) -> int:
    ProcessorObject.objects.get_or_create(object_id=object_id)
    row = ProcessorObject.objects.select_for_update().get(object_id=object_id)
    row.requested += 1
    row.save(update_fields=["requested"])
    return row.requested
