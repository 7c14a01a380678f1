"""The outbox: events published with the change they tell of, delivered at least once, handled exactly once.

`publish` writes the event and one delivery a handler in the caller's transaction. The dispatcher (a Celery task, woken
on commit and swept by beat) claims deliveries with SKIP LOCKED. An ordinary handler runs in one transaction with the
delivery's "done" mark; a gathering one gets all that is due of one kind at once; a long-running one runs outside any,
under a lease that a heartbeat thread renews, so that the delivery of a killed worker is taken up again.
"""

from __future__ import annotations

import json
import logging
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_type_hints
from uuid import UUID

from celery import current_app
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from apps.core import clock
from apps.core.ids import uuid7
from apps.core.models import OutboxDelivery
from apps.core.tenant import all_tenants, current_tenant_id, tenant_scope
from apps.core.types import DeliveryState

if TYPE_CHECKING:
    from apps.core.postgresql.base import DatabaseWrapper

logger = logging.getLogger(__name__)

DISPATCH_TASK = "core.dispatch_outbox"
LEASE = timedelta(minutes=2)
HEARTBEAT_S = 30.0
BACKOFF_BASE_S = 2
LONGEST_BACKOFF_S = 300
#: How long a failing delivery is tried again: longer than a weekend's outage of anything that a handler depends on.
RETRY_FOR = timedelta(days=4)
#: Most events that a gathering handler gets at once.
GATHERED = 100

_PUBLISH = """
WITH event AS (
    INSERT INTO core_outboxevent (id, tenant_id, type, payload, created_at)
    VALUES (%(id)s, %(tenant)s, %(type)s, %(payload)s::jsonb, %(now)s)
)
INSERT INTO core_outboxdelivery
       (id, tenant_id, event_id, handler, state, long_running, attempts, due_at, lease_until, last_error, done_at)
SELECT d.id, %(tenant)s, %(id)s, d.handler, 'pending', d.long_running, 0, %(now)s, NULL, '', NULL
  FROM unnest(%(ids)s::uuid[], %(handlers)s::text[], %(long_running)s::bool[]) AS d (id, handler, long_running)
RETURNING id
"""


@dataclass(frozen=True)
class Event:
    """Base of all events: a frozen dataclass with JSON-able fields, named in the past tense."""

    @classmethod
    def type_name(cls) -> str:
        """`<app>.<EventName>`, stable across refactorings of modules."""
        return f"{cls.__module__.removeprefix('apps.').split('.')[0]}.{cls.__name__}"

    @classmethod
    @cache
    def _hints(cls) -> dict[str, Any]:
        return get_type_hints(cls)

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> Event:
        """Rebuild the event from its stored JSON."""
        hints = cls._hints()
        values = {field.name: _restore(hints[field.name], payload.get(field.name)) for field in fields(cls)}
        return cls(**values)

    def payload(self) -> dict[str, Any]:
        """The fields as plain JSON."""
        raw = {field.name: getattr(self, field.name) for field in fields(self)}
        plain: dict[str, Any] = json.loads(json.dumps(raw, cls=DjangoJSONEncoder))
        return plain


def _restore(hint: Any, value: Any) -> Any:
    if value is not None and (hint is UUID or UUID in getattr(hint, "__args__", ())) and isinstance(value, str):
        return UUID(value)
    return value


E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class Handler:
    """A registered handler."""

    name: str
    event: type[Event]
    function: Callable[[Any], None]
    long_running: bool
    gather_by: str = ""


_handlers: dict[str, Handler] = {}


def handles(event: type[E], *, long_running: bool = False) -> Callable[[Callable[[E], None]], Callable[[E], None]]:
    """Register a handler for an event.

    Args:
        event: the event's class.
        long_running: run outside a transaction; the handler must be idempotent and able to take up where a killed
            worker left.
    """

    def register(function: Callable[[E], None]) -> Callable[[E], None]:
        name = f"{function.__module__}.{function.__name__}"
        _handlers[name] = Handler(name, event, function, long_running)
        return function

    return register


def handles_many(event: type[E], *, by: str) -> Callable[[Callable[[list[E]], None]], Callable[[list[E]], None]]:
    """Register a handler that takes all due events of the kind at once, up to `GATHERED`, in one transaction.

    Where it fails for several, each is given to it alone, so that one bad event stops no other.

    Args:
        by: the events that it gets together have the same value of this field, and belong to one organisation.
    """

    def register(function: Callable[[list[E]], None]) -> Callable[[list[E]], None]:
        name = f"{function.__module__}.{function.__name__}"
        _handlers[name] = Handler(name, event, function, long_running=False, gather_by=by)
        return function

    return register


