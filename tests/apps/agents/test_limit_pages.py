"""The page of model, guard rails and budget; what they do; and what an answer is said to have cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from apps.agents import selectors, services
from apps.agents.errors import BudgetSpent
from apps.agents.models import AgentDay
from apps.agents.prices import decimal_of, dollars, micro_of
from apps.agents.services import AgentChanges
from apps.agents.types import AgentConfig, AgentInfo, ConnectionKind, FinishReason
from apps.core import clock, guarded
from apps.tenancy.types import Actor
from tests.apps.agents.foreign_servers import Seen, Stranger, chat_chunks, stranger

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _loopback_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "LOOPBACK_IS_REACHED", True)


@pytest.fixture(scope="module")
def told() -> Iterator[Stranger]:
    """A model that says the same whatever it hears: 20 tokens read, 10 written."""

    def respond(_: Seen) -> tuple[int, bytes]:
        return 200, chat_chunks("Write to ana@example.org, she knows.")

    with stranger(respond, "text/event-stream") as found:
        yield found


@pytest.fixture
def bare(actor: Actor, told: Stranger, runner: object) -> AgentInfo:
    """A draft without documents that answers by that model, at 2 and 8 dollars for a million tokens."""
    made = services.create_agent_from_template(actor=actor, template_key="tutor", knowledge_base_ids=[])
    model = services.create_connection(actor=actor, kind=ConnectionKind.MODEL, name="Own", url=f"{told.url}/v1")
    endpoint = {
        "kind": "endpoint",
        "connection_id": str(model.id),
        "name": "stub",
        "input_price": 2_000_000,
        "output_price": 8_000_000,
    }
    return services.update_agent(actor=actor, agent_id=made.id, changes=AgentChanges(model=endpoint))


def ask(actor: Actor, agent: AgentInfo, question: str = "Whom do I ask?") -> Any:
    return services.answer(actor=actor, target=selectors.draft_target(actor, agent.id), question=question)


def changed(actor: Actor, agent: AgentInfo, **parts: Any) -> AgentInfo:
    return services.update_agent(actor=actor, agent_id=agent.id, changes=AgentChanges(**parts))


def form_of(client: Any, agent: AgentInfo, **fields: str) -> dict[str, str]:
    """The form as the page fills it, with some fields changed."""
    context = client.get(f"/agents/{agent.id}/limits/").context
    shown = {bound.name: bound.value() for bound in context["form"]}
    filled = {name: str(value) for name, value in shown.items() if value is not None and value is not False}
    return filled | {"revision": str(context["agent"].revision)} | fields


@pytest.mark.parametrize(
    ("micro", "shown"), [(0, "$0"), (1, "$0.000001"), (1200, "$0.0012"), (10_000, "$0.01"), (2_500_000, "$2.50")]
)
def test_small_money_is_said_with_the_digits_it_needs(micro: int, shown: str) -> None:
    assert dollars(micro) == shown
    assert micro_of(decimal_of(micro)) == micro


def test_the_form_saves_what_it_shows(actor: Actor, bare: AgentInfo, client_for: Callable[..., Any]) -> None:
    client, url = client_for(actor), f"/agents/{bare.id}/limits/"
    assert client.post(url, form_of(client, bare)).status_code == 302
    assert selectors.agent(actor, bare.id).config == bare.config
    fields = form_of(client, bare, refused_topics="the weather\n\nfootball", mask_output="on", max_usd="0.02")
    assert client.post(url, fields | {"day_tokens": "5000", "language": "en"}).status_code == 302
    config = selectors.agent(actor, bare.id).config
    assert (config.guard.refused_topics, config.guard.mask_output) == (("the weather", "football"), True)
    assert (config.budget.max_micro_usd, config.budget.day_tokens) == (20_000, 5_000)
    assert config.model == bare.config.model
    page = client.get(f"/agents/{bare.id}/edit/").content.decode()
    for words in (
        "declines questions about the weather; football",
        "written by stub",
        "6 tool calls, 90 seconds, $0.02",
    ):
        assert words in page
    assert client.post(url, form_of(client, bare, kind="bundled")).status_code == 302
    assert selectors.agent(actor, bare.id).config.model == AgentConfig("", "", "").model


def test_what_cannot_be_is_said_beside_its_field(actor: Actor, bare: AgentInfo, client_for: Callable[..., Any]) -> None:
    client, url = client_for(actor), f"/agents/{bare.id}/limits/"
    for wrong in ({"max_tokens": "3"}, {"kind": "runner", "name": ""}, {"kind": "endpoint", "connection_id": ""}):
        answer = client.post(url, form_of(client, bare, **wrong))
        assert answer.status_code == 422
        assert b"field-error" in answer.content
    late = form_of(client, bare, refused_topics="the weather") | {"revision": "0"}
    assert client.post(url, late).status_code == 422
    assert selectors.agent(actor, bare.id).config == bare.config


def test_a_declined_topic_reaches_no_model(actor: Actor, bare: AgentInfo, told: Stranger) -> None:
    changed(actor, bare, guard={"refused_topics": ["football results"]})
    before = len(told.seen)
    finished = ask(actor, bare, "What were the football results on Sunday?")
    assert finished.answer.finish is FinishReason.ABSTAINED
    assert len(told.seen) == before


def test_personal_data_is_masked_on_the_way_in_and_out(actor: Actor, bare: AgentInfo, told: Stranger) -> None:
    changed(actor, bare, guard={"mask_input": True, "mask_output": True})
    finished = ask(actor, bare, "Is bob@example.com the one to ask?")
    assert b"bob@example.com" not in told.seen[-1].body
    assert "ana@example.org" not in finished.answer.text
    assert "[EMAIL 1]" in finished.answer.text


def test_a_long_answer_ends_at_a_sentence(actor: Actor, bare: AgentInfo) -> None:
    changed(actor, bare, guard={"max_characters": 12})
    assert len(ask(actor, bare).answer.text) <= 40


@pytest.mark.parametrize("limit", [{"day_tokens": 30}, {"day_micro_usd": 120}])
def test_a_spent_day_refuses_until_the_next(
    actor: Actor, bare: AgentInfo, told: Stranger, limit: dict[str, int]
) -> None:
    changed(actor, bare, budget=limit)
    ask(actor, bare)
    assert services.used_today(actor.organisation_id, bare.id) == (30, 120)
    before = len(told.seen)
    with pytest.raises(BudgetSpent, match="budget of today"):
        ask(actor, bare)
    assert len(told.seen) == before
    AgentDay.objects.filter(agent_id=bare.id).update(day=clock.now().date() - timedelta(days=1))
    assert ask(actor, bare).answer.finish is FinishReason.STOP


def test_the_trace_says_what_an_answer_cost(actor: Actor, bare: AgentInfo, client_for: Callable[..., Any]) -> None:
    client = client_for(actor)
    paid = ask(actor, bare)
    page = client.get(f"/messages/{paid.message_id}/trace/").content.decode()
    assert "$0.00012" in page
    assert "at your model&#x27;s prices" in page
    chat = client.get(f"/agents/{bare.id}/edit/?conversation={paid.conversation_id}").content.decode()
    assert "30 tokens" in chat
    assert "$0.00012" in chat
    model = bare.config.model.model_dump(mode="json") | {"input_price": 0, "output_price": 0}
    changed(actor, bare, model=model)
    assert "Not known" in client.get(f"/messages/{ask(actor, bare).message_id}/trace/").content.decode()
    changed(actor, bare, model={"kind": "bundled"}, tools=[{"kind": "calculator"}])
    counted = ask(actor, bare, "What is 15% of 80?")
    page = client.get(f"/messages/{counted.message_id}/trace/").content.decode()
    assert "No charge" in page
    for words in ("Call calculator", "Sent", "Came back", "Choose a tool"):
        assert words in page
