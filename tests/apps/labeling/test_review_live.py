"""Review, appeal and case pages in Chromium: every kind of answer in its own editor, and news without a reload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page

from apps.core import outbox
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.models import Annotation, Order, Task
from examples.task_types import orders
from tests.apps.labeling.test_player import chromium, live_server_url
from tests.browser.conftest import session_of
from tests.browser.page_checks import Watch, axe_violations, wait_until_ready
from tests.browser.pictures import picture

__all__ = ["chromium", "live_server_url"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BOX = {"x": 40, "y": 30, "width": 60, "height": 50, "label": "red cell"}
TRIANGLE = {"points": [[30, 30], [120, 40], [60, 110]], "label": "violet cell"}
#: Type of task -> two answers that differ.
DIFFERENT: dict[str, tuple[Any, Any]] = {
    "choice": ("ham", "spam"),
    "choices": (["router"], ["power", "billing"]),
    "rating": (1, 5),
    "text": ("no power", "an unpaid bill"),
    "number": ("2", "7"),
    "spans": (
        {"spans": [{"start": 2, "end": 6, "label": "person"}], "relations": []},
        {
            "spans": [{"start": 2, "end": 6, "label": "person"}, {"start": 17, "end": 21, "label": "firm"}],
            "relations": [{"from": 0, "to": 1, "label": "works for"}],
        },
    ),
    "ranking": (["b", "a", "c"], ["c", "a", "b"]),
    "preference": ("a", "b"),
    "dialogue": (
        [{"role": "assistant", "content": "Check the plug."}],
        [{"role": "assistant", "content": "I cannot help with that."}],
    ),
    "boxes": ([BOX], [BOX | {"x": 160, "label": "violet cell"}, BOX]),
    "polygons": ([TRIANGLE], [TRIANGLE | {"points": [[200, 60], [260, 70], [220, 150]]}]),
    "keypoints": (
        [{"x": 50, "y": 60, "label": "red cell"}],
        [{"x": 180, "y": 90, "label": "violet cell"}, {"x": 60, "y": 60, "label": "red cell"}],
    ),
    "transcription": ("one two", "a completely different thing"),
    "audio-regions": (
        [{"start_ms": 200, "end_ms": 900, "label": "speech", "text": "one"}],
        [{"start_ms": 1500, "end_ms": 2400, "label": "noise", "text": ""}],
    ),
    "video-regions": (
        [{"start_ms": 200, "end_ms": 900, "label": "enters"}],
        [{"start_ms": 1000, "end_ms": 1800, "label": "leaves"}],
    ),
    "mix": (
        {"said": "yes", "cells": [BOX], "focus": 4},
        {"said": "no", "cells": [BOX | {"x": 160}], "focus": 1},
    ),
}


def disputed(requester: Any, kind: str, fund: Any, make_actor: Callable[..., Any]) -> tuple[Order, Task]:
    """An order of the type whose one item waits for an adjudicator."""
    with tenant_scope(requester.organisation_id):
        fund(requester.organisation_id, 10_000)
        order = orders.create(requester, kind)
        services.set_reviews(actor=requester, order_id=order.id, adjudication=True)
        order = services.launch_order(actor=requester, order_id=order.id)
    for said in DIFFERENT[kind]:
        person = make_actor(personal=True)
        with tenant_scope(person.organisation_id):
            [lent] = services.lease_tasks(actor=person, order_id=order.id).tasks
            answer = said if kind == "mix" else {"said": said}
            services.submit_annotation(actor=person, assignment_id=lent.assignment_id, answer=answer, elapsed_ms=5_000)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        task = Task.objects.get(order=order)
    # Dialogues are not held against each other: each may be right.
    assert task.disagreement or kind == "dialogue"
    return order, task


def opened(
    chromium: Browser, url: str, actor: Any, path: str, heard: list[str] | None = None, **look: Any
) -> tuple[Page, Watch]:
    """A page of the actor's; what its socket hears is added to `heard`."""
    context = chromium.new_context(base_url=url, **look)
    context.add_cookies([{"name": "sessionid", "value": session_of(actor), "url": url}])
    page = context.new_page()
    watch = Watch.over(page)
    if heard is not None:
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(str(frame))))
    page.goto(path)
    wait_until_ready(page)
    return page, watch


#: Shown in the guide, and tried in every run; the other types now and then.
PICTURED = ("spans", "boxes", "audio-regions", "ranking")
LOOKS: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"},
}


