"""Orders with a target, through the real services: who is asked, how often, and when it is enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.core import outbox
from apps.core.errors import InvalidInput
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.errors import WrongOrderState
from apps.labeling.models import Annotation, AnnotatorStats, Order, Task
from apps.labeling.quality import routing
from apps.labeling.services.planning import is_due
from apps.ledger import selectors as ledger
from tests.apps.labeling.conftest import truth, wrong


def hold_of(order: Any) -> Any:
    """The money set aside for an order."""
    return ledger.hold(order.hold_id)


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


def test_a_target_is_a_probability_and_changes_until_the_order_ends(actor, order, make_order):
    draft = make_order(actor, launch=False)
    with pytest.raises(InvalidInput):
        services.set_target(actor=actor, order_id=draft.id, target=1.0)
    services.cancel_order(actor=actor, order_id=order.id)
    with pytest.raises(WrongOrderState):
        services.set_target(actor=actor, order_id=order.id, target=0.8)


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


def test_a_higher_target_opens_items_again_and_a_lower_one_ends_sooner(actor, make_order, fund, make_actor, work):
    order = make_order(actor, items=12, gold=2, redundancy=6, launch=False)
    services.set_target(actor=actor, order_id=order.id, target=0.8)
    fund(actor.organisation_id, 100_000)
    order = services.launch_order(actor=actor, order_id=order.id)
    held = hold_of(order).amount
    people = [make_actor(name=f"A{n}", personal=True) for n in range(6)]
    for person in people[:3]:
        services.plan_labels(order_id=order.id)
        work(person, order, limit=10)
        outbox.drain()
    # As if a plan had settled two of them: one would not satisfy the new target, one would.
    doubtful, sure = Task.objects.filter(order=order, gold__isnull=True)[:2]
    for task, confidence in ((doubtful, 0.9), (sure, 0.99)):
        Task.objects.filter(id=task.id).update(
            state="settled", decided=True, result={"label": "ham"}, confidence=confidence, open_slots=0
        )
    Order.objects.filter(id=order.id).update(items_done=Task.objects.filter(order=order, decided=True).count())
    done = Order.objects.get(id=order.id).items_done
    order = services.set_target(actor=actor, order_id=order.id, target=0.95)
    assert services.set_target(actor=actor, order_id=order.id, target=0.95).target == 0.95
    assert (order.planned_answers, order.items_done) == (-1, done - 1)
    doubtful.refresh_from_db()
    sure.refresh_from_db()
    assert (doubtful.state, doubtful.decided, doubtful.result) == ("open", False, None)
    assert (sure.state, sure.confidence) == ("settled", 0.99)
    assert hold_of(order).amount == held
    assert services.plan_due_orders() >= 1
    before = len(services.plan_labels(order_id=order.id))
    services.set_target(actor=actor, order_id=order.id, target=0.5)
    assert len(services.plan_labels(order_id=order.id)) < max(1, before)


def test_without_its_target_an_order_gives_every_item_all_its_answers(actor, order, make_actor, work):
    people = [make_actor(name=f"A{n}", personal=True) for n in range(4)]
    services.plan_labels(order_id=order.id)
    work(people[0], order, limit=6)
    services.pause_order(actor=actor, order_id=order.id)
    assert services.set_target(actor=actor, order_id=order.id, target=None).target is None
    order = services.resume_order(actor=actor, order_id=order.id)
    assert sum(Task.objects.filter(order=order).values_list("open_slots", flat=True)) == 12 * 4 - 6
    for person in people:
        work(person, order)
        outbox.drain()
    order.refresh_from_db()
    assert order.state == "finished"
    assert set(Task.objects.filter(order=order).values_list("labels_done", flat=True)) == {4}
    hold = hold_of(order)
    assert hold.amount == hold.captured + hold.released
    assert hold.captured == Money(12 * 4 * 4 + 20)  # the pay of all answers, and the fee on it: 19.2 cents


def test_an_order_gets_a_target_while_it_runs(actor, make_order, make_actor, work):
    order = make_order(actor, items=12, gold=2, redundancy=4)
    people = [make_actor(name=f"A{n}", personal=True) for n in range(6)]
    work(people[0], order, limit=5)
    with tenant_scope(people[1].organisation_id):
        [held] = services.lease_tasks(actor=people[1], order_id=order.id).tasks
    services.set_target(actor=actor, order_id=order.id, target=0.8)
    free = Task.objects.filter(order=order, gold__isnull=True).values_list("open_slots", flat=True)
    assert max(free) == 1  # until the plan is made
    with tenant_scope(people[1].organisation_id):
        services.skip_task(actor=people[1], assignment_id=held.assignment_id)
    for _ in range(20):
        services.plan_due_orders()
        order = Order.objects.get(id=order.id)
        if order.state != "running":
            break
        for person in people:
            work(person, order, limit=3)
    outbox.drain()
    order.refresh_from_db()
    assert order.state == "finished"
    assert 10 <= Annotation.objects.filter(order=order, task__gold__isnull=True).count() < 40


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
