"""Review cases: opened by signals, answered by the annotator, decided by people, never by themselves."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from apps.core import clock, outbox
from apps.core.errors import NotPermitted
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services, uploads
from apps.labeling.case_errors import AnnotatorNotHeard, CaseDecided, CaseNotFound, UnusableDecision, UnusableReply
from apps.labeling.case_models import ReviewCase
from apps.labeling.models import Annotation
from apps.labeling.selectors import cases as selectors
from apps.tenancy.types import Role
from tests.apps.labeling.conftest import truth

pytestmark = pytest.mark.django_db

ITEMS = 32
REASON = "The figures speak for themselves."


@pytest.fixture
def watched(make_actor, make_order) -> Any:
    """(requester, order, cheat): five careful annotators and one who presses the same key at once."""
    requester = make_actor()
    order = make_order(requester, items=ITEMS, redundancy=8)
    cheat = make_actor(personal=True)
    for number, person in enumerate([cheat, *(make_actor(personal=True) for _ in range(5))]):
        with tenant_scope(person.organisation_id):
            for task in services.lease_tasks(actor=person, order_id=order.id, count=ITEMS).tasks:
                careful = truth(task.data["text"])
                services.submit_annotation(
                    actor=person,
                    assignment_id=task.assignment_id,
                    answer={"label": "ham" if number == 0 else careful},
                    elapsed_ms=300 if number == 0 else 3_000 + 100 * number,
                )
    return requester, order, cheat


def look(order: Any) -> int:
    return services.watch_order(tenant_id=order.tenant_id, order_id=order.id)


def cases(order: Any) -> dict[str, ReviewCase]:
    with tenant_scope(order.tenant_id):
        return {case.kind: case for case in ReviewCase.objects.filter(order=order)}


def decide(requester: Any, case: ReviewCase, decision: str, reason: str = REASON) -> Any:
    with tenant_scope(requester.organisation_id):
        return services.decide_case(actor=requester, case_id=case.id, decision=decision, reason=reason)


def reply(annotator: Any, case: ReviewCase, text: str = "I know these messages by heart.") -> Any:
    with tenant_scope(annotator.organisation_id):
        return services.reply_to_case(actor=annotator, case_id=case.id, reply=text)


def test_what_is_seen_opens_one_case_of_a_kind_and_changes_nothing_else(watched):
    _, order, cheat = watched
    assert look(order) == 2
    assert look(order) == 0
    found = cases(order)
    assert set(found) == {"pattern", "speed"}
    assert {case.annotator_id for case in found.values()} == {cheat.organisation_id}
    assert found["speed"].figures["median_s"] == 0.3
    with tenant_scope(order.tenant_id):
        assert set(Annotation.objects.filter(order=order).values_list("state", flat=True)) == {"pending"}
    with tenant_scope(cheat.organisation_id):
        assert {case.kind for case in selectors.my_cases(cheat)} == {"pattern", "speed"}
        services.lease_tasks(actor=cheat, order_id=order.id)
    assert services.watch_orders() == 0


def test_the_annotator_is_heard_before_anything_is_decided_against_them(watched, monkeypatch):
    requester, order, cheat = watched
    look(order)
    speed, pattern = (cases(order)[kind] for kind in ("speed", "pattern"))
    with pytest.raises(AnnotatorNotHeard, match="has not answered yet"):
        decide(requester, speed, "stopped")
    with pytest.raises(UnusableDecision):
        decide(requester, speed, "cleared", "no")
    with pytest.raises(UnusableReply):
        reply(cheat, speed, " ")
    assert reply(cheat, speed).state == "answered"
    assert decide(requester, speed, "cleared").state == "cleared"
    assert decide(requester, speed, "cleared").state == "cleared"
    with pytest.raises(CaseDecided):
        reply(cheat, speed, "One more thing.")
    with pytest.raises(CaseDecided):
        decide(requester, speed, "stopped")
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(hours=48, seconds=1))
    assert decide(requester, pattern, "stopped").state == "stopped"
    with tenant_scope(cheat.organisation_id), pytest.raises(NotPermitted, match=REASON):
        services.lease_tasks(actor=cheat, order_id=order.id)


def test_who_may_see_and_decide(watched, make_actor):
    requester, order, _ = watched
    look(order)
    case = cases(order)["speed"]
    stranger = make_actor(personal=True)
    for call in (lambda: decide(stranger, case, "cleared"), lambda: reply(stranger, case)):
        with pytest.raises(CaseNotFound):
            call()
    viewer = make_actor(role=Role.VIEWER, organisation_id=requester.organisation_id)
    with pytest.raises(NotPermitted):
        decide(viewer, case, "cleared")


def test_copied_texts_of_an_order_of_free_text_are_seen(make_actor, make_order, fund):
    requester = make_actor()
    fund(requester.organisation_id, 100_000)
    design = {
        "inputs": [{"name": "text", "type": "text"}],
        "controls": [{"type": "text", "name": "note", "input": "text"}],
    }
    with tenant_scope(requester.organisation_id):
        order = services.create_order(
            actor=requester,
            title="Describe",
            instruction="Describe it.",
            design=design,
            price=Money(4),
            redundancy=2,
            table=uploads.read_rows([{"text": f"text {n}"} for n in range(12)]),
        )
        services.launch_order(actor=requester, order_id=order.id)
    paster = make_actor(personal=True)
    with tenant_scope(paster.organisation_id):
        for task in services.lease_tasks(actor=paster, order_id=order.id, count=12).tasks:
            services.submit_annotation(
                actor=paster,
                assignment_id=task.assignment_id,
                answer={"note": "It is a very nice text about something."},
                elapsed_ms=random.randint(5_000, 9_000),
            )
    assert look(order) == 1
    assert set(cases(order)) == {"duplicates"}


def test_pages_and_api_from_case_to_decision(watched, client_for, api_for, make_actor):
    requester, order, cheat = watched
    look(order)
    case = cases(order)["speed"]
    annotator, owner = client_for(cheat), client_for(requester)
    assert "0.3 s" in owner.get(f"/orders/{order.id}/cases/").content.decode()
    assert "review case" in annotator.get("/work/mine/").content.decode()
    assert annotator.get(f"/work/cases/{case.id}/").status_code == 200
    assert annotator.post(f"/work/cases/{case.id}/reply/", {"reply": ""}).status_code == 422
    assert annotator.post(f"/work/cases/{case.id}/reply/", {"reply": "I read fast."}).status_code == 302
    assert "I read fast." in owner.get(f"/orders/{order.id}/cases/").content.decode()
    body = {"decision": "cleared", "reason": REASON}
    assert owner.post(f"/orders/{order.id}/cases/{case.id}/decide/", body).status_code == 302
    assert REASON in annotator.get(f"/work/cases/{case.id}/").content.decode()
    stranger = make_actor(personal=True)
    assert client_for(stranger).get(f"/work/cases/{case.id}/").status_code == 404
    assert client_for(stranger).get("/staff/cases/").status_code == 404
    rows = api_for(requester).get(f"/api/v1/orders/{order.id}/cases/").json()["results"]
    assert {row["kind"]: row["state"] for row in rows} == {"speed": "cleared", "pattern": "open"}
    pattern = cases(order)["pattern"]
    own = api_for(cheat)
    assert len(own.get("/api/v1/review-cases/").json()["results"]) == 2
    said = own.post(f"/api/v1/review-cases/{pattern.id}/reply/", {"reply": "All were ham."}, format="json")
    assert said.json()["state"] == "answered"
    done = api_for(requester).post(f"/api/v1/cases/{pattern.id}/decide/", body, format="json")
    assert (done.status_code, done.json()["state"]) == (200, "cleared")
    outbox.drain()
