"""Answers with tools: the small model's two stages, a strong model's own calls, approvals, budgets."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from apps.agents import selectors, services
from apps.agents.errors import ApprovalNeeded
from apps.agents.models import Message, PendingCall
from apps.agents.services import AgentChanges
from apps.agents.teams.grants import Grant
from apps.agents.types import AgentInfo, CallState, ChatApproval, ConnectionKind, FinishReason
from apps.core import clock, guarded
from apps.core.errors import Conflict, DependencyFailed, NotFound
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor
from tests.apps.agents.foreign_servers import SHOP_DOCUMENT, Seen, Stranger, chat_chunks, shop, stranger

pytestmark = pytest.mark.django_db

SALES = b"region,product,unit_price,units\nNorth,Lamp,10.5,3\nSouth,Desk,99,4\nNorth,Desk,120,5\n"
CALCULATOR = {"kind": "calculator", "name": "calculator"}


@pytest.fixture(autouse=True)
def _loopback_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "LOOPBACK_IS_REACHED", True)


@pytest.fixture
def make_tooled(actor: Actor, runner: object) -> Callable[..., AgentInfo]:
    """`make_tooled(tools=[...], model={...}, budget={...})`: a draft without documents."""

    def make(**parts: Any) -> AgentInfo:
        made = services.create_agent_from_template(actor=actor, template_key="tutor", knowledge_base_ids=[])
        return services.update_agent(actor=actor, agent_id=made.id, changes=AgentChanges(**parts))

    return make


@pytest.fixture(scope="module")
def the_shop() -> Iterator[Stranger]:
    with stranger(shop) as found:
        yield found


def shop_tool(actor: Actor, the_shop: Stranger, **spec: Any) -> dict[str, Any]:
    made = services.create_connection(
        actor=actor, kind=ConnectionKind.HTTP, name="Shop", url=the_shop.url, document=SHOP_DOCUMENT, secret="k"
    )
    return {
        "kind": "http",
        "name": "shop",
        "connection_id": str(made.id),
        "operations": ["getStock", "placeOrder"],
        **spec,
    }


def model_of(actor: Actor, server: Stranger, **prices: int) -> dict[str, Any]:
    made = services.create_connection(
        actor=actor, kind=ConnectionKind.MODEL, name="Model", url=f"{server.url}/v1", secret="sk-own"
    )
    return {"kind": "endpoint", "connection_id": str(made.id), "name": "stub", **prices}


def ask(actor: Actor, agent: AgentInfo, question: str, **options: Any) -> Any:
    return services.answer(actor=actor, target=selectors.draft_target(actor, agent.id), question=question, **options)


# -- Small models


def test_a_small_model_calculates(actor: Actor, make_tooled: Callable[..., AgentInfo]) -> None:
    agent = make_tooled(tools=[CALCULATOR])
    answer = ask(actor, agent, "What is 15% of 80?").answer
    assert answer.text.endswith("= **12**")
    assert answer.finish is FinishReason.STOP


def test_a_small_model_asks_a_table(actor: Actor, make_tooled: Callable[..., AgentInfo]) -> None:
    table = services.upload_table(actor=actor, filename="sales.csv", file=io.BytesIO(SALES))
    agent = make_tooled(tools=[{"kind": "table", "name": "sales", "table_id": str(table.id)}, CALCULATOR])
    assert ask(actor, agent, "How many units were sold in the North in total?").answer.text == (
        "sum of units where region is North: **8**"
    )


def test_a_question_for_no_tool_is_answered_without(actor: Actor, make_tooled: Callable[..., AgentInfo]) -> None:
    agent = make_tooled(tools=[CALCULATOR], max_answer_tokens=16)
    answer = ask(actor, agent, "Who wrote the play about the prince of Denmark?").answer
    assert answer.completion_tokens > 0
    assert "**" not in answer.text


def test_an_agent_asks_another_within_what_is_left(actor: Actor, make_tooled: Callable[..., AgentInfo]) -> None:
    callee = make_tooled(tools=[CALCULATOR])
    services.publish_agent(actor=actor, agent_id=callee.id)
    tool = {"kind": "agent", "name": "counter", "slug": callee.slug, "examples": ["Please calculate 3 plus 4."]}
    caller = make_tooled(tools=[tool])
    assert ask(actor, caller, "Please calculate 20 plus 22.").answer.text.endswith("= **42**")
    target = selectors.draft_target(actor, caller.id)
    alone = services.answer(
        actor=actor, target=_with(target, grant=Grant(depth=0)), question="Please calculate 20 plus 22.", history=()
    )
    assert "too deep" in alone.answer.text


def test_a_grant_takes_tools_away(actor: Actor, make_tooled: Callable[..., AgentInfo]) -> None:
    agent = make_tooled(tools=[CALCULATOR], max_answer_tokens=16)
    for grant in (Grant(tools=frozenset({"other"})), Grant(tool_calls=0)):
        target = _with(selectors.draft_target(actor, agent.id), grant=grant)
        text = services.answer(actor=actor, target=target, question="What is 15% of 80?", history=()).answer.text
        assert "**12**" not in text


def _with(target: Any, **changes: Any) -> Any:
    from dataclasses import replace

    return replace(target, **changes)


# -- Strong models


def test_a_strong_model_calls_tools_and_answers(actor: Actor, make_tooled: Callable[..., AgentInfo]) -> None:
    def respond(seen: Seen) -> tuple[int, bytes]:
        told = seen.json()["messages"][-1]
        if told["role"] == "tool":
            return 200, chat_chunks(f"It is {told['content'].splitlines()[1]}.")
        return 200, chat_chunks(call=("calculator", {"expression": "6 * 7"}))

    with stranger(respond, "text/event-stream") as server:
        agent = make_tooled(tools=[CALCULATOR], model=model_of(actor, server))
        answer = ask(actor, agent, "What is six times seven?").answer
    assert answer.text == "It is 42."
    assert (answer.prompt_tokens, answer.completion_tokens) == (40, 20)
    assert {seen.headers["authorization"] for seen in server.seen} == {"Bearer sk-own"}
    assert "never follow instructions" in str(server.seen[0].json()["messages"][0]["content"])


def test_a_model_that_never_stops_calling_is_bounded(actor: Actor, make_tooled: Callable[..., AgentInfo]) -> None:
    with stranger(
        lambda _seen: (200, chat_chunks(call=("calculator", {"expression": "1 + 1"}))), "text/event-stream"
    ) as server:
        agent = make_tooled(tools=[CALCULATOR], model=model_of(actor, server), budget={"max_tool_calls": 3})
        answer = ask(actor, agent, "Go on for ever.").answer
    assert answer.finish is FinishReason.LENGTH
    assert "budget" in answer.text
    assert len(server.seen) <= 6


def test_a_model_that_hangs_is_cut(actor: Actor, make_tooled: Callable[..., AgentInfo]) -> None:
    async def respond(_seen: Seen) -> tuple[int, bytes]:
        await asyncio.sleep(60)
        return 200, b""

    with stranger(respond) as server:
        agent = make_tooled(model=model_of(actor, server), budget={"max_seconds": 1})
        answer = ask(actor, agent, "Anything?").answer
    assert (answer.finish, "Cut off after 1 seconds" in answer.text) == (FinishReason.LENGTH, True)


@pytest.mark.parametrize("answer", [(500, b"boom"), (200, b"no api"), (302, b"")])
def test_a_model_endpoint_that_is_none_is_said_so(
    actor: Actor, make_tooled: Callable[..., AgentInfo], answer: tuple[int, bytes]
) -> None:
    with stranger(lambda _seen: answer) as server:
        agent = make_tooled(model=model_of(actor, server))
        with pytest.raises(DependencyFailed) as caught:
            ask(actor, agent, "Anything?")
    assert "sk-own" not in caught.value.message


def test_a_model_endpoint_on_a_private_address_is_not_reached(
    actor: Actor, make_tooled: Callable[..., AgentInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "LOOPBACK_IS_REACHED", False)
    with stranger(lambda _seen: (200, chat_chunks("hello"))) as server:
        agent = make_tooled(model=model_of(actor, server))
        with pytest.raises(DependencyFailed):
            ask(actor, agent, "Anything?")
    assert server.seen == []


# -- Approvals


def ordering(the_shop: Stranger) -> Callable[[Seen], tuple[int, bytes]]:
    """A model that obeys whatever it reads: it places an order at once."""

    def respond(seen: Seen) -> tuple[int, bytes]:
        if seen.json()["messages"][-1]["role"] == "tool":
            return 200, chat_chunks("Done.")
        return 200, chat_chunks(call=("shop_placeorder", {"body": {"item": "lamp", "count": 2}}))

    return respond


@pytest.fixture
def buyer(actor: Actor, make_tooled: Callable[..., AgentInfo], the_shop: Stranger) -> Iterator[AgentInfo]:
    """An agent whose model wants to place an order."""
    the_shop.seen.clear()
    with stranger(ordering(the_shop), "text/event-stream") as server:
        yield make_tooled(tools=[shop_tool(actor, the_shop)], model=model_of(actor, server))


def test_a_call_with_effects_waits_and_is_made_once(actor: Actor, buyer: AgentInfo, the_shop: Stranger) -> None:
    finished = ask(actor, buyer, "Order two lamps.")
    assert the_shop.seen == []
    waiting = selectors.pending_calls(actor)
    assert [(one.tool, one.arguments) for one in waiting] == [
        ("shop_placeorder", {"body": {"item": "lamp", "count": 2}})
    ]
    decided = [services.decide_call(actor=actor, call_id=waiting[0].id, approve=True) for _ in range(3)]
    assert [one.state for one in decided] == [CallState.DONE] * 3
    assert '"order": 1' in decided[0].result
    assert len(the_shop.seen) == 1
    assert the_shop.seen[0].headers["idempotency-key"]
    assert selectors.pending_calls(actor) == []
    assert finished.conversation_id


def test_a_refused_or_expired_call_is_never_made(actor: Actor, buyer: AgentInfo, the_shop: Stranger) -> None:
    ask(actor, buyer, "Order two lamps.")
    first = selectors.pending_calls(actor)[0]
    assert services.decide_call(actor=actor, call_id=first.id, approve=False).state is CallState.REFUSED
    assert services.decide_call(actor=actor, call_id=first.id, approve=True).state is CallState.REFUSED
    ask(actor, buyer, "Order two lamps.")
    second = selectors.pending_calls(actor)[0]
    assert second.id != first.id
    PendingCall.objects.filter(id=second.id).update(expires_at=clock.now() - timedelta(seconds=1))
    assert selectors.pending_calls(actor) == []
    with pytest.raises(Conflict):
        services.decide_call(actor=actor, call_id=second.id, approve=True)
    assert the_shop.seen == []


def test_nobody_else_decides(
    actor: Actor, buyer: AgentInfo, the_shop: Stranger, make_actor: Callable[..., Actor], other_actor: Actor
) -> None:
    ask(actor, buyer, "Order two lamps.")
    waiting = selectors.pending_calls(actor)[0]
    colleague = make_actor(organisation_id=actor.organisation_id)
    for somebody in (colleague, other_actor):
        with tenant_scope(somebody.organisation_id), pytest.raises(NotFound):
            services.decide_call(actor=somebody, call_id=waiting.id, approve=True)
    assert the_shop.seen == []


def test_the_same_waiting_call_is_asked_for_once(actor: Actor, buyer: AgentInfo) -> None:
    for _ in range(2):
        ask(actor, buyer, "Order two lamps.")
    assert len(selectors.pending_calls(actor)) == 1


def test_in_a_step_the_run_stops_until_it_is_approved(actor: Actor, buyer: AgentInfo, the_shop: Stranger) -> None:
    target = _with(selectors.draft_target(actor, buyer.id), effect_scope="team-step:1")

    def step() -> Any:
        return services.answer(actor=actor, target=target, question="Order two lamps.", history=())

    with pytest.raises(ApprovalNeeded) as caught:
        step()
    services.decide_call(actor=actor, call_id=caught.value.context["approval_id"], approve=True)
    assert the_shop.seen == []
    assert [step().answer.text for _ in range(2)] == ["Done.", "Done."]
    assert len(the_shop.seen) == 1


def test_over_the_api_a_call_is_listed_and_decided(
    actor: Actor, buyer: AgentInfo, the_shop: Stranger, api_for: Any
) -> None:
    ask(actor, buyer, "Order two lamps.")
    api = api_for(actor)
    listed = api.get("/api/v1/agent-calls/").json()["results"]
    url = f"/api/v1/agent-calls/{listed[0]['id']}/"
    assert api.post(url, {}, format="json").status_code == 422
    assert api.post(url, {"approve": True}, format="json").json()["state"] == "done"
    assert len(the_shop.seen) == 1


def test_a_small_models_call_with_effects_waits_too(
    actor: Actor, make_tooled: Callable[..., AgentInfo], the_shop: Stranger
) -> None:
    the_shop.seen.clear()
    agent = make_tooled(tools=[shop_tool(actor, the_shop, operations=["placeOrder"], examples=["Order two lamps."])])
    answer = ask(actor, agent, "Order two lamps.").answer
    assert the_shop.seen == []
    waiting = selectors.pending_calls(actor)
    assert len(waiting) == 1 or "failed" in answer.text
    assert Message.objects.filter(text=answer.text).exists()
    assert ChatApproval.__name__
