"""How far annotators agree: the page and the API, for the requester alone."""

from __future__ import annotations

from tests.apps.labeling.conftest import truth, wrong


def test_agreement_of_an_order_is_told_to_its_requester(actor, make_order, make_actor, fund, work, client_for, api_for):
    fund(actor.organisation_id, 100_000)
    order = make_order(actor, items=6, gold=0, redundancy=3)
    empty = client_for(actor).get(f"/orders/{order.id}/agreement/").content.decode()
    assert "No agreement yet" in empty
    for name, answer in (("A", truth), ("B", truth), ("C", wrong)):
        work(make_actor(name=name, personal=True), order, answer)
    found = api_for(actor).get(f"/api/v1/orders/{order.id}/agreement/").json()["questions"]["label"]
    # Two of three pairs differ in each of six items.
    assert found["mean_similarity"] == 0.3333
    assert found["level"] == "nominal"
    assert found["krippendorff_alpha"] < 0
    assert found["by_class"].keys() == {"ham", "spam"}
    page = client_for(actor).get(f"/orders/{order.id}/agreement/").content.decode()
    assert "alpha (nominal)" in page
    assert "0.33" in page
    stranger = make_actor(name="Stranger")
    assert client_for(stranger).get(f"/orders/{order.id}/agreement/").status_code == 404
    assert api_for(stranger).get(f"/api/v1/orders/{order.id}/agreement/").status_code == 404
