"""The page of an item under review in Chromium: answers in their editors, one of them corrected and decided."""

from __future__ import annotations

from typing import Any

import pytest

from apps.core import outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services, uploads
from apps.labeling.design import Design
from apps.labeling.models import Task
from tests.apps.labeling.test_player import chromium, live_server_url
from tests.browser.conftest import sign_in
from tests.browser.page_checks import Watch, assert_page_ok
from tests.browser.review_scene import DESIGN
from tests.chromium import new_context

__all__ = ["chromium", "live_server_url"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def disputed(make_actor: Any, fund: Any) -> Any:
    """(requester, order, task): two annotators marked different spans."""
    requester = make_actor()
    fund(requester.organisation_id, 10_000)
    with tenant_scope(requester.organisation_id):
        order = services.create_order(
            actor=requester,
            title="Names",
            instruction="Mark **names**.",
            design=DESIGN,
            price=Money(5),
            redundancy=2,
            table=uploads.read_rows([{"text": "Amara wrote to Jonas from Lagos."}], design=Design.from_json(DESIGN)),
        )
        services.set_reviews(actor=requester, order_id=order.id, adjudication=True)
        services.launch_order(actor=requester, order_id=order.id)
    for end, tone in ((5, "kind"), (11, "rude")):
        person = make_actor(personal=True)
        with tenant_scope(person.organisation_id):
            [task] = services.lease_tasks(actor=person, order_id=order.id).tasks
            marked = {"spans": [{"start": 0, "end": end, "label": "person"}], "relations": []}
            services.submit_annotation(
                actor=person,
                assignment_id=task.assignment_id,
                answer={"names": marked, "tone": tone},
                elapsed_ms=4_000,
            )
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        return requester, order, Task.objects.get(order=order)


def test_an_adjudicator_sees_spans_as_they_were_marked_and_corrects_one(disputed, chromium, live_server_url) -> None:
    requester, order, task = disputed
    context = new_context(chromium, base_url=live_server_url)
    sign_in(context, requester, live_server_url)
    page = context.new_page()
    watch = Watch.over(page)
    page.goto(f"/orders/{order.id}/review/{task.id}/")
    page.locator("answer-review[data-ready]").wait_for(state="attached")
    assert page.locator("answer-spans[readonly]").count() == 2
    assert_page_ok(page, watch, name="review-item", budget_kb=60)
    page.goto(f"/orders/{order.id}/review/{task.id}/")
    page.locator("answer-review[data-ready]").wait_for(state="attached")
    page.get_by_text("None as it is").click()
    page.locator('[data-part="editors"]').get_by_role("button", name="rude").click()
    page.get_by_label("Why? The annotators read it.").fill("Its tone is rude, but the name ends earlier.")
    page.get_by_role("button", name="Decide the item").click()
    page.get_by_text("Decided; its annotators are told.").wait_for()
    with tenant_scope(requester.organisation_id):
        task.refresh_from_db()
    assert (task.made_by, task.result["tone"]) == ("adjudicated", "rude")
    assert task.result["names"]["spans"][0]["end"] == 5
