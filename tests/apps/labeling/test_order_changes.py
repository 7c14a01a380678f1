"""Orders that are paused, extended, ended by a deadline or by their budget: nobody loses work, no cent goes astray."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core import clock, outbox
from apps.core.errors import InvalidInput
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.appeal_types import APPEAL_WINDOW
from apps.labeling.errors import OrderNotOpen, OrderPaused, OrderUnfunded, WrongOrderState
from apps.labeling.models import Annotation, BoardListing, Order, Task
from apps.labeling.pricing import labels_for, quote
from apps.labeling.selectors import orders as selectors
from apps.labeling.slots import in_use
from apps.ledger import selectors as ledger
from apps.ledger.models import Hold
from apps.ledger.types import AccountKind, AccountRef, units_of
from tests.apps.labeling.conftest import truth
from tests.apps.labeling.test_settlement import work_at_random

pytestmark = pytest.mark.django_db


def held_as(order: Order) -> UUID:
    """The hold that pays for a launched order."""
    assert order.hold_id is not None
    return order.hold_id


def held_by(requester: Any) -> int:
    balance = ledger.balance(AccountRef(requester.organisation_id, AccountKind.CASH, "USD"))
    return units_of(balance.held)


@given(
    items=st.integers(1, 5_000),
    redundancy=st.integers(1, 25),
    price=st.integers(1, 10_000),
    fee_bps=st.integers(0, 5_000),
    budget=st.integers(1, 10_000_000),
)
def test_a_budget_pays_for_as_many_labels_as_it_can_and_no_more(items, redundancy, price, fee_bps, budget):
    found = quote(items=items, redundancy=redundancy, price=Money(price), fee_bps=fee_bps, budget=Money(budget))
    cost = Money(price) * found.affordable
    assert cost + cost.fraction_bps(fee_bps) <= found.held <= Money(budget)
    more = labels_for(Money(budget), Money(price), fee_bps) + 1
    cost = Money(price) * more
    assert cost + cost.fraction_bps(fee_bps) > Money(budget)
    assert found.affordable == min(found.labels, more - 1)


def test_a_paused_order_lends_nothing_and_takes_what_is_in_hand(make_actor, make_order, work):
    requester, annotator, other = make_actor(), make_actor(personal=True), make_actor(personal=True)
    order = make_order(requester, items=6, redundancy=1)
    with tenant_scope(annotator.organisation_id):
        first, second = services.lease_tasks(actor=annotator, order_id=order.id, count=2).tasks
    with tenant_scope(requester.organisation_id):
        services.pause_order(actor=requester, order_id=order.id)
        assert services.pause_order(actor=requester, order_id=order.id).state == "paused"
    listing = BoardListing.objects.get(order_id=order.id)
    assert (listing.open, listing.paused) == (False, True)
    with tenant_scope(other.organisation_id), pytest.raises(OrderPaused):
        services.lease_tasks(actor=other, order_id=order.id)
    # Whoever read the board just before gets nothing either.
    BoardListing.objects.filter(order_id=order.id).update(open=True)
    with tenant_scope(other.organisation_id):
        assert services.lease_tasks(actor=other, order_id=order.id).tasks == ()
    with tenant_scope(annotator.organisation_id):
        services.extend_lease(actor=annotator, assignment_id=first.assignment_id)
        answer = {"label": truth(first.data["text"])}
        services.submit_annotation(actor=annotator, assignment_id=first.assignment_id, answer=answer, elapsed_ms=5)
        services.undo_annotation(actor=annotator, assignment_id=first.assignment_id)
        services.submit_annotation(actor=annotator, assignment_id=first.assignment_id, answer=answer, elapsed_ms=5)
        services.skip_task(actor=annotator, assignment_id=second.assignment_id)
    with tenant_scope(requester.organisation_id):
        assert services.resume_order(actor=requester, order_id=order.id).state == "running"
        services.resume_order(actor=requester, order_id=order.id)
    assert work(other, order) == 5
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        assert Order.objects.get(id=order.id).state == "finished"
        assert Annotation.objects.filter(order=order, state="accepted").count() == 6
        with pytest.raises(WrongOrderState):
            services.pause_order(actor=requester, order_id=order.id)


def test_the_last_answer_ends_a_paused_order_and_a_paused_order_is_cancelled(make_actor, make_order):
    requester, annotator = make_actor(), make_actor(personal=True)
    order, other = (make_order(requester, items=1, redundancy=1) for _ in range(2))
    with tenant_scope(annotator.organisation_id):
        [task] = services.lease_tasks(actor=annotator, order_id=order.id).tasks
    with tenant_scope(requester.organisation_id):
        services.pause_order(actor=requester, order_id=order.id)
        services.pause_order(actor=requester, order_id=other.id)
        services.cancel_order(actor=requester, order_id=other.id)
    with tenant_scope(annotator.organisation_id):
        answer = {"label": truth(task.data["text"])}
        services.submit_annotation(actor=annotator, assignment_id=task.assignment_id, answer=answer, elapsed_ms=5)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        assert {one.state for one in Order.objects.all()} == {"finished", "cancelled"}
    assert held_by(requester) == 0


def test_more_answers_cost_exactly_the_quote_and_open_the_items_again(make_actor, make_order, work):
    requester = make_actor()
    people = [make_actor(personal=True) for _ in range(3)]
    order = make_order(requester, items=4, redundancy=1, price=7)
    work(people[0], order, limit=2)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
        assert order.items_done == 2
        found = services.extension_of(order, redundancy=3)
        before = held_by(requester)
        services.extend_order(actor=requester, order_id=order.id, redundancy=3)
        assert held_by(requester) - before == found.added.minor == 84 + 9 - (28 + 3)
        order = Order.objects.get(id=order.id)
        assert (order.redundancy, order.items_done) == (3, 0)
        assert sum(Task.objects.filter(order=order).values_list("open_slots", flat=True)) == 10
        with pytest.raises(InvalidInput):
            services.extend_order(actor=requester, order_id=order.id, redundancy=3)
        with pytest.raises(InvalidInput):
            services.extend_order(actor=requester, order_id=order.id, budget=Money(10_000))
    assert [work(one, order) for one in people] == [2, 4, 4]
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
        assert (order.state, order.items_done) == ("finished", 4)
        assert Annotation.objects.filter(order=order, state="accepted").count() == 12
    assert held_by(requester) == 0
    captured = units_of(ledger.hold(held_as(order)).captured) + order.captured_before_minor
    assert captured == 12 * 7 + 9  # the pay and its fee, over both holds


def test_what_cannot_be_paid_is_not_added(make_actor, make_order, fund):
    requester = make_actor()
    order = make_order(requester, items=4, redundancy=1, price=100, launch=False)
    fund(requester.organisation_id, 500)
    with tenant_scope(requester.organisation_id):
        services.launch_order(actor=requester, order_id=order.id)
        with pytest.raises(OrderUnfunded) as caught:
            services.extend_order(actor=requester, order_id=order.id, redundancy=2)
        order = Order.objects.get(id=order.id)
    assert caught.value.context["missing"] == Money(440 - 60).as_json()
    assert order.redundancy == 1
    assert held_by(requester) == 440


def test_a_deadline_stops_lending_and_ends_the_order_when_hands_are_empty(make_actor, make_order, monkeypatch):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = make_order(requester, items=4, redundancy=1)
    with tenant_scope(annotator.organisation_id):
        [task] = services.lease_tasks(actor=annotator, order_id=order.id).tasks
    with tenant_scope(requester.organisation_id):
        with pytest.raises(InvalidInput):
            services.set_deadline(actor=requester, order_id=order.id, deadline=clock.now())
        services.set_deadline(actor=requester, order_id=order.id, deadline=clock.now() + timedelta(minutes=2))
    services.end_due_orders()
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(minutes=3))
    services.end_due_orders()
    with tenant_scope(annotator.organisation_id):
        assert services.lease_tasks(actor=annotator, order_id=order.id).tasks == ()
        answer = {"label": truth(task.data["text"])}
        services.submit_annotation(actor=annotator, assignment_id=task.assignment_id, answer=answer, elapsed_ms=5)
    services.end_due_orders()
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
        assert (order.state, Annotation.objects.get(order=order).state) == ("finished", "accepted")
    assert held_by(requester) == 0
    with tenant_scope(annotator.organisation_id), pytest.raises(OrderNotOpen):
        services.lease_tasks(actor=annotator, order_id=order.id)


def test_an_order_without_answers_is_cancelled_at_its_deadline(make_actor, make_order, monkeypatch):
    requester = make_actor()
    order = make_order(requester)
    with tenant_scope(requester.organisation_id):
        services.set_deadline(actor=requester, order_id=order.id, deadline=clock.now() + timedelta(minutes=2))
        services.pause_order(actor=requester, order_id=order.id)
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(minutes=3))
    assert services.end_due_orders() >= 1
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        assert Order.objects.get(id=order.id).state == "cancelled"
    assert held_by(requester) == 0


def limited(requester: Any, make_order: Any, budget: int, **changes: Any) -> Any:
    """A running order with a budget."""
    order = make_order(requester, launch=False, **changes)
    with tenant_scope(requester.organisation_id):
        Order.objects.filter(id=order.id).update(budget_minor=budget)
    return order


def test_a_budget_that_ends_in_the_middle_ends_the_order_and_pays_whole_labels_only(make_actor, make_order, work, fund):
    requester = make_actor()
    people = [make_actor(personal=True) for _ in range(3)]
    # Nine labels at 10 and a tenth of them in fees are 99; a tenth label is not paid by 105.
    order = limited(requester, make_order, 105, items=6, redundancy=2, price=10)
    fund(requester.organisation_id, 105)
    with tenant_scope(requester.organisation_id):
        order = services.launch_order(actor=requester, order_id=order.id)
        assert selectors.quote_of(order).affordable == 9
        assert sum(Task.objects.filter(order=order).values_list("open_slots", flat=True)) == 9
    assert held_by(requester) == 105
    assert [work(one, order) for one in people] == [5, 4, 0]
    services.end_due_orders()
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
        assert order.state == "finished"
        assert Annotation.objects.filter(order=order, state="accepted").count() == 9
    hold = ledger.hold(held_as(order))
    assert (hold.captured, hold.released) == (Money(99), Money(6))


def test_a_higher_budget_goes_on_where_the_old_one_would_have_ended(make_actor, make_order, work, fund):
    requester = make_actor()
    people = [make_actor(personal=True) for _ in range(2)]
    order = limited(requester, make_order, 44, items=6, redundancy=2, price=10)
    fund(requester.organisation_id, 1_000)
    with tenant_scope(requester.organisation_id):
        order = services.launch_order(actor=requester, order_id=order.id)
    assert [work(one, order) for one in people] == [2, 2]
    with tenant_scope(requester.organisation_id):
        with pytest.raises(InvalidInput):
            services.extend_order(actor=requester, order_id=order.id, budget=Money(44))
        services.extend_order(actor=requester, order_id=order.id, budget=Money(9_999))
        order = Order.objects.get(id=order.id)
        assert not selectors.quote_of(order).is_limited
    assert held_by(requester) == 132
    assert [work(one, order) for one in people] == [4, 4]
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        assert Order.objects.get(id=order.id).state == "finished"
    assert held_by(requester) == 0


def test_a_target_with_a_budget_plans_no_more_than_it_pays_for(make_actor, make_order, work, fund):
    requester = make_actor()
    people = [make_actor(personal=True) for _ in range(4)]
    order = limited(requester, make_order, 22, items=12, gold=2, redundancy=4, price=1)
    fund(requester.organisation_id, 1_000)
    with tenant_scope(requester.organisation_id):
        services.set_target(actor=requester, order_id=order.id, target=0.99)
        order = services.launch_order(actor=requester, order_id=order.id)
        affordable = selectors.quote_of(order).affordable
        assert affordable == 20
    for turn in range(40):
        with tenant_scope(requester.organisation_id):
            services.plan_labels(order_id=order.id)
            order.refresh_from_db()
            used = in_use(order.id)
            assert used.labels <= affordable
        if order.state != "running":
            break
        work(people[turn % 4], order, limit=2)
    assert order.state == "closing"
    with tenant_scope(requester.organisation_id):
        assert Annotation.objects.filter(order=order).count() <= affordable


@pytest.mark.django_db(transaction=True)
def test_two_annotators_on_the_last_label_that_the_budget_pays(make_actor, make_order, work, fund):
    requester = make_actor()
    people = [make_actor(personal=True) for _ in range(8)]
    order = limited(requester, make_order, 33, items=4, redundancy=1, price=10)
    fund(requester.organisation_id, 100)
    with tenant_scope(requester.organisation_id):
        order = services.launch_order(actor=requester, order_id=order.id)
    assert work(people[0], order, limit=2) == 2

    def take(annotator: Any) -> int:
        try:
            return int(work(annotator, order))
        finally:
            connection.close()

    with ThreadPoolExecutor(len(people)) as pool:
        assert sum(pool.map(take, people)) == 1
    services.end_due_orders()
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
        assert order.state == "finished"
        assert Annotation.objects.filter(order=order).count() == 3
    assert ledger.hold(held_as(order)).captured == Money(33)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    seed=st.integers(0, 10_000),
    price=st.integers(1, 9),
    budget=st.none() | st.integers(40, 200),
    target=st.none() | st.just(0.9),
    end=st.sampled_from("fcb"),
)
def test_held_is_captured_and_released_whatever_is_changed_on_the_way(
    make_actor, make_order, fund, seed, price, budget, target, end
):
    randomness = random.Random(seed)
    requester = make_actor()
    people = [make_actor(personal=True) for _ in range(3)]
    order = make_order(requester, items=8, gold=3, redundancy=2, price=price, launch=False)
    fund(requester.organisation_id, 10_000)
    with tenant_scope(requester.organisation_id):
        Order.objects.filter(id=order.id).update(budget_minor=budget)
        services.set_target(actor=requester, order_id=order.id, target=target)
        order = services.launch_order(actor=requester, order_id=order.id)
    total = held_by(requester)
    for place, one in enumerate(people):
        with tenant_scope(requester.organisation_id):
            if target:
                services.plan_labels(order_id=order.id)
            order.refresh_from_db()
            if order.state == "running" and randomness.random() < 0.7:
                change: dict[str, Any] = {"redundancy": order.redundancy + 1}
                if order.budget_minor and selectors.quote_of(order).is_limited and randomness.random() < 0.5:
                    change = {"budget": Money(order.budget_minor + randomness.randint(1, 60))}
                total += services.extension_of(order, **change).added.minor
                order = services.extend_order(actor=requester, order_id=order.id, **change)
            if order.state == "running" and randomness.random() < 0.4:
                held = held_by(requester)
                target = randomness.choice([None, 0.6, 0.95])
                order = services.set_target(actor=requester, order_id=order.id, target=target)
                assert held_by(requester) == held
            if place == 1 and order.state == "running":
                services.pause_order(actor=requester, order_id=order.id)
                services.resume_order(actor=requester, order_id=order.id)
        if order.state == "running":
            work_at_random(one, order, randomness)
        outbox.drain()
        with tenant_scope(requester.organisation_id):
            order.refresh_from_db()
            assert in_use(order.id).labels <= selectors.quote_of(order).affordable
    services.end_due_orders()
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order.refresh_from_db()
        if order.state == "running":
            answered = Annotation.objects.filter(order=order).exists()
            ended = services.finish_order if end == "f" and answered else services.cancel_order
            ended(actor=requester, order_id=order.id)
    outbox.drain()
    with pytest.MonkeyPatch.context() as patch:
        now = clock.now
        patch.setattr(clock, "now", lambda: now() + APPEAL_WINDOW + timedelta(minutes=1))
        services.release_due_reserves()
    with tenant_scope(requester.organisation_id):
        order.refresh_from_db()
        paid = sum(Annotation.objects.filter(order=order).values_list("amount_minor", flat=True))
        holds = list(Hold.objects.filter(source_id=str(order.id)))
    assert order.state in ("finished", "cancelled")
    assert held_by(requester) == 0
    assert all(hold.amount == hold.captured + hold.released for hold in holds)
    spent = paid + Money(paid).fraction_bps(order.fee_bps).minor
    assert sum(hold.captured for hold in holds) == spent <= total
    last = ledger.hold(held_as(order))
    assert order.captured_before_minor + units_of(last.captured) == spent
    assert order.captured_before_minor + units_of(last.amount) == total
    assert set(ledger.trial_balance().values()) <= {0}
