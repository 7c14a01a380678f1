"""The machine of an order is switched on and off, by API and page; wrong settings are named."""

from __future__ import annotations

import pytest

from apps.core.errors import InvalidInput
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.models import Order, Task
from tests.apps.labeling.machine.orders.driving import drive, fresh, truth

pytestmark = pytest.mark.django_db


def test_switching_it_off_and_on_again_loses_nothing(make_actor, machine_order, work, source, api_for):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = machine_order(requester, items=80)
    api = api_for(requester)
    services.advance_machines()
    work(annotator, order, truth, limit=7)
    off = api.post(f"/api/v1/orders/{order.id}/machine/", {"mode": "off"}, format="json")
    assert (off.status_code, off.json()["state"]) == (200, "off")
    with tenant_scope(requester.organisation_id):
        assert Task.objects.filter(order=order, open_slots__gt=0).count() == 73
    on = api.post(f"/api/v1/orders/{order.id}/machine/", {"precision": 0.9}, format="json")
    assert (on.json()["state"], on.json()["settings"]["precision"]) == ("preparing", 0.9)
    assert drive(order, [annotator], work).state == "finished"
    assert api.get(f"/api/v1/orders/{order.id}/").json()["machine"]["settings"]["precision"] == 0.9


@pytest.mark.parametrize(
    ("machine", "field"),
    [
        ({"mode": "assist", "precision": 1.0}, "machine.precision"),
        ({"mode": "assist", "audit": 0}, "machine.audit"),
        ({"mode": "always"}, "machine.mode"),
        ({"mode": "assist", "source": "nothing known"}, "machine.source"),
    ],
)
def test_wrong_settings_are_named_and_no_draft_is_left(make_actor, api_for, machine, field):
    api = api_for(make_actor())
    body = {"title": "T", "instruction": "I", "classes": ["a", "b"], "price_minor": 4, "rows": [{"text": "x"}]}
    answer = api.post("/api/v1/orders/", body | {"machine": machine}, format="json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert api.get("/api/v1/orders/").json()["results"] == []


def test_it_is_not_offered_where_more_than_one_choice_is_asked(make_actor, make_order, client_for):
    requester = make_actor()
    order = make_order(requester, launch=False)
    page = client_for(requester).get(f"/orders/{order.id}/").content.decode()
    assert "Let a machine help" in page
    design = order.design | {
        "controls": [*order.design["controls"], {"type": "rating", "name": "how", "input": "text", "most": 5}]
    }
    with tenant_scope(requester.organisation_id):
        Order.objects.filter(id=order.id).update(design=design)
        with pytest.raises(InvalidInput, match="only where one choice"):
            services.set_machine(actor=requester, order_id=order.id, machine={"mode": "assist"})


def test_the_page_switches_it_and_shows_figures(make_actor, machine_order, source, client_for):
    requester = make_actor()
    order = machine_order(requester, items=60)
    client = client_for(requester)
    page = client.get(f"/orders/{order.id}/").content.decode()
    assert "Machine labels" in page
    client.post(f"/orders/{order.id}/machine/", {"precision": "90", "audit": "10", "source": "platform"})
    assert fresh(order).machine == {"mode": "assist", "precision": 0.9, "audit": 0.1, "source": "platform"}
    client.post(f"/orders/{order.id}/machine/", {"off": "yes"})
    assert fresh(order).machine == {}
