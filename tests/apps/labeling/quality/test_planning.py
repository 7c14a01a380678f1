"""Orders with a target, through the real services: who is asked, how often, and when it is enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.core import outbox
from apps.core.errors import InvalidInput
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.errors import WrongOrderState
from apps.labeling.models import Annotation, AnnotatorStats, Order, Task
from apps.labeling.quality import routing
from apps.labeling.services.planning import is_due
from tests.apps.labeling.conftest import truth, wrong


@pytest.fixture
def order(actor: Any, make_order: Callable[..., Any], fund: Callable[..., None]) -> Any:
    draft = make_order(actor, items=12, gold=2, redundancy=4, launch=False)
    services.set_target(actor=actor, order_id=draft.id, target=0.9)
    fund(actor.organisation_id, 100_000)
    return services.launch_order(actor=actor, order_id=draft.id)


def test_slots_open_when_the_plan_wants_labels(order):
    open_slots = dict(Task.objects.filter(order=order).values_list("row", "open_slots"))
    assert sum(open_slots.values()) == 2 * 4  # the check questions
    wanted = services.plan_labels(order_id=order.id)
    assert {one.task_id for one in wanted} == set(
        Task.objects.filter(order=order, gold__isnull=True, open_slots=1).values_list("id", flat=True)
    )
    assert len(wanted) == 10


def test_an_order_ends_when_no_label_is_wanted_and_buys_less_than_its_redundancy(order, make_actor, work):
    people = [make_actor(name=f"A{n}", personal=True) for n in range(4)]
    for _ in range(20):
        services.plan_due_orders()
        order = Order.objects.get(id=order.id)
        if order.state != "running":
            break
        for person in people:
            work(person, order, limit=3)
    assert order.state == "closing"
    assert order.outcome == "finished"
    bought = Annotation.objects.filter(order=order, task__gold__isnull=True).count()
    assert 10 <= bought < 40  # redundancy would have bought 40
    services.close_order(order_id=order.id)
    assert Order.objects.get(id=order.id).state == "finished"


def test_tasks_are_kept_for_those_who_would_tell_most(order, make_actor, work):
    good, bad = make_actor(name="Good", personal=True), make_actor(name="Bad", personal=True)
    services.plan_labels(order_id=order.id)
    work(good, order, truth, limit=6)
    work(bad, order, wrong, limit=6)
    services.plan_labels(order_id=order.id)
    kept = AnnotatorStats.objects.get(order=order, annotator_id=good.organisation_id).preferred
    assert kept
    batch = services.lease_tasks(actor=good, order_id=order.id)
    with tenant_scope(order.tenant_id):
        lent = Task.objects.get(assignments__id=batch.tasks[0].assignment_id)
    assert str(lent.id) in kept


def test_only_tasks_among_those_asked_for_are_lent(order, make_actor):
    wanted = services.plan_labels(order_id=order.id)
    person = make_actor(personal=True)
    task_id = wanted[5].task_id
    batch = services.lease_tasks(actor=person, order_id=order.id, count=5, among=[task_id])
    assert len(batch.tasks) == 1
    with tenant_scope(order.tenant_id):
        assert Task.objects.get(assignments__id=batch.tasks[0].assignment_id).id == task_id


def test_a_target_needs_a_draft_and_a_probability(actor, order, make_order):
    with pytest.raises(WrongOrderState):
        services.set_target(actor=actor, order_id=order.id, target=0.9)
    draft = make_order(actor, launch=False)
    with pytest.raises(InvalidInput):
        services.set_target(actor=actor, order_id=draft.id, target=1.0)


def test_an_item_that_is_sure_is_decided_and_paid_while_the_order_runs(
    actor, make_order, fund, make_actor, work, monkeypatch
):
    monkeypatch.setattr(routing, "SETTLED_SHARE", 0.0)  # so few answers leave no item surer than its target
    order = make_order(actor, items=40, gold=2, redundancy=12, launch=False)
    services.set_target(actor=actor, order_id=order.id, target=0.6)
    fund(actor.organisation_id, 100_000)
    services.launch_order(actor=actor, order_id=order.id)
    people = [make_actor(name=f"A{n}", personal=True) for n in range(6)]
    for _ in range(3):
        services.plan_labels(order_id=order.id)
        for person in people:
            work(person, order, limit=5)
    services.plan_labels(order_id=order.id)
    outbox.drain()
    settled = Task.objects.filter(order=order, gold__isnull=True, state="settled")
    assert Order.objects.get(id=order.id).state == "running"
    assert settled
    for task in settled:
        assert task.labels_done < 12
        assert task.open_slots == 0
        assert task.result == {"label": truth(task.data["text"])}
        assert task.confidence is not None
        assert task.confidence >= 0.6  # of the plan, which knows all annotators, not of the item's answers alone
        assert {one.state for one in Annotation.objects.filter(task=task)} == {"accepted"}


@pytest.mark.parametrize(
    ("planned", "answers", "has_slots", "due"),
    [
        (-1, 0, True, True),
        (10, 10, True, False),
        (10, 11, True, True),
        (11, 10, True, True),
        (2_000, 2_010, True, False),
        (2_000, 2_011, True, True),
        (2_000, 2_001, False, True),
        (5, 5, False, False),
    ],
)
def test_a_plan_waits_for_a_share_of_new_answers_unless_nothing_is_left_to_give_out(planned, answers, has_slots, due):
    assert is_due(planned, answers, has_slots=has_slots) is due
