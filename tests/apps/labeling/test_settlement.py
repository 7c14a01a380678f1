"""Money of orders: what is captured and released is exactly what was held, whatever happens on the way."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core import clock, outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.appeal_types import APPEAL_WINDOW
from apps.labeling.errors import OrderUnfunded, WrongOrderState
from apps.labeling.models import Annotation, BoardListing, Order
from apps.labeling.pricing import quote
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from tests.apps.labeling.conftest import truth, wrong

pytestmark = pytest.mark.django_db


@given(
    items=st.integers(1, 200_000),
    redundancy=st.integers(1, 25),
    price=st.integers(1, 10_000),
    fee_bps=st.integers(0, 5_000),
    accepted=st.integers(0, 10_000_000),
)
def test_the_fee_on_what_was_accepted_never_exceeds_the_fee_held(items, redundancy, price, fee_bps, accepted):
    found = quote(items=items, redundancy=redundancy, price=Money(price), fee_bps=fee_bps)
    assert found.cost + found.fee == found.total
    paid = Money(price) * min(accepted, found.labels)
    assert paid + paid.fraction_bps(fee_bps) <= found.total


@pytest.mark.parametrize("funded", [0, 1, 105])
def test_without_funds_a_launch_leaves_nothing_behind(make_actor, make_order, fund, funded):
    requester = make_actor()
    order = make_order(requester, items=12, redundancy=2, price=4, launch=False)
    if funded:
        fund(requester.organisation_id, funded)
    with tenant_scope(requester.organisation_id):
        with pytest.raises(OrderUnfunded) as caught:
            services.launch_order(actor=requester, order_id=order.id)
        order.refresh_from_db()
        assert (order.state, order.hold_id) == ("draft", None)
    assert caught.value.context["missing"] == Money(106 - funded).as_json()
    assert caught.value.context["top_up_url"] == f"/billing/?amount_minor={106 - funded}"
    assert not BoardListing.objects.filter(order_id=order.id).exists()
    assert ledger.balance(AccountRef(requester.organisation_id, AccountKind.CASH, "USD")).held == Money(0)


def test_an_untouched_order_gives_everything_back(make_actor, make_order):
    requester = make_actor()
    order = make_order(requester, items=12, redundancy=2, price=4, cents=500)
    cash = AccountRef(requester.organisation_id, AccountKind.CASH, "USD")
    assert ledger.balance(cash).available == Money(394)
    with tenant_scope(requester.organisation_id):
        services.cancel_order(actor=requester, order_id=order.id)
        services.cancel_order(actor=requester, order_id=order.id)
    outbox.drain()
    assert ledger.balance(cash).available == Money(500)
    with tenant_scope(requester.organisation_id), pytest.raises(WrongOrderState):
        services.launch_order(actor=requester, order_id=order.id)


def test_an_order_finished_early_holds_only_what_was_labelled(make_actor, make_order, work):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = make_order(requester, items=10, redundancy=2)
    work(annotator, order, limit=4)
    with tenant_scope(requester.organisation_id):
        services.finish_order(actor=requester, order_id=order.id)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
    from apps.datasets import selectors as datasets

    assert order.dataset_version_id is not None
    version = datasets.dataset_version(order.dataset_version_id)
    assert version.row_count == 4
    assert version.card["quality"]["items_unlabelled"] == 6


def test_answers_that_differ_wait_for_the_standing_and_are_then_paid(make_actor, make_order, work):
    requester = make_actor()
    order = make_order(requester, items=30, gold=6, redundancy=3, price=4)
    first, second, odd = (make_actor(personal=True) for _ in range(3))

    def mostly_right(text: str) -> str:
        number = int(text.split()[-1])
        return wrong(text) if number in (10, 20) else truth(text)

    for one in (first, second):
        work(one, order)
    work(odd, order, mostly_right)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        found = Annotation.objects.filter(annotator_id=odd.organisation_id, task__data__text__in=["text 10", "text 20"])
        assert {(row.state, row.rule, row.amount_minor) for row in found} == {("accepted", "trusted_by_gold", 4)}


def test_settling_twice_pays_once(make_actor, make_order, work):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = make_order(requester, items=4, redundancy=1, price=4)
    work(annotator, order, limit=3)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        for answer in Annotation.objects.all():
            services.settle_item(task_id=answer.task_id)
        services.finish_order(actor=requester, order_id=order.id)
        outbox.drain()
        services.close_order(order_id=order.id)
        Order.objects.filter(id=order.id).update(state="closing")  # as if the worker had died before the last step
        services.close_order(order_id=order.id)
    earned = ledger.balance(AccountRef(annotator.organisation_id, AccountKind.EARNINGS, "USD"))
    assert earned.available == Money(12)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(seed=st.integers(0, 10_000), redundancy=st.integers(1, 3), price=st.integers(1, 9), end=st.sampled_from("fcn"))
def test_captured_and_released_is_what_was_held(make_actor, make_order, seed, redundancy, price, end):
    randomness = random.Random(seed)
    requester = make_actor()
    people = [make_actor(personal=True) for _ in range(redundancy)]
    order = make_order(requester, items=8, gold=4, redundancy=redundancy, price=price)
    held = ledger.hold(order.hold_id).amount
    for one in people:
        work_at_random(one, order, randomness)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order.refresh_from_db()
        if order.state == "running":
            answered = Annotation.objects.filter(order=order).exists()
            finish = services.finish_order if end == "f" and answered else services.cancel_order
            finish(actor=requester, order_id=order.id)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order.refresh_from_db()
        assert order.state in ("finished", "cancelled")
        answers = list(Annotation.objects.filter(order=order))
    assert all(answer.state in ("accepted", "rejected") for answer in answers)
    paid = sum(answer.amount_minor for answer in answers)
    assert paid == price * sum(answer.state == "accepted" for answer in answers)
    with pytest.MonkeyPatch.context() as patch:
        now = clock.now
        patch.setattr(clock, "now", lambda: now() + APPEAL_WINDOW + timedelta(minutes=1))
        services.release_due_reserves()
    hold = ledger.hold(order.hold_id)
    assert hold.captured + hold.released == held
    assert hold.captured == Money(paid) + Money(paid).fraction_bps(order.fee_bps)
    earned: Any = [
        ledger.balance(AccountRef(one.organisation_id, AccountKind.EARNINGS, "USD")).posted for one in people
    ]
    assert sum(amount.minor for amount in earned) == paid
    assert set(ledger.trial_balance().values()) <= {0}


def work_at_random(annotator: Any, order: Any, randomness: random.Random) -> None:
    """Answer, rightly or not, skip, flag and undo."""
    with tenant_scope(annotator.organisation_id):
        tasks = services.lease_tasks(actor=annotator, order_id=order.id, count=randomness.randint(0, 8) or 1).tasks
        for task in tasks:
            chosen = {"actor": annotator, "assignment_id": task.assignment_id}
            match randomness.randrange(8):
                case 0:
                    services.skip_task(**chosen)
                case 1:
                    services.flag_task(**chosen)
                case 2:
                    continue
                case 3:
                    services.submit_annotation(**chosen, answer={"label": wrong(task.data["text"])}, elapsed_ms=1)
                    services.undo_annotation(**chosen)
                case 4:
                    services.submit_annotation(**chosen, answer={"label": wrong(task.data["text"])}, elapsed_ms=1)
                case _:
                    services.submit_annotation(**chosen, answer={"label": truth(task.data["text"])}, elapsed_ms=1)