def publish(event: Event, *, tenant_id: UUID | None = None, wake: bool = True) -> None:
    """Store an event and its deliveries in the open transaction, in one statement.

    Args:
        tenant_id: the organisation that the event belongs to; the running scope's where left out.
        wake: have a worker deliver it at once; else beat's sweep does within two seconds, with what came meanwhile.

    Raises:
        RuntimeError: outside a transaction, or without a tenant.
    """
    owner = tenant_id or current_tenant_id()
    if owner is None:
        raise RuntimeError("an event belongs to an organisation: give tenant_id")
    if not connection.in_atomic_block:
        raise RuntimeError("publish() belongs in the transaction of the change it tells of")
    receivers = [handler for handler in _handlers.values() if handler.event is type(event)]
    values: dict[str, Any] = {
        "id": uuid7(),
        "tenant": owner,
        "type": event.type_name(),
        "payload": json.dumps(event.payload()),
        "now": clock.now(),
        "ids": [uuid7() for _ in receivers],
        "handlers": [handler.name for handler in receivers],
        "long_running": [handler.long_running for handler in receivers],
    }
    with tenant_scope(owner):
        cast("DatabaseWrapper", connection).fetch_all_prepared(_PUBLISH, values)
    if receivers and wake:
        transaction.on_commit(wake_dispatcher, robust=True)


def wake_dispatcher() -> None:
    """Ask a worker to deliver now; beat's sweep finds what a lost wake-up leaves."""
    current_app.send_task(DISPATCH_TASK, ignore_result=True)


def deliver_next() -> int:
    """Deliver one due event to one handler, or those that a gathering handler takes together.

    Returns:
        How many deliveries were made; 0 where nothing was due.
    """
    with all_tenants(reason="the dispatcher serves every organisation"), transaction.atomic():
        delivery = _claim(long_running=False)
        if delivery is None:
            return 0
        handler = _handlers.get(delivery.handler)
        if handler is None or not handler.gather_by:
            _deliver_in_transaction(delivery)
            return 1
        gathered = [delivery, *_claim_alike(delivery, handler.gather_by)]
        _deliver_gathered(gathered)
        return len(gathered)


def claim_long_running(*, field: str = "", values: Sequence[str] = ()) -> UUID | None:
    """Lease the next due long-running delivery and return its id, or None.

    Args:
        field: only events whose field of this name has one of `values`: for a worker that waits for them itself.
    """
    with all_tenants(reason="the dispatcher serves every organisation"), transaction.atomic():
        due = _claimable().filter(long_running=True)
        if field:
            due = due.filter(**{f"event__payload__{field}__in": list(values)})
        delivery = due.first()
        if delivery is None:
            return None
        delivery.lease_until = clock.now() + LEASE
        delivery.attempts += 1
        delivery.save(update_fields=["lease_until", "attempts"])
        return delivery.id


def deliver_long_running(delivery_id: UUID) -> None:
    """Run one leased long-running delivery to its end, renewing the lease."""
    with all_tenants(reason="the dispatcher serves every organisation"):
        delivery = OutboxDelivery.objects.select_related("event").get(id=delivery_id)
        if delivery.state != DeliveryState.PENDING:
            return
        stop = threading.Event()
        beat = threading.Thread(target=_renew_lease, args=(delivery_id, stop), daemon=True)
        beat.start()
        try:
            _run(delivery)
        except Exception as error:
            logger.exception("handler %s failed", delivery.handler)
            _mark_failed(delivery, error)
        else:
            _mark_done(delivery)
        finally:
            stop.set()
            beat.join()


def drain(*, max_rounds: int = 1000) -> int:
    """Deliver everything that is due, here and now (tests and commands).

    Returns:
        How many deliveries were made.
    """
    count = 0
    for _ in range(max_rounds):
        if made := deliver_next():
            count += made
            continue
        delivery_id = claim_long_running()
        if delivery_id is None:
            return count
        deliver_long_running(delivery_id)
        count += 1
    raise RuntimeError(f"the outbox was not empty after {max_rounds} deliveries")


