"""Money stays exact where a budget ends, items are added or a target is taken away."""

from __future__ import annotations

import pytest

from apps.core import outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.models import Annotation, MachineItem, Task
from apps.labeling.selectors.orders import quote_of
from apps.labeling.slots import in_use
from apps.ledger import selectors as ledger
from tests.apps.labeling.machine.orders.driving import drive, figures_of, fresh, held, hold_id_of, truth, within_budget

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("target", [None, 0.9])
@pytest.mark.parametrize(("redundancy", "labels"), [(2, 31), (3, 40)])
def test_a_budget_that_ends_in_the_middle_ends_an_order_with_a_machine(
    make_actor, machine_order, work, source, target, redundancy, labels
):
    requester = make_actor()
    people = [make_actor(name=f"P{n}", personal=True) for n in range(redundancy)]
    budget = labels * 4 + -(-labels * 4 // 10)
    order = machine_order(requester, items=120, gold=12, redundancy=redundancy, target=target, budget=budget)
    within_budget(order)
    assert held(requester) == Money(budget)
    order = drive(order, people, work, check=within_budget)
    assert order.state == "finished"
    with tenant_scope(requester.organisation_id):
        paid = sum(Annotation.objects.filter(order=order).values_list("amount_minor", flat=True))
        assert Annotation.objects.filter(order=order).count() <= labels
        assert not Annotation.objects.filter(order=order, task__made_by="machine").exists()
    hold = ledger.hold(hold_id_of(order))
    assert hold.captured == Money(paid + -(-paid // 10))
    assert hold.captured + hold.released == hold.amount == Money(budget)
    assert held(requester) == Money(0)


def test_a_machine_that_is_switched_off_or_stopped_leaves_the_budget_alone(make_actor, machine_order, work, source):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = machine_order(requester, items=120, gold=12, redundancy=2, budget=200)
    services.advance_machines()
    work(annotator, order, truth, limit=5)
    with tenant_scope(requester.organisation_id):
        services.set_machine(actor=requester, order_id=order.id, machine={"mode": "off"})
        within_budget(order)
        assert in_use(order.id).labels == quote_of(fresh(order)).affordable
        services.set_machine(actor=requester, order_id=order.id, machine={"mode": "assist"})
        within_budget(order)


def test_what_is_added_to_an_order_goes_through_its_machine_first(make_actor, machine_order, work, source):
    requester = make_actor()
    people = [make_actor(name=f"P{n}", personal=True) for n in range(3)]
    order = machine_order(requester, items=300, gold=6, redundancy=2, budget=88)
    with tenant_scope(requester.organisation_id):
        offered = Task.objects.filter(order=order, open_slots__gt=0)
        assert not offered.exists()  # nothing before the machine's first step
    services.advance_machines()
    for person in people[:2]:
        work(person, order, truth, limit=10)
    outbox.drain()
    assert fresh(order).state == "running"
    for change in ({"budget": Money(2_600)}, {"redundancy": 3}):
        with tenant_scope(requester.organisation_id):
            picked = set(MachineItem.objects.filter(order=order).exclude(reason="").values_list("task_id", flat=True))
            services.extend_order(actor=requester, order_id=order.id, **change)
            assert set(offered.values_list("id", flat=True)) <= picked
            within_budget(order)
        assert services.advance_machines() >= 1  # it takes a step by itself
        with tenant_scope(requester.organisation_id):
            assert 0 < offered.count() < 120
    order = drive(order, people, work, check=within_budget)
    assert order.state == "finished"
    assert figures_of(order).accepted > 100
    assert held(requester) == Money(0)


def test_a_machine_still_chooses_after_the_target_was_taken_away(make_actor, machine_order, work, source):
    requester = make_actor()
    people = [make_actor(name=f"P{n}", personal=True) for n in range(2)]
    order = machine_order(requester, items=300, gold=6, redundancy=2, target=0.9)
    services.advance_machines()
    work(people[0], order, truth, limit=10)
    with tenant_scope(requester.organisation_id):
        services.set_target(actor=requester, order_id=order.id, target=None)
        assert 0 < Task.objects.filter(order=order, open_slots__gt=0).count() < 120
    order = drive(order, people, work)
    assert order.state == "finished"
    assert figures_of(order).accepted > 100
    assert held(requester) == Money(0)
