"""Teams by the API alone: made, checked, run, decided, released."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.core import outbox
from apps.tenancy.types import Actor, Role

pytestmark = pytest.mark.django_db

GRAPH = {
    "nodes": [
        {"key": "in", "kind": "input", "name": "In"},
        {"key": "look", "kind": "approval", "name": "Look"},
        {"key": "out", "kind": "output", "name": "Out"},
    ],
    "edges": [{"source": "in", "target": "look"}, {"source": "look", "target": "out", "when": "approved"}],
}


@pytest.fixture
def api(actor: Actor, api_for: Callable[[Any], Any]) -> Any:
    return api_for(actor)


def test_a_team_is_made_run_and_released_by_the_api(api: Any) -> None:
    made = api.post("/api/v1/teams/", {"name": "Team", "graph": GRAPH}, format="json")
    assert made.status_code == 201, made.content
    team = made.json()
    url = f"/api/v1/teams/{team['id']}/"
    assert api.get(f"{url}check/").json() == {"problems": []}
    run = api.post(f"{url}runs/", {"question": "Hello"}, format="json").json()
    outbox.drain()
    (step,) = [step for step in run["steps"] if step["state"] == "waiting"]
    done = api.post(f"/api/v1/team-steps/{step['id']}/decide/", {"approve": True, "text": "Hi"}, format="json")
    assert (done.json()["state"], done.json()["output"]) == ("succeeded", "Hi")
    assert api.get(f"/api/v1/team-runs/{run['id']}/").json()["output"] == "Hi"
    assert [one["id"] for one in api.get(f"{url}runs/").json()["results"]] == [run["id"]]
    assert api.post(f"{url}publish/").json()["number"] == 1
    assert len(api.get(f"{url}versions/").json()["results"]) == 1
    waiting = api.post(f"{url}runs/", {"question": "Hello", "version": True}, format="json").json()
    assert waiting["version"] == 1
    assert api.post(f"/api/v1/team-runs/{waiting['id']}/cancel/").json()["state"] == "cancelled"
    assert api.post(f"/api/v1/team-runs/{waiting['id']}/retry/", {}, format="json").status_code == 409


def test_bad_graphs_are_explained(api: Any) -> None:
    team = api.post("/api/v1/teams/", {"name": "Team"}, format="json").json()
    url = f"/api/v1/teams/{team['id']}/"
    bad = {
        "nodes": [*GRAPH["nodes"], {"key": "a", "kind": "agent", "name": "A", "agent": "x"}],
        "edges": GRAPH["edges"],
    }
    changed = api.patch(url, {"graph": bad, "revision": team["revision"]}, format="json").json()
    problems = api.get(f"{url}check/").json()["problems"]
    assert {(one["node"], one["field"]) for one in problems} == {("a", "edges"), ("a", "agent")}
    refused = api.post(f"{url}runs/", {"question": "Hello"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (422, "team_not_sound")
    stale = api.patch(url, {"name": "Other", "revision": team["revision"]}, format="json")
    assert (stale.status_code, stale.json()["revision"]) == (409, changed["revision"])
    wrong = api.patch(url, {"graph": {"nodes": [{"key": "Ä", "kind": "magic"}], "edges": []}}, format="json")
    assert wrong.status_code == 422


def test_templates_make_teams_that_can_run(api: Any, runner: object) -> None:
    templates = api.get("/api/v1/team-templates/").json()["results"]
    assert len(templates) >= 5
    for template in templates:
        team = api.post("/api/v1/teams/", {"template": template["key"]}, format="json")
        assert team.status_code == 201, team.content
        assert api.get(f"/api/v1/teams/{team.json()['id']}/check/").json() == {"problems": []}
    assert len(api.get("/api/v1/agents/").json()["results"]) == 3


def test_a_viewer_looks_and_does_not_decide(
    actor: Actor, api: Any, make_actor: Callable[..., Actor], client_for: Callable[[Any], Any]
) -> None:
    team = api.post("/api/v1/teams/", {"name": "Team", "graph": GRAPH}, format="json").json()
    run = api.post(f"/api/v1/teams/{team['id']}/runs/", {"question": "Hello"}, format="json").json()
    (step,) = [step for step in run["steps"] if step["state"] == "waiting"]
    client = client_for(make_actor(role=Role.VIEWER, organisation_id=actor.organisation_id))
    assert client.get(f"/api/v1/team-runs/{run['id']}/").status_code == 200
    decide = f"/api/v1/team-steps/{step['id']}/decide/"
    assert client.post(decide, {"approve": True}, content_type="application/json").status_code == 403
    changed = client.patch(f"/api/v1/teams/{team['id']}/", {"name": "X"}, content_type="application/json")
    assert changed.status_code == 403
