"""Who sees which facts of an asset, by page and by API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.assets import selectors, services
from apps.assets.errors import AssetNotFound
from apps.assets.types import AssetKind, ContributionSpec, ParentRef
from apps.core.tenant import tenant_scope

pytestmark = pytest.mark.django_db

Release = Callable[..., Any]


@pytest.fixture
def graph(actor: Any, annotator: Any, release: Release) -> Any:
    """An agent of the actor's on a dataset that the annotator helped to make."""
    data = release(actor, "Messages", contributions=[ContributionSpec(annotator.organisation_id, "annotator", 3)])
    model = release(actor, "Classifier", AssetKind.AGENT, parents=[ParentRef(data.id, 2_000)])
    return data, model


def test_a_private_asset_is_not_there_for_others(graph: Any, other_actor: Any) -> None:
    for version in graph:
        for who in (other_actor, None):
            with pytest.raises(AssetNotFound):
                selectors.visible_asset(who, version.asset_id)


def test_a_contributor_sees_what_it_helped_to_make_but_not_what_was_built_on_it(graph: Any, annotator: Any) -> None:
    data, model = graph
    assert selectors.visible_asset(annotator, data.asset_id).name == "Messages"
    with pytest.raises(AssetNotFound):
        selectors.visible_asset(annotator, model.asset_id)


def test_publishing_an_asset_shows_what_it_was_built_on(graph: Any, actor: Any) -> None:
    data, model = graph
    services.set_visibility(actor=actor, asset_id=model.asset_id, visibility="public")
    assert selectors.visible_asset(None, data.asset_id).name == "Messages"
    services.set_visibility(actor=actor, asset_id=model.asset_id, visibility="private")
    with pytest.raises(AssetNotFound):
        selectors.visible_asset(None, data.asset_id)


def test_contributors_are_named_to_the_owner_and_to_themselves_only(
    graph: Any, actor: Any, annotator: Any, other_actor: Any
) -> None:
    found = selectors.lineage(graph[1].id)
    assert [node.name for node in found.nodes] == ["Classifier", "Messages"]
    assert found.nodes[1].contributors == 1
    for who, count in ((actor, 1), (annotator, 1), (other_actor, 0), (None, 0)):
        assert len(selectors.visible_contributors(who, found)) == count
    lines = {(line.rule, line.asset_name): line for line in selectors.share_lines(found)}
    assert lines["contributor", "Messages"].party == "1 contributor"
    assert lines["contributor", "Messages"].percent == "10 %"


def test_the_page_shows_split_provenance_and_proof(graph: Any, actor: Any, client_for: Callable[[Any], Client]) -> None:
    page = client_for(actor).get(f"/assets/{graph[1].asset_id}/").content.decode()
    assert page.count('<svg class="mx-auto') == 2
    assert f'href="/assets/{graph[0].asset_id}/"' in page
    assert graph[1].metadata_hash in page
    assert "1 contributor" in page


def test_the_page_of_anothers_private_asset_answers_404(
    graph: Any, other_actor: Any, client_for: Callable[[Any], Client]
) -> None:
    asset_id, version_id = graph[0].asset_id, graph[0].id
    for client in (client_for(other_actor), Client()):
        for path in ("", "chain/", f"versions/{version_id}/verify/"):
            assert client.get(f"/assets/{asset_id}/{path}").status_code == 404


def test_the_api_answers_facts_lineage_and_verification(graph: Any, actor: Any, api_for: Callable[[Any], Any]) -> None:
    api = api_for(actor)
    assert [row["name"] for row in api.get("/api/v1/assets/?kind=agent").json()["results"]] == ["Classifier"]
    detail = api.get(f"/api/v1/assets/{graph[1].asset_id}/").json()
    assert detail["versions"][0]["metadata_hash"] == graph[1].metadata_hash
    assert detail["versions"][0]["proof"]["token_id"] == str(graph[1].asset_id.int)
    found = api.get(f"/api/v1/assets/{graph[1].asset_id}/lineage/").json()
    assert [edge["weight_bps"] for edge in found["edges"]] == [2_000]
    assert sum(int(s["numerator"]) / int(s["denominator"]) for s in found["shares"]) == pytest.approx(1)
    assert api.get(f"/api/v1/assets/{graph[1].asset_id}/verify/").json()["ok"] is True


def test_the_api_refuses_an_unknown_kind_and_hides_others_assets(
    graph: Any, actor: Any, other_actor: Any, api_for: Callable[[Any], Any]
) -> None:
    assert api_for(actor).get("/api/v1/assets/?kind=spaceship").status_code == 422
    other = api_for(other_actor)
    for path in ("", "lineage/", "verify/"):
        answer = other.get(f"/api/v1/assets/{graph[1].asset_id}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "asset_not_found")
    assert other.post(f"/api/v1/assets/{graph[1].asset_id}/versions/1/registration/").status_code == 404


def test_grants_are_given_listed_and_taken_back_by_api(
    graph: Any, actor: Any, other_actor: Any, api_for: Callable[[Any], Any]
) -> None:
    api = api_for(actor)
    url = f"/api/v1/assets/{graph[1].asset_id}/grants/"
    body = {"grantee_id": str(other_actor.organisation_id), "right": "use"}
    grant = api.post(url, body, format="json").json()
    assert [row["id"] for row in api.get(url).json()] == [grant["id"]]
    assert selectors.visible_asset(other_actor, graph[1].asset_id)
    assert api_for(other_actor).delete(f"/api/v1/grants/{grant['id']}/").status_code == 404
    assert api.delete(f"/api/v1/grants/{grant['id']}/").status_code == 200
    assert api.get(url).json() == []
    with tenant_scope(other_actor.organisation_id):
        assert api_for(other_actor).get(url).status_code == 404
