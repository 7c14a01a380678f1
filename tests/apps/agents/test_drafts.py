"""Two people edit one agent; versions are compared and gone back to; configurations are validated whole."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from apps.agents import selectors, services
from apps.agents.errors import EditConflict
from apps.agents.models import Connection
from apps.agents.services import AgentChanges
from apps.agents.specs import CalculatorTool
from apps.agents.tools.toolbox import SECRET_PURPOSE
from apps.agents.types import AgentInfo, AnswerMode, ConnectionKind
from apps.core.errors import InvalidInput, NotFound
from apps.core.sealing import unseal
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db

CALCULATOR = {"kind": "calculator", "name": "calculator", "examples": ["What is 3 times 4?"]}


@pytest.fixture
def draft(actor: Actor) -> AgentInfo:
    """A draft without documents: nothing here asks it."""
    return services.create_agent_from_template(actor=actor, template_key="tutor", knowledge_base_ids=[])


def change(actor: Actor, draft: AgentInfo, **fields: Any) -> AgentInfo:
    return services.update_agent(actor=actor, agent_id=draft.id, changes=AgentChanges(**fields))


def test_the_second_of_two_editors_learns_what_changed_and_loses_nothing(actor: Actor, draft: AgentInfo) -> None:
    first = change(actor, draft, job="Explains plants.", guard={"must_cite": True}, revision=draft.revision)
    assert first.revision == draft.revision + 1
    with pytest.raises(EditConflict) as caught:
        change(actor, draft, name="Second", revision=draft.revision)
    context = caught.value.context
    assert context["revision"] == first.revision
    assert {one["field"]: (one["before"], one["after"]) for one in context["changes"]} == {
        "job": (draft.config.job, "Explains plants."),
        "guard.must_cite": (False, True),
    }
    assert {one["by"] for one in context["changes"]} == {str(actor.user_id)}
    assert selectors.agent(actor, draft.id).config == first.config
    second = change(actor, draft, name="Second", revision=context["revision"])
    assert (second.config.name, second.config.job) == ("Second", "Explains plants.")


def test_over_the_api_a_late_editor_gets_409(actor: Actor, draft: AgentInfo, api_for: Any) -> None:
    api, url = api_for(actor), f"/api/v1/agents/{draft.id}/"
    assert api.patch(url, {"name": "A", "revision": draft.revision}, format="json").json()["revision"] == 2
    late = api.patch(url, {"name": "B", "revision": draft.revision}, format="json")
    assert (late.status_code, late.json()["code"]) == (409, "agent_edited_meanwhile")
    assert late.json()["changes"][0]["after"] == "A"
    listed = api.get(f"{url}revisions/").json()["results"]
    assert [(one["number"], one["fields"]) for one in listed] == [(2, ["name"]), (1, [])]


def test_saving_the_same_twice_from_one_draft_is_no_conflict(actor: Actor, draft: AgentInfo) -> None:
    first = change(actor, draft, name="Same", revision=draft.revision)  # the page saves by itself while Save is pressed
    again = change(actor, draft, name="Same", revision=draft.revision)
    assert (again.revision, again.config) == (first.revision, first.config)
    with pytest.raises(EditConflict):
        change(actor, draft, name="Other", revision=draft.revision)


def test_saving_without_a_change_is_no_revision(actor: Actor, draft: AgentInfo) -> None:
    assert change(actor, draft, name=draft.config.name).revision == draft.revision


def test_every_part_is_kept_as_given(actor: Actor, draft: AgentInfo) -> None:
    saved = change(
        actor,
        draft,
        tools=[CALCULATOR],
        guard={"refused_topics": ["medical advice"], "language": "en"},
        budget={"max_tokens": 500, "day_micro_usd": 2_000_000},
    )
    found = selectors.agent(actor, draft.id).config
    assert found == saved.config
    assert found.tools == (CalculatorTool(examples=("What is 3 times 4?",)),)
    assert (found.budget.max_tokens, found.budget.max_seconds) == (500, 90)
    assert found.digest() != draft.config.digest()
    assert found.as_json()["guard"]["refused_topics"] == ["medical advice"]


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"tools": [{"kind": "calculator", "name": "Not A Name"}]}, "tools[0].name"),
        ({"tools": [{"kind": "shell", "name": "x"}]}, "tools[0]"),
        ({"tools": [CALCULATOR, CALCULATOR]}, "tools"),
        ({"tools": [{"kind": "table", "name": "t"}]}, "tools[0]"),
        ({"budget": {"max_seconds": 0}}, "budget.max_seconds"),
        ({"budget": {"max_tokens": "many"}}, "budget.max_tokens"),
        ({"guard": {"language": "english"}}, "guard.language"),
        ({"guard": {"no_such_rail": True}}, "guard.no_such_rail"),
        ({"model": {"kind": "endpoint", "name": "m"}}, "model.connection_id"),
    ],
)
def test_a_bad_part_is_named_and_nothing_changes(actor: Actor, draft: AgentInfo, parts: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        change(actor, draft, name="Other", **parts)
    assert [problem["field"] for problem in caught.value.errors] == [field]
    assert selectors.agent(actor, draft.id) == draft


def test_what_a_tool_names_must_be_the_organisations(actor: Actor, other_actor: Actor, draft: AgentInfo) -> None:
    with tenant_scope(other_actor.organisation_id):
        theirs = services.create_connection(
            actor=other_actor, kind=ConnectionKind.MCP, name="Theirs", url="https://mcp.example/mcp"
        )
    mine = services.create_connection(actor=actor, kind=ConnectionKind.HTTP, name="Shop", url="https://shop.example/")
    tool = {"kind": "mcp", "name": "notes", "tools": ["add"]}
    for missing in (theirs.id, uuid4()):
        with pytest.raises(NotFound):
            change(actor, draft, tools=[tool | {"connection_id": str(missing)}])
    with pytest.raises(InvalidInput) as caught:
        change(actor, draft, tools=[tool | {"connection_id": str(mine.id)}])
    assert caught.value.code == "wrong_connection_kind"
    assert selectors.agent(actor, draft.id).config.tools == ()


def test_a_secret_is_sealed_and_never_shown(actor: Actor, api_for: Any) -> None:
    body = {"kind": "http", "name": "Shop", "url": "https://shop.example/", "secret": "sk-very-secret"}
    made = api_for(actor).post("/api/v1/agent-connections/", body, format="json")
    assert made.status_code == 201
    assert made.json()["has_secret"]
    assert b"sk-very-secret" not in made.content + api_for(actor).get("/api/v1/agent-connections/").content
    row = Connection.objects.get(id=made.json()["id"])
    assert "sk-very-secret" not in row.sealed_secret
    assert unseal(actor.organisation_id, SECRET_PURPOSE, row.sealed_secret) == b"sk-very-secret"


@pytest.mark.parametrize("url", ["ftp://a.example/", "https://user:pw@a.example/", "https://", "javascript:alert(1)"])
def test_a_connection_needs_a_web_address(actor: Actor, url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        services.create_connection(actor=actor, kind=ConnectionKind.HTTP, name="Shop", url=url)
    assert [problem["field"] for problem in caught.value.errors] == ["url"]


def test_versions_are_compared_and_gone_back_to(actor: Actor, draft: AgentInfo, api_for: Any) -> None:
    change(actor, draft, mode=str(AnswerMode.GENERATE), tools=[CALCULATOR], instruction="One.\n" + "Be kind. " * 20)
    services.publish_agent(actor=actor, agent_id=draft.id)
    change(actor, draft, tools=[], instruction="Two.\n" + "Be kind. " * 20)
    services.publish_agent(actor=actor, agent_id=draft.id)
    url = f"/api/v1/agents/{draft.id}/"
    found = api_for(actor).get(f"{url}differences/", {"before": 1, "after": 2}).json()["results"]
    assert [one["field"] for one in found] == ["instruction", "tools.calculator"]
    assert found[0]["lines"][1:3] == ["-One.", "+Two."]
    assert found[1]["after"] is None
    restored = api_for(actor).post(f"{url}restore/", {"number": 1}, format="json").json()
    assert restored["config"]["tools"][0]["name"] == "calculator"
    assert restored["current_version"] == 2
    assert api_for(actor).get(f"{url}differences/", {"before": 1, "after": 0}).json()["results"] == []
    assert services.publish_agent(actor=actor, agent_id=draft.id).number == 3
    assert api_for(actor).post(f"{url}restore/", {"number": 9}, format="json").status_code == 404