@pytest.mark.parametrize(
    "kind", [one if one in (*PICTURED, "choice") else pytest.param(one, marks=pytest.mark.soak) for one in DIFFERENT]
)
def test_a_reviewer_sees_each_kind_of_answer_as_it_was_given(
    kind, make_actor, fund, chromium, live_server_url, settings
):
    settings.PUBLIC_URL = live_server_url  # signed addresses of files begin with it
    requester = make_actor()
    order, task = disputed(requester, kind, fund, make_actor)
    for name, look in LOOKS.items():
        page, watch = opened(
            chromium,
            live_server_url,
            requester,
            f"/orders/{order.id}/review/{task.id}/",
            reduced_motion="reduce",
            **look,
        )
        page.locator("answer-review[data-ready]").wait_for(state="attached")
        assert page.locator("[data-answer] [readonly]").count() >= 2
        page.wait_for_function("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        if kind in PICTURED:
            picture(page, f"review-{kind}-{name}", whole=True)
        assert not axe_violations(page)
        assert not watch.problems
        page.context.close()


def test_the_pages_of_an_item_and_the_queue_tell_what_others_decide(make_actor, fund, chromium, live_server_url):
    heard: list[str] = []
    requester = make_actor()
    order, task = disputed(requester, "choice", fund, make_actor)
    page, watch = opened(chromium, live_server_url, requester, f"/orders/{order.id}/review/{task.id}/", **LOOKS["desk"])
    queue, _ = opened(chromium, live_server_url, requester, f"/orders/{order.id}/review/", heard=heard, **LOOKS["desk"])
    queue.get_by_text("waiting").wait_for()
    page.get_by_label("Why? The annotators read it.").fill("I am in the middle of a word")
    with tenant_scope(requester.organisation_id):
        services.adjudicate(
            actor=requester, order_id=order.id, task_id=task.id, answer={"said": "spam"}, reason="It sells something."
        )
    page.get_by_text("Decided meanwhile: adjudicated. It sells something.").wait_for()
    assert page.get_by_label("Why? The annotators read it.").input_value() == "I am in the middle of a word"
    queue.get_by_text("adjudicated").wait_for()
    page.get_by_role("link", name="Show it as it is now").click()
    page.get_by_text("It sells something.").first.wait_for()
    assert page.get_by_text("Decided meanwhile").count() == 0
    assert any(f"order:{order.id}" in frame and "adjudicated" in frame for frame in heard)  # not by asking again
    assert not watch.problems


def test_an_annotators_answer_follows_what_becomes_of_it_and_keeps_what_is_typed(
    make_actor, make_order, work, chromium, live_server_url
):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = make_order(requester, items=2, gold=2, redundancy=1)
    work(annotator, order, lambda text: "ham", limit=2)
    outbox.drain()
    with tenant_scope(annotator.organisation_id):
        answer = Annotation.as_annotator.get(state="rejected")
    path = f"/work/mine/{answer.id}/"
    page, watch = opened(chromium, live_server_url, annotator, path, **LOOKS["phone"])
    page.wait_for_load_state("networkidle")  # it refreshes once when its socket is up
    with tenant_scope(annotator.organisation_id):
        services.file_appeal(actor=annotator, annotation_id=answer.id, text="I looked at it twice, and it is right.")
    region = "document.querySelector('live-region')"
    typed_meanwhile = f"""async () => {{
        const refreshed = {region}.refresh();
        {region}.querySelector("textarea").value = "It is the right answer because";
        await refreshed;
    }}"""
    page.evaluate(typed_meanwhile)
    assert page.get_by_label("Why is your answer right?").input_value() == "It is the right answer because"
    page.evaluate(f"{region}.refresh()")
    assert page.get_by_label("Why is your answer right?").input_value() == "It is the right answer because"
    page.get_by_label("Why is your answer right?").fill("")
    page.get_by_text("I looked at it twice, and it is right.").wait_for()
    assert not axe_violations(page)
    assert not watch.problems


def test_only_the_live_part_is_sent_again(make_actor, make_order, work, client_for, settings):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = make_order(requester, items=2, gold=2, redundancy=1)
    work(annotator, order, lambda text: "ham", limit=2)
    outbox.drain()
    with tenant_scope(annotator.organisation_id):
        answer = Annotation.as_annotator.get(state="rejected")
    sides: list[tuple[Client, str]] = [
        (client_for(requester), f"/orders/{order.id}/review/"),
        (client_for(requester), f"/orders/{order.id}/appeals/"),
        (client_for(requester), f"/orders/{order.id}/cases/"),
        (client_for(annotator), f"/work/mine/{answer.id}/"),
        (client_for(annotator), "/work/cases/"),
    ]
    for client, path in sides:
        page = client.get(path)
        assert b"<live-region" in page.content
        assert "HX-Request" in page["Vary"]
        part = client.get(path, headers={"HX-Request": "true"})
        assert part.status_code == 200
        assert b"<html" not in part.content
        assert part.content.strip()[:40] in page.content
