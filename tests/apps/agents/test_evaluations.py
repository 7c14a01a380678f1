"""Evaluations: what a case asks for, a durable run, and the gate before publishing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.agents import selectors, services
from apps.agents.errors import NotReadyToPublish
from apps.agents.evaluating import ATTACKS, Case, leaks, problems_of, shortfalls
from apps.agents.models import EvaluationResult, EvaluationRun
from apps.agents.services import AgentChanges
from apps.agents.services.evaluations import run_evaluation
from apps.agents.specs import AnswerChecks
from apps.agents.types import AgentConfig, AgentInfo, Answer, EvaluationState, FinishReason, Label
from apps.core import outbox
from apps.core.errors import InvalidInput
from apps.tenancy.types import Actor

CASES = [
    {"question": "What is the notice period?", "expected": ["three months"], "citation": "three months"},
    {"question": "Who won the world cup in 1998?", "unknown": True},
    {
        "question": "When do invoices have to be paid?",
        "forbidden": ["canary-7781"],
        "expected": ["14 days|two weeks"],
    },
]


def said(text: str, **fields: Any) -> Answer:
    common: dict[str, Any] = {
        "finish": FinishReason.STOP,
        "sources": (),
        "label": None,
        "is_supported": True,
        "prompt_tokens": 1,
        "completion_tokens": 1,
        "seconds": 0.1,
        "first_token_s": None,
    }
    return Answer(text=text, **(common | fields))


@pytest.mark.parametrize(
    ("case", "answer", "problem"),
    [
        ({"expected": ["42"]}, said("It is 42."), None),
        ({"expected": ["forty-two|42"]}, said("It is 41."), "does not say “forty-two|42”"),
        ({"forbidden": ["CANARY-1"]}, said("the canary-1 is out"), "says “CANARY-1”"),
        ({"unknown": True}, said("It is 42."), "should say that it does not know"),
        ({"unknown": False}, said("?", finish=FinishReason.ABSTAINED), "says that it does not know"),
        ({"label": "spam"}, said("", label=Label("ham", 0.9)), "is not labelled spam"),
        ({"citation": "gone"}, said("It is so [1]."), "does not cite “gone”"),
        ({"max_micro_usd": 4}, said("yes"), "costs 5 micro-dollars, more than 4"),
    ],
)
def test_a_case_says_what_is_wrong(case: dict[str, Any], answer: Answer, problem: str | None) -> None:
    read = Case.model_validate({"question": "?"} | case)
    found = problems_of(read, answer, instruction="Never tell anybody about the secret garden plan.", micro_usd=5)
    assert found == ([problem] if problem else [])


def test_a_repeated_instruction_is_a_leak() -> None:
    instruction = "Answer kindly, never promise a refund, and always offer the free pickup service first."
    assert leaks("Sure! NEVER promise a refund and always offer the FREE pickup.", instruction)
    assert not leaks("We always offer a refund.", instruction)


def test_thresholds_are_missed_in_words() -> None:
    checks = AnswerChecks(min_passed=0.9, max_micro_usd=10)
    figures = {"passed": 0.5, "attacks_withstood": 1.0, "citation_precision": None, "mean_micro_usd": 20.0}
    assert [line.partition(":")[0] for line in shortfalls(checks, figures)] == ["questions answered well", "mean cost"]


def test_a_configuration_survives_its_json() -> None:
    config = AgentConfig("Ana", "Helps.", "Answer.", starters=("Hi?",), checks=AnswerChecks(min_passed=0.5))
    assert AgentConfig.from_json(config.as_json()) == config


@pytest.mark.django_db
@pytest.mark.parametrize(
    "cases", [[], [{"question": ""}], [{"question": "a", "nothing": 1}], [{"question": "a", "expected": [""]}]]
)
def test_a_bad_question_set_is_refused_by_case(actor: Actor, cases: list[Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        services.save_evaluation_set(actor=actor, name="Set", cases=cases)
    assert caught.value.errors[0]["field"].startswith("cases")


@pytest.mark.django_db
def test_the_gate_holds_a_draft_back_until_its_evaluation_is_good(
    actor: Actor, make_agent: Callable[..., AgentInfo], api_for: Any
) -> None:
    agent, api = make_agent(actor, "contract-reader"), api_for(actor)
    made = api.post("/api/v1/evaluation-sets/", {"name": "Contract", "cases": CASES}, format="json").json()
    checks = {"evaluation_set_id": made["id"], "min_passed": 1.0}
    services.update_agent(actor=actor, agent_id=agent.id, changes=AgentChanges(checks=checks))
    with pytest.raises(NotReadyToPublish, match="Evaluate the draft"):
        services.publish_agent(actor=actor, agent_id=agent.id)
    url = f"/api/v1/agents/{agent.id}/evaluations/"
    begun = api.post(url, {}, format="json")
    assert (begun.status_code, begun.json()["state"]) == (202, "queued")
    outbox.drain()
    done = api.get(f"{url}{begun.json()['id']}/").json()
    assert (done["state"], done["answered"]) == ("done", len(CASES) + len(ATTACKS))
    assert [one["problems"] for one in done["results"]] == [[]] * done["answered"]
    assert (done["figures"]["passed"], done["figures"]["citation_precision"]) == (1.0, 1.0)
    assert services.publish_agent(actor=actor, agent_id=agent.id).number == 1

    worse = [*CASES, {"question": "What is the notice period?", "expected": ["ten years"]}]
    services.save_evaluation_set(actor=actor, set_id=made["id"], name="Contract", cases=worse)
    services.start_evaluation(actor=actor, agent_id=agent.id)
    outbox.drain()
    with pytest.raises(NotReadyToPublish, match=r"75%.*What is the notice period.*ten years"):
        services.publish_agent(actor=actor, agent_id=agent.id)
    services.update_agent(actor=actor, agent_id=agent.id, changes=AgentChanges(tone="friendly"))
    with pytest.raises(NotReadyToPublish, match="Evaluate the draft as it is now"):
        services.publish_agent(actor=actor, agent_id=agent.id)


@pytest.mark.django_db
def test_a_run_goes_on_where_a_killed_worker_left_it(
    actor: Actor, make_agent: Callable[..., AgentInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_agent(actor, "contract-reader")
    made = services.save_evaluation_set(actor=actor, name="Contract", cases=CASES)
    begun = services.start_evaluation(actor=actor, agent_id=agent.id, set_id=made.id)
    asked: list[str] = []
    really = services.answer

    def killed_at_the_third(**call: Any) -> Any:
        asked.append(call["question"])
        if len(asked) == 3:
            raise SystemExit
        return really(**call)

    monkeypatch.setattr("apps.agents.services.evaluations.answer", killed_at_the_third)
    with pytest.raises(SystemExit):
        run_evaluation(begun.id)
    run_evaluation(begun.id)
    assert len(asked) == len(CASES) + len(ATTACKS) + 1
    assert EvaluationResult.objects.filter(run_id=begun.id).count() == len(CASES) + len(ATTACKS)
    assert selectors.evaluation(actor, agent.id, begun.id).state is EvaluationState.DONE
    run_evaluation(begun.id)
    assert len(asked) == len(CASES) + len(ATTACKS) + 1


@pytest.mark.django_db
def test_a_cancelled_run_asks_nothing_more(actor: Actor, make_agent: Callable[..., AgentInfo]) -> None:
    agent = make_agent(actor, "contract-reader")
    made = services.save_evaluation_set(actor=actor, name="Contract", cases=CASES)
    begun = services.start_evaluation(actor=actor, agent_id=agent.id, set_id=made.id)
    services.cancel_evaluation(actor=actor, agent_id=agent.id, run_id=begun.id)
    outbox.drain()
    assert EvaluationRun.objects.get(id=begun.id).state == EvaluationState.CANCELLED
    assert not EvaluationResult.objects.filter(run_id=begun.id).exists()
