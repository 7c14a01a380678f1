"""The outbox: what is published with a change is delivered, and has its effect exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.db import transaction

from apps.core import clock, outbox
from apps.core.models import OutboxDelivery, OutboxEvent
from apps.core.outbox import Event
from apps.core.tenant import all_tenants, current_tenant_id


@dataclass(frozen=True)
class ThingHappened(Event):
    thing_id: UUID
    count: int


@pytest.fixture
def handler() -> Iterator[Any]:
    """Registers handlers for the test and forgets them afterwards."""
    before = dict(outbox._handlers)
    yield outbox.handles
    outbox._handlers.clear()
    outbox._handlers.update(before)


def deliveries(actor: Any) -> list[OutboxDelivery]:
    with all_tenants(reason="test"):
        return list(OutboxDelivery.objects.filter(tenant_id=actor.organisation_id))


def test_an_event_reaches_its_handler_in_the_publishers_tenant(actor, handler):
    seen = []

    @handler(ThingHappened)
    def on_thing(event: ThingHappened) -> None:
        seen.append((event, current_tenant_id()))

    event = ThingHappened(uuid4(), 3)
    with transaction.atomic():
        outbox.publish(event)
    outbox.drain()
    assert seen == [(event, actor.organisation_id)]


def test_a_rolled_back_change_publishes_nothing(actor, handler):
    handler(ThingHappened)(lambda event: None)
    with transaction.atomic():
        outbox.publish(ThingHappened(uuid4(), 1))
        transaction.set_rollback(True)
    assert not OutboxEvent.objects.exists()


def test_a_failing_handler_leaves_no_effect_and_is_retried_later(actor, handler):
    failing = [True]

    @handler(ThingHappened)
    def on_thing(event: ThingHappened) -> None:
        OutboxEvent.objects.create(type="effect", payload={})
        if failing[0]:
            raise ValueError("not yet")

    with transaction.atomic():
        outbox.publish(ThingHappened(uuid4(), 1))
    outbox.drain()
    (delivery,) = deliveries(actor)
    assert delivery.state == "pending"
    assert delivery.due_at > clock.now()
    assert "not yet" in delivery.last_error
    assert not OutboxEvent.objects.filter(type="effect").exists()

    failing[0] = False
    with all_tenants(reason="test"):
        OutboxDelivery.objects.filter(id=delivery.id).update(due_at=clock.now() - timedelta(seconds=1))
    outbox.drain()
    assert deliveries(actor)[0].state == "done"
    assert OutboxEvent.objects.filter(type="effect").count() == 1


def fail_again(actor: Any) -> None:
    with all_tenants(reason="test"):
        own = OutboxDelivery.objects.filter(tenant_id=actor.organisation_id)
        own.update(due_at=clock.now() - timedelta(seconds=1))
    outbox.drain()


def test_an_outage_of_a_day_loses_no_delivery_and_is_asked_about_every_five_minutes(actor, handler):
    @handler(ThingHappened)
    def on_thing(event: ThingHappened) -> None:
        raise ValueError("not now")

    with transaction.atomic():
        outbox.publish(ThingHappened(uuid4(), 1))
    for _ in range(20):
        fail_again(actor)
    (delivery,) = deliveries(actor)
    assert (delivery.state, delivery.attempts) == ("pending", 20)
    assert timedelta(minutes=4) < delivery.due_at - clock.now() <= timedelta(minutes=5)


def test_what_fails_for_days_is_put_aside_listed_and_delivered_once_revived(actor, handler, capsys):
    seen: list[ThingHappened] = []
    works = [False]

    @handler(ThingHappened)
    def on_thing(event: ThingHappened) -> None:
        if not works[0]:
            raise ValueError("never")
        seen.append(event)

    with transaction.atomic():
        outbox.publish(ThingHappened(uuid4(), 1))
    OutboxEvent.objects.filter(tenant_id=actor.organisation_id).update(created_at=clock.now() - outbox.RETRY_FOR)
    fail_again(actor)
    assert [delivery.state for delivery in deliveries(actor)] == ["dead"]
    call_command("revive_deliveries", "--list")
    assert "ValueError: never" in capsys.readouterr().out
    assert [delivery.state for delivery in deliveries(actor)] == ["dead"]
    works[0] = True
    call_command("revive_deliveries")
    outbox.drain()
    assert [delivery.state for delivery in deliveries(actor)] == ["done"]
    assert len(seen) == 1


def test_a_long_running_delivery_of_a_killed_worker_is_taken_up_again(actor, handler):
    runs = []

    @handler(ThingHappened, long_running=True)
    def on_thing(event: ThingHappened) -> None:
        runs.append(event.count)

    while outbox.claim_long_running() is not None:
        pass  # other tests' deliveries are taken, and wait
    with transaction.atomic():
        outbox.publish(ThingHappened(uuid4(), 7))
    first = outbox.claim_long_running()
    assert first is not None
    assert outbox.claim_long_running() is None, "a leased delivery is not given to a second worker"
    with all_tenants(reason="test"):
        OutboxDelivery.objects.filter(id=first).update(lease_until=clock.now() - timedelta(seconds=1))
    outbox.drain()
    assert runs == [7]
    outbox.deliver_long_running(first)
    assert runs == [7], "a delivery that is done is not run again"


def test_a_gathering_handler_gets_what_is_due_together_and_a_bad_event_stops_no_other(actor, handler):
    seen: list[list[int]] = []
    first, second = uuid4(), uuid4()

    @outbox.handles_many(ThingHappened, by="thing_id")
    def on_things(events: list[ThingHappened]) -> None:
        seen.append(sorted(event.count for event in events))
        if any(event.count == 2 for event in events):
            raise ValueError("not this one")

    with transaction.atomic():
        for thing_id, count in ((first, 1), (second, 7), (first, 2), (first, 3)):
            outbox.publish(ThingHappened(thing_id, count), wake=False)
    assert outbox.drain() == 4
    assert seen == [[1, 2, 3], [1], [2], [3], [7]]
    states = [delivery.state for delivery in sorted(deliveries(actor), key=lambda one: str(one.id))]
    assert states == ["done", "done", "pending", "done"]