def dead_deliveries() -> list[OutboxDelivery]:
    """Deliveries that were given up, oldest first, with their events (every organisation's)."""
    with all_tenants(reason="what was given up is the operator's to look at"):
        dead = OutboxDelivery.objects.select_related("event").filter(state=DeliveryState.DEAD)
        return list(dead.order_by("event__created_at", "id"))


def revive_dead_deliveries() -> int:
    """Try everything again that was given up, once and with the same care as before. Returns how many."""
    with all_tenants(reason="what was given up is tried again"), transaction.atomic():
        revived = OutboxDelivery.objects.filter(state=DeliveryState.DEAD).update(
            state=DeliveryState.PENDING, due_at=clock.now(), lease_until=None
        )
        transaction.on_commit(wake_dispatcher, robust=True)
    return revived


def _claim(*, long_running: bool) -> OutboxDelivery | None:
    return _claimable().filter(long_running=long_running).first()


def _claim_alike(delivery: OutboxDelivery, field: str) -> list[OutboxDelivery]:
    """Further due deliveries of the same kind, with the same value of this field of the event."""
    alike = _claimable().filter(tenant_id=delivery.tenant_id, handler=delivery.handler).exclude(id=delivery.id)
    value = delivery.event.payload.get(field)
    return list(alike.filter(**{f"event__payload__{field}": value})[: GATHERED - 1]) if value is not None else []


def _claimable() -> QuerySet[OutboxDelivery]:
    now = clock.now()
    return (
        OutboxDelivery.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("event")
        .filter(Q(lease_until=None) | Q(lease_until__lt=now))
        .filter(state=DeliveryState.PENDING, due_at__lte=now)
        .order_by("due_at", "id")
    )


def _deliver_gathered(deliveries: list[OutboxDelivery]) -> None:
    try:
        with transaction.atomic():
            _run_all(deliveries)
    except Exception:
        # Alone each is marked with its own error, where it fails again.
        logger.warning("handler %s failed for %d events; each comes alone", deliveries[0].handler, len(deliveries))
        for delivery in deliveries:
            _deliver_in_transaction(delivery)
    else:
        OutboxDelivery.objects.filter(id__in=[delivery.id for delivery in deliveries]).update(
            state=DeliveryState.DONE, done_at=clock.now(), lease_until=None, attempts=F("attempts") + 1
        )


def _deliver_in_transaction(delivery: OutboxDelivery) -> None:
    delivery.attempts += 1
    try:
        with transaction.atomic():
            _run(delivery)
    except Exception as error:
        logger.exception("handler %s failed", delivery.handler)
        _mark_failed(delivery, error)
    else:
        _mark_done(delivery)


def _run(delivery: OutboxDelivery) -> None:
    _run_all([delivery])


def _run_all(deliveries: Sequence[OutboxDelivery]) -> None:
    """Give events of one kind to their handler, which takes several only where it gathers."""
    first = deliveries[0]
    handler = _handlers.get(first.handler)
    if handler is None:
        raise LookupError(f"no handler is registered as {first.handler}")
    events = [handler.event.from_payload(delivery.event.payload) for delivery in deliveries]
    with tenant_scope(first.tenant_id):
        handler.function(events if handler.gather_by else events[0])


def _mark_done(delivery: OutboxDelivery) -> None:
    delivery.state = DeliveryState.DONE
    delivery.done_at = clock.now()
    delivery.lease_until = None
    delivery.save(update_fields=["state", "done_at", "lease_until", "attempts"])


def _mark_failed(delivery: OutboxDelivery, error: Exception) -> None:
    delivery.last_error = "".join(traceback.format_exception(error))[-4000:]
    delivery.lease_until = None
    if clock.now() - delivery.event.created_at >= RETRY_FOR:
        delivery.state = DeliveryState.DEAD
    wait_s = min(BACKOFF_BASE_S ** min(delivery.attempts, LONGEST_BACKOFF_S.bit_length()), LONGEST_BACKOFF_S)
    delivery.due_at = clock.now() + timedelta(seconds=wait_s)
    delivery.save(update_fields=["last_error", "lease_until", "state", "due_at", "attempts"])


def _renew_lease(delivery_id: UUID, stop: threading.Event) -> None:
    try:
        while not stop.wait(HEARTBEAT_S):
            with all_tenants(reason="the lease of a running delivery"):
                OutboxDelivery.objects.filter(id=delivery_id).update(lease_until=clock.now() + LEASE)
    finally:
        connection.close()
