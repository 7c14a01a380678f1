"""What people are asked and what is closed without them; a killed worker, a source that is down or wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.compute.errors import RunnerUnavailable
from apps.core import clock, outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.datasets import selectors
from apps.labeling import services
from apps.labeling.machine.sources import BadPredictions
from apps.labeling.models import Annotation, MachineItem, MachineRun, Task
from apps.labeling.quality import routing
from apps.labeling.selectors.machine import machine_votes
from apps.labeling.services import machine
from tests.apps.labeling.machine.orders.driving import CLASSES, drive, earned, figures_of, fresh, held, truth

pytestmark = pytest.mark.django_db


def test_most_items_are_closed_without_people_and_nobody_is_paid_for_them(make_actor, machine_order, work, source):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = drive(machine_order(requester, gold=20), [annotator], work)
    assert order.state == "finished"
    figures = figures_of(order)
    with tenant_scope(requester.organisation_id):
        by_machine = Task.objects.filter(order=order, made_by="machine")
        paid = Annotation.objects.filter(order=order, state="accepted").count()
        assert figures.accepted == by_machine.count() > 150
        assert not Annotation.objects.filter(task__in=by_machine).exists()
        assert all(task.result == {"label": truth(task.data["text"])} for task in by_machine)
        assert order.dataset_version_id is not None
        version = selectors.dataset_version(order.dataset_version_id)
        rows = list(selectors.iter_rows(version.id))
    assert figures.measured is not None
    assert figures.measured >= 0.95 - 0.015
    assert figures.low is not None
    # Two-sided, each side with half of the risk: a little under what the audit had to prove, which is one-sided.
    assert figures.low >= 0.95 - 0.015 - 0.01
    assert paid + figures.accepted <= 400
    assert earned(annotator) == Money(4) * paid
    assert held(requester) == Money(0)
    assert sum(row["source"] == "machine" for row in rows) == figures.accepted
    assert len(rows) == 400
    assert version.card["machine"]["items_accepted"] == figures.accepted
    assert version.card["machine"]["model"] == source.name
    assert f"a machine for {figures.accepted} items" in version.card["made_by"]


def test_while_the_runner_is_down_people_go_on_as_the_page_says(make_actor, machine_order, work, source, client_for):
    source.fault = RunnerUnavailable("down")
    requester, annotator = make_actor(), make_actor(personal=True)
    order = machine_order(requester, items=60)
    services.advance_machines()
    assert "does not answer" in figures_of(order).problem
    assert b"People go on meanwhile" in client_for(requester).get(f"/orders/{order.id}/").content
    order = drive(order, [annotator], work, rounds=8)
    assert order.state == "finished"
    assert earned(annotator) == Money(4) * 60
    assert figures_of(order).accepted == 0


def test_a_wrong_answer_of_a_source_is_told_and_ignored(make_actor, machine_order, work, source):
    source.fault = BadPredictions("external endpoint example.org must answer 60 predictions.")
    requester, annotator = make_actor(), make_actor(personal=True)
    order = drive(machine_order(requester, items=60), [annotator], work, rounds=8)
    assert order.state == "finished"
    assert source.calls == 1  # it is asked again much later
    assert held(requester) == Money(0)


def test_an_audit_below_the_promise_reopens_what_was_accepted(make_actor, machine_order, work, source):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = machine_order(requester, audit=0.5)
    for _ in range(30):
        services.advance_machines()
        if figures_of(order).accepted:
            break
        work(annotator, order, truth, limit=30)
        outbox.drain()
    accepted = figures_of(order).accepted
    assert accepted > 100
    assert fresh(order).items_done == accepted + earned(annotator).minor // 4
    # From here on people say something else: the labels are not what they were taken for.
    order = drive(order, [annotator], work, lambda text: CLASSES[(CLASSES.index(truth(text)) + 1) % 3])
    assert order.state == "finished"
    figures = figures_of(order)
    assert figures.state == "stopped"
    assert [one["state"] for one in figures.audit_log] == ["revoked"]
    assert figures.accepted == 0
    assert earned(annotator) == Money(4) * 400
    assert held(requester) == Money(0)


def test_an_order_with_a_target_asks_only_about_what_the_machine_picked(make_actor, machine_order, work, source):
    requester = make_actor()
    people = [make_actor(name=f"P{n}", personal=True) for n in range(2)]
    order = drive(machine_order(requester, redundancy=2, target=0.9, gold=8), people, work, rounds=60)
    assert order.state == "finished"
    figures = figures_of(order)
    assert figures.accepted > 100
    with tenant_scope(requester.organisation_id):
        assert not Annotation.objects.filter(order=order, task__made_by="machine").exists()
        answered = Annotation.objects.filter(order=order).values("task").distinct().count()
        assert answered + figures.accepted >= 392
    assert held(requester) == Money(0)


def test_no_item_settles_early_by_what_the_machine_thinks(make_actor, machine_order, work, source, monkeypatch):
    monkeypatch.setattr(routing, "SETTLED_SHARE", 0.0)  # so that items would settle early without a machine's votes
    people = [make_actor(name=f"P{n}", personal=True) for n in range(3)]
    order = machine_order(make_actor(), redundancy=3, target=0.6, gold=8)
    with tenant_scope(order.tenant_id):
        early = Task.objects.filter(order=order, gold__isnull=True, labels_done__in=[1, 2])
        decided = early.filter(state__in=["complete", "settled"])
        for _ in range(6):
            before = set(decided.values_list("id", flat=True)) if machine_votes(order) else None
            services.advance_machines()
            services.plan_labels(order_id=order.id)
            outbox.drain()
            if before is not None:
                assert set(decided.values_list("id", flat=True)) == before
            for person in people:
                work(person, order, truth, limit=8)
            outbox.drain()
        assert fresh(order).state == "running"
        assert machine_votes(order)
        assert early.filter(state="open").exists()


def test_a_killed_worker_leaves_nothing_half_done(make_actor, machine_order, work, source, monkeypatch):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = machine_order(requester, items=200)
    with monkeypatch.context() as patch:
        patch.setattr(machine, "_write", kill)
        with pytest.raises(KeyboardInterrupt):
            services.advance_machines()
    with tenant_scope(requester.organisation_id):
        assert not MachineItem.objects.filter(order=order).exists()
        run = MachineRun.objects.get(order=order)
        run.claimed_until = clock.now() + timedelta(minutes=1)  # as where the process is gone at once
        run.save()
    assert services.advance_machines() == 0
    with tenant_scope(requester.organisation_id):
        MachineRun.objects.filter(order=order).update(claimed_until=clock.now() - timedelta(seconds=1))
    calls = source.calls
    assert drive(order, [annotator], work).state == "finished"
    assert source.calls == calls  # what the source had said was kept


def kill(*_: Any) -> None:
    raise KeyboardInterrupt
