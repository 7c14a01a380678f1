"""What the live page says: money that adds up, quality with an interval, a date and a cost that come true."""

from __future__ import annotations

import pytest

from apps.core import clock, outbox
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.models import Order
from apps.labeling.selectors.outlook import outlook
from tests.apps.labeling.conftest import wrong

pytestmark = pytest.mark.django_db


def test_checks_are_judged_by_the_answers_alone_and_money_adds_up(make_actor, make_order, work):
    requester = make_actor()
    good, bad = make_actor(personal=True), make_actor(personal=True)
    order = make_order(requester, items=12, gold=4, redundancy=2, price=10)
    with tenant_scope(requester.organisation_id):
        assert outlook(Order.objects.get(id=order.id)).checked is None
    work(good, order)
    work(bad, order, wrong, limit=6)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
        found = outlook(order)
    assert found.funds is not None
    assert found.funds.held == found.funds.spent + found.funds.still_held + found.funds.returned
    assert found.checked is not None
    assert found.checked.cases <= 4
    assert found.checked.low <= found.checked.share <= found.checked.high
    assert found.decided is not None
    assert found.decided.cases + found.checked.cases == 6
    assert found.forecast is not None
    assert found.forecast.labels_left == 24 - 18
    assert found.forecast.ends_at is not None
    assert found.forecast.ends_at > clock.now()
    assert found.forecast.cost <= found.funds.held
    with tenant_scope(requester.organisation_id):
        paused = outlook(services.pause_order(actor=requester, order_id=order.id))
        assert paused.forecast is not None
        assert paused.forecast.ends_at is None


def test_with_a_target_items_at_rest_stand_for_the_others(make_actor, make_order, fund, work):
    requester = make_actor()
    people = [make_actor(personal=True) for _ in range(2)]
    draft = make_order(requester, items=30, gold=3, redundancy=4, launch=False)
    fund(requester.organisation_id, 10_000)
    with tenant_scope(requester.organisation_id):
        services.set_target(actor=requester, order_id=draft.id, target=0.6)
        order = services.launch_order(actor=requester, order_id=draft.id)
    for turn in range(4):
        with tenant_scope(requester.organisation_id):
            services.plan_labels(order_id=order.id)
        work(people[turn % 2], order, limit=8)
    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
        found = outlook(order)
    assert found.decided is not None
    assert found.decided.cases > 0
    assert 0.5 < found.decided.low < found.decided.high <= 1
    assert found.forecast is not None
    assert 0 < found.forecast.labels_left <= 120
