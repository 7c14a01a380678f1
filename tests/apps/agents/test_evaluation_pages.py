"""Pages of evaluations: question sets, a run and its results, the gate before publishing, the templates' sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.agents import selectors, services
from apps.agents.catalogue import TEMPLATES
from apps.agents.evaluating import ATTACKS, cases_in_file, read_cases
from apps.agents.services import AgentChanges
from apps.agents.specs import TableTool
from apps.agents.types import AgentInfo, EvaluationState
from apps.core import outbox
from apps.tenancy.types import Actor
from tests.apps.agents.conftest import text_file

pytestmark = pytest.mark.django_db

TWO = "question,expected,unknown\nWhat is the notice period?,three months,\nWho won in 1998?,,true\n"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_a_templates_questions_are_a_valid_set(template: Any) -> None:
    cases = [{"question": case.question, "expected": case.expected} for case in template.cases()]
    assert read_cases(cases)[1] == []


def test_files_become_cases() -> None:
    assert read_cases(cases_in_file(TWO.encode()))[1] == []
    (first, second) = read_cases(cases_in_file(b'{"question": "a", "expected": ["b"]}\n\n{"question": "c"}'))[0]
    assert (first.expected, second.question) == (("b",), "c")
    assert cases_in_file(b"question,forbidden\na,b; c\n") == [{"question": "a", "forbidden": ["b", "c"]}]
    for wrong in (b"", b"a,b\n1,2\n", b'{"question": ', "question\n\xff".encode("latin-1")):
        with pytest.raises(ValueError):  # noqa: PT011  # each in its own words
            cases_in_file(wrong)


def test_an_agent_of_a_template_brings_its_questions_and_can_be_published_without(
    actor: Actor, make_agent: Callable[..., AgentInfo]
) -> None:
    agent = make_agent(actor, "contract-reader")
    checks = agent.config.checks
    assert checks.evaluation_set_id is not None
    assert len(selectors.get_set(actor, checks.evaluation_set_id).cases) >= 8
    assert not checks.required
    assert selectors.missing_for_publishing(actor, agent.id) == []


def test_the_data_analyst_asks_a_real_table(actor: Actor, make_agent: Callable[..., AgentInfo]) -> None:
    agent = make_agent(actor, "data-analyst")
    table = agent.config.tools[0]
    assert isinstance(table, TableTool)
    assert table.table_id is not None
    assert selectors.table(actor, table.table_id).rows == 48
    target = selectors.draft_target(actor, agent.id)
    question = "How many orders were there in the South in total?"
    assert "**1228**" in services.answer(actor=actor, target=target, question=question).answer.text


def test_a_draft_is_evaluated_read_and_gated_by_its_page(
    actor: Actor, make_agent: Callable[..., AgentInfo], client_for: Callable[..., Any]
) -> None:
    agent, client = make_agent(actor, "contract-reader"), client_for(actor)
    made = client.post("/agents/question-sets/new/", {"name": "Mine"})
    url = made["Location"]
    assert client.post(url, {"action": "file", "file": text_file("two.csv", TWO)}).status_code == 302
    case = {"action": "add", "question": "When do invoices have to be paid?", "expected": "ten years", "unknown": ""}
    assert client.post(url, case).status_code == 302
    page = client.get(url).content.decode()
    assert "3 questions" in page
    assert "must say that it does not know" in page
    set_id = url.strip("/").rpartition("/")[2]

    evaluations = f"/agents/{agent.id}/evaluations/"
    begun = client.post(evaluations, {"action": "evaluate", "set": set_id})["Location"]
    waiting = client.get(begun).content.decode()
    assert f"0 of {3 + len(ATTACKS)}." in waiting
    assert "data-live-done" not in waiting
    outbox.drain()
    done = client.get(f"{begun}live/").content.decode()
    assert "data-live-done" in done
    assert "does not say “ten years”" in done
    assert "1 of 8 fell short" in done

    gate = {
        "action": "gate",
        "evaluation_set_id": set_id,
        "required": "on",
        "min_passed": "90",
        "min_citation_precision": "0",
        "min_attacks_withstood": "100",
        "max_usd": "0",
    }
    assert client.post(evaluations, gate | {"min_passed": "900"}).status_code == 422
    assert client.post(evaluations, gate).status_code == 302
    shown = client.get(evaluations).content.decode()
    assert "Publishing waits:" in shown
    assert "questions answered well: 67%, and 90% are asked for" in shown
    builder = client.get(f"/agents/{agent.id}/edit/").content.decode()
    assert "Before you can publish:" in builder
    assert f'href="{evaluations}"' in builder
    assert client.post(evaluations, gate | {"min_passed": "60"}).status_code == 302
    assert "reaches what publishing asks for" in client.get(evaluations).content.decode()
    assert services.publish_agent(actor=actor, agent_id=agent.id).number == 1


def test_a_running_evaluation_is_stopped(
    actor: Actor, make_agent: Callable[..., AgentInfo], client_for: Callable[..., Any]
) -> None:
    agent, client = make_agent(actor, "contract-reader"), client_for(actor)
    begun = client.post(f"/agents/{agent.id}/evaluations/", {"action": "evaluate"})["Location"]
    client.post(f"{begun}cancel/")
    outbox.drain()
    (run,) = selectors.evaluations(actor, agent.id)
    assert (run.state, run.answered) == (EvaluationState.CANCELLED, 0)
    assert "data-live-done" in client.get(begun).content.decode()


def test_a_set_is_changed_by_plain_forms(actor: Actor, client_for: Callable[..., Any]) -> None:
    client = client_for(actor)
    url = client.post("/agents/question-sets/new/", {"name": ""})["Location"]
    set_id = url.strip("/").rpartition("/")[2]
    assert "It goes when you add one of yours" in client.get(url).content.decode()
    assert client.post(url, {"action": "add", "question": ""}).status_code == 422
    assert client.post(url, {"action": "file", "file": text_file("a.csv", "x,y\n1,2\n")}).status_code == 422
    client.post(url, {"action": "add", "question": "Open on Sundays?", "forbidden": "yes\nsure", "unknown": "no"})
    client.post(url, {"action": "rename", "name": "Hours"})
    row = selectors.get_set(actor, set_id)
    assert (row.name, len(row.cases), row.cases[0]["forbidden"]) == ("Hours", 1, ["yes", "sure"])
    client.post(url, {"action": "remove", "number": "1"})
    assert len(selectors.get_set(actor, set_id).cases) == 1


def test_a_set_is_deleted_with_its_evaluations_unless_publishing_waits_for_it(
    actor: Actor, make_agent: Callable[..., AgentInfo], client_for: Callable[..., Any], api_for: Callable[..., Any]
) -> None:
    agent = make_agent(actor, "contract-reader")
    set_id = agent.config.checks.evaluation_set_id
    assert set_id is not None
    run = services.start_evaluation(actor=actor, agent_id=agent.id)
    services.cancel_evaluation(actor=actor, agent_id=agent.id, run_id=run.id)
    url, client = f"/agents/question-sets/{set_id}/", client_for(actor)
    assert "the 1 evaluation made with it" in client.get(url).content.decode()
    must = {"evaluation_set_id": str(set_id), "required": True}
    services.update_agent(actor=actor, agent_id=agent.id, changes=AgentChanges(checks=must))
    refused = api_for(actor).delete(f"/api/v1/evaluation-sets/{set_id}/")
    assert refused.status_code == 409
    assert agent.config.name in refused.json()["detail"]
    services.update_agent(actor=actor, agent_id=agent.id, changes=AgentChanges(checks=must | {"required": False}))
    assert client.post(url, {"action": "delete"}).status_code == 302
    assert client.get(url).status_code == 404
    assert selectors.evaluations(actor, agent.id) == []
    assert selectors.agent(actor, agent.id).config.checks.evaluation_set_id is None


def test_another_organisations_set_is_not_deleted(
    actor: Actor, other_actor: Actor, api_for: Callable[..., Any]
) -> None:
    kept = services.save_evaluation_set(actor=actor, name="Mine", cases=[{"question": "a"}])
    assert api_for(other_actor).delete(f"/api/v1/evaluation-sets/{kept.id}/").status_code == 404
    assert api_for(actor).delete(f"/api/v1/evaluation-sets/{kept.id}/").status_code == 204
