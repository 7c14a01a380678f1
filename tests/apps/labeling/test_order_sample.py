"""The free sample: the requester's own answers, what they measure, and what is forecast before anything is paid."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from apps.core import clock
from apps.core.errors import Conflict, NotFound
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.errors import UnusableAnswer, WrongOrderState
from apps.labeling.forecasting import estimate, when
from apps.labeling.models import Order, Task
from apps.labeling.selectors.sampling import prospects, sample_tasks
from apps.labeling.services import sampling
from tests.apps.labeling.conftest import truth

pytestmark = pytest.mark.django_db


def answered(requester: Any, order: Any, count: int, elapsed_ms: int = 4_000) -> Order:
    for task in sample_tasks(Order.objects.get(id=order.id))[:count]:
        found = services.answer_sample(
            actor=requester,
            order_id=order.id,
            task_id=task.id,
            answer={"label": truth(task.data["text"])},
            elapsed_ms=elapsed_ms,
        )
    return found


def test_a_sample_is_spread_answered_measured_and_made_check_questions(make_actor, make_order, fund, work):
    requester, annotator = make_actor(), make_actor(personal=True)
    draft = make_order(requester, items=40, redundancy=1, price=6, launch=False)
    with tenant_scope(requester.organisation_id):
        tasks = sample_tasks(draft)
        assert [task.position for task in tasks] == list(range(0, 40, 4))
        assert not prospects(draft).is_measured
        order = answered(requester, draft, 4)
        again = {"actor": requester, "order_id": draft.id, "task_id": tasks[0].id}
        order = services.answer_sample(**again, answer={"label": "ham"}, elapsed_ms=4_000)
        found = prospects(order)
        assert (found.answered, found.wanted, found.seconds, found.is_measured) == (4, 10, 4, True)
        assert found.hourly.minor == 6 * 900
        with pytest.raises(UnusableAnswer):
            services.answer_sample(**again, answer={"label": "eggs"})
        with pytest.raises(NotFound):
            services.answer_sample(**again | {"task_id": draft.id}, answer={"label": "ham"})
        order = answered(requester, draft, 10)
        assert prospects(order).is_complete
        assert sample_tasks(order) == []
        other = Task.objects.filter(order=draft, position=1).get()
        with pytest.raises(Conflict):
            services.answer_sample(**again | {"task_id": other.id}, answer={"label": "ham"})
        services.use_sample_as_checks(actor=requester, order_id=draft.id)
        order = services.use_sample_as_checks(actor=requester, order_id=draft.id)
        assert order.gold_count == 10
        assert Task.objects.filter(order=draft, gold__isnull=False, made_by="requester").count() == 10
        fund(requester.organisation_id, 10_000)
        services.launch_order(actor=requester, order_id=draft.id)
        with pytest.raises(WrongOrderState):
            services.answer_sample(**again, answer={"label": "ham"})
    assert work(annotator, draft, limit=5) == 5


def test_the_forecast_of_a_date_comes_from_the_boards_pace(make_actor, make_order, work):
    requester, annotator = make_actor(), make_actor(personal=True)
    running = make_order(requester, items=6, redundancy=1)
    with tenant_scope(requester.organisation_id):
        draft = make_order(requester, items=30, launch=False)
    work(annotator, running, limit=4)
    with tenant_scope(requester.organisation_id):
        found = prospects(draft)
    assert found.pace.hours >= 4 * 900 / 3_600_000
    assert found.soonest is not None
    assert found.latest is not None
    assert clock.now() < found.soonest < found.latest


def test_estimates_have_an_interval_and_dates_need_a_pace():
    assert estimate(0, 0) is None
    few, many = estimate(9, 10), estimate(900, 1_000)
    assert few is not None
    assert many is not None
    assert few.low < many.low < 0.9 < many.high < few.high
    assert (few.percent_low, few.percent_high) == (59.6, 98.2)  # Wilson's interval of 9 in 10
    now = clock.now()
    assert when(now, 10, 5) == now + timedelta(hours=2)
    assert when(now, 10, 0) is None


def test_the_sample_over_http(make_actor, make_order, client_for, api_for):
    requester, stranger = make_actor(), make_actor()
    draft = make_order(requester, items=12, launch=False)
    client, api, url = client_for(requester), api_for(requester), f"/orders/{draft.id}"
    assert b"Try it first" in client.get(f"{url}/").content
    page = client.get(f"{url}/sample/")
    assert b"1 of 10" in page.content
    task = page.context["task"]
    bad = client.post(f"{url}/sample/", {"task": task["id"], "given": json.dumps({"label": "eggs"})})
    assert bad.status_code == 422
    posted = {"task": task["id"], "given": json.dumps({"label": "ham"}), "elapsed_ms": "2000"}
    assert client.post(f"{url}/sample/", posted).status_code == 302
    found = api.get(f"/api/v1{url}/sample/").json()
    assert (len(found["tasks"]), found["forecast"]["answered"]) == (9, 1)
    for number, one in enumerate(found["tasks"]):
        if number == 0:  # without JavaScript
            posted = {"task": one["id"], "answer.label": "spam"}
            assert client.post(f"{url}/sample/", posted).status_code == 302
            continue
        body = {"task_id": one["id"], "answer": {"label": "spam"}, "elapsed_ms": 3000}
        assert api.post(f"/api/v1{url}/sample/", body, format="json").status_code == 200
    assert api.post(f"/api/v1{url}/sample/", body | {"answer": []}, format="json").status_code == 422
    assert client.get(f"{url}/sample/").status_code == 302
    assert b"Use my answers" in client.get(f"{url}/").content
    assert client.post(f"{url}/sample/checks/").status_code == 302
    assert api.post(f"/api/v1{url}/sample/checks/").json()["gold_items"] == 10
    assert client_for(stranger).get(f"{url}/sample/").status_code == 404
    assert api_for(stranger).get(f"/api/v1{url}/sample/").status_code == 404


def test_the_measured_time_is_bounded(make_actor, make_order):
    requester = make_actor()
    draft = make_order(requester, launch=False)
    with tenant_scope(requester.organisation_id):
        order = answered(requester, draft, 1, elapsed_ms=10**12)
    assert order.sample[0]["elapsed_ms"] == sampling.MAX_ELAPSED_MS
