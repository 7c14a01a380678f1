"""The staff's page and API about the chain: everything on it for the staff, no such page for others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.onchain import comparison
from apps.onchain.models import ChainNode, SignerLane
from apps.onchain.reconciliation import reconcile
from tests.apps.onchain.bridge_fixtures import DrivenBridge

pytestmark = pytest.mark.django_db(transaction=True)
MakeActor = Callable[..., Any]
ClientFor = Callable[[Any], Client]
ApiFor = Callable[[Any], APIClient]


def _staff(make_actor: MakeActor) -> Any:
    actor = make_actor()
    User.objects.filter(id=actor.user_id).update(is_staff=True)
    return actor


def test_staff_sees_lanes_nodes_and_the_last_reconciliation(
    driven: DrivenBridge,
    make_actor: MakeActor,
    client_for: Callable[[Any], Client],
    api_for: Callable[[Any], APIClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Other apps' rows of earlier tests are of other chains.
    own = {name: one for name, one in comparison._comparisons.items() if name.startswith("onchain.")}
    monkeypatch.setattr(comparison, "_comparisons", own)
    actor = _staff(make_actor)
    driven.register_asset(actor.organisation_id, 26_091)
    driven.settle()
    reconcile(driven.chain.config, driven.chain.contracts, pause_s=0)
    SignerLane.objects.filter(chain_id=driven.chain.config.chain_id).update(problem="gas costs too much")
    page = client_for(actor).get("/staff/chain/").content.decode()
    lane = SignerLane.objects.get(chain_id=driven.chain.config.chain_id, name="registry")
    node = ChainNode.objects.get(chain_id=driven.chain.config.chain_id)
    for shown in (lane.address, node.label, "gas costs too much", "Everything agrees", "onchain.events"):
        assert shown in page
    answer = api_for(actor).get("/api/v1/staff/chain/").json()
    assert {one["name"] for one in answer["lanes"]} == {"registry", "payouts"}
    assert answer["nodes"][0]["condition"] == "agrees"
    assert answer["reconciliation"]["agrees"]
    assert answer["verified_block"] <= answer["head_block"]


def test_staff_sees_the_page_before_the_bridge_has_run(
    settings: Any, make_actor: MakeActor, client_for: ClientFor, api_for: ApiFor
) -> None:
    settings.CHAIN = settings.CHAIN | {"chain_id": 987654321987}
    actor = _staff(make_actor)
    page = client_for(actor).get("/staff/chain/").content.decode()
    assert "The bridge has not run yet" in page
    assert "Not compared yet" in page
    assert api_for(actor).get("/api/v1/staff/chain/").json()["reconciliation"] is None


def test_others_do_not_learn_that_there_is_a_page(
    make_actor: MakeActor, client_for: ClientFor, api_for: ApiFor
) -> None:
    actor = make_actor()
    assert client_for(actor).get("/staff/chain/").status_code == 404
    assert Client().get("/staff/chain/").status_code == 404
    assert api_for(actor).get("/api/v1/staff/chain/").status_code == 404
