"""An answer waits with its calls and goes on after the decision: once, with what came of them, in the same message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from apps.agents import selectors, services, streaming
from apps.agents.models import Message, PausedAnswer, PendingCall
from apps.agents.selectors.approvals import STALLED_AFTER
from apps.agents.services import AgentChanges
from apps.agents.services.pausing import GIVEN_UP, KEPT_FOR
from apps.agents.services.taking_back import TAKEN_BACK, take_back
from apps.agents.tools.picking import Filled
from apps.agents.types import READ, AgentInfo, CallState, ConnectionKind, FinishReason, PendingCallInfo
from apps.core import clock, guarded, outbox
from apps.core.errors import Conflict, NotFound
from apps.core.ids import uuid7
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor
from tests.apps.agents.foreign_servers import SHOP_DOCUMENT, Seen, Stranger, chat_chunks, shop, stranger
from tests.apps.agents.test_access import licence

pytestmark = pytest.mark.django_db

QUESTION = "Order two lamps."
BODY = {"body": {"item": "lamp", "count": 2}}


@pytest.fixture(autouse=True)
def _loopback_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "LOOPBACK_IS_REACHED", True)


class Shop:
    """A shop that can break in the middle of an order."""

    def __init__(self) -> None:
        self.is_broken = False
        self.orders = 0

    def __call__(self, seen: Seen) -> tuple[int, bytes]:
        self.orders += seen.method == "POST"
        return (500, b"boom") if self.is_broken else shop(seen)


class Model:
    """A model that orders, and then says what it was told."""

    def __init__(self, calls: int = 1) -> None:
        self.calls = calls
        self.told: list[str] = []
        self.fails = 0

    def __call__(self, seen: Seen) -> tuple[int, bytes]:
        results = [one["content"] for one in seen.json()["messages"] if one["role"] == "tool"]
        if len(results) < self.calls:
            return 200, chat_chunks(call=("shop_placeorder", BODY))
        if self.fails:
            self.fails -= 1
            return 200, b"no api"
        self.told = results
        return 200, chat_chunks(f"So it is: {results[-1].splitlines()[1][:60]}")


@pytest.fixture
def world() -> Iterator[tuple[Shop, Model, Stranger, Stranger]]:
    the_shop, model = Shop(), Model()
    with stranger(the_shop) as shop_server, stranger(model, "text/event-stream") as model_server:
        yield the_shop, model, shop_server, model_server


@pytest.fixture
def buyer(actor: Actor, world: Any, runner: object) -> AgentInfo:
    """An agent whose model orders two lamps."""
    _, _, shop_server, model_server = world
    made = services.create_agent_from_template(actor=actor, template_key="tutor", knowledge_base_ids=[])
    shopping = services.create_connection(
        actor=actor, kind=ConnectionKind.HTTP, name="Shop", url=shop_server.url, document=SHOP_DOCUMENT, secret="k"
    )
    model = services.create_connection(actor=actor, kind=ConnectionKind.MODEL, name="M", url=f"{model_server.url}/v1")
    tool = {"kind": "http", "name": "shop", "connection_id": str(shopping.id), "operations": ["getStock", "placeOrder"]}
    endpoint = {"kind": "endpoint", "connection_id": str(model.id), "name": "stub"}
    return services.update_agent(actor=actor, agent_id=made.id, changes=AgentChanges(tools=[tool], model=endpoint))


def ask(actor: Actor, agent: AgentInfo) -> Any:
    return services.answer(actor=actor, target=selectors.draft_target(actor, agent.id), question=QUESTION)


def read(response: Any) -> str:
    """The whole of a stream."""

    async def collect() -> str:
        return b"".join([chunk async for chunk in response.streaming_content]).decode()

    return async_to_sync(collect)()


def waiting(actor: Actor, agent: AgentInfo) -> tuple[PendingCallInfo, Message]:
    """Ask; the call that waits, and the answer that waits for it."""
    finished = ask(actor, agent)
    message = Message.objects.get(id=finished.message_id)
    assert (message.finish, finished.answer.finish) == (FinishReason.WAITING, FinishReason.WAITING)
    assert message.text.startswith("I would like to call **shop_placeorder**")
    return selectors.pending_calls(actor)[0], message


def test_after_the_approval_the_model_goes_on_in_the_same_answer(actor: Actor, buyer: AgentInfo, world: Any) -> None:
    the_shop, model, _, _ = world
    call, before = waiting(actor, buyer)
    decided = services.decide_call(actor=actor, call_id=call.id, approve=True)
    assert (decided.state, decided.message_id) == (CallState.DONE, before.id)
    outbox.drain()
    after = Message.objects.get(id=before.id)
    assert after.text.startswith('So it is: {"order": 1')
    assert (after.finish, the_shop.orders, len(model.told)) == (FinishReason.STOP, 1, 1)
    assert after.prompt_tokens == 2 * before.prompt_tokens
    assert Message.objects.filter(conversation_id=before.conversation_id).count() == 2
    steps = [(step["name"], step["detail"].get("approval")) for step in after.steps if step["kind"] == "tool"]
    assert steps == [("shop_placeorder", str(call.id))] * 2
    assert not PausedAnswer.objects.filter(message_id=before.id).exists()
    # Deciding again, and delivering again, changes nothing.
    services.decide_call(actor=actor, call_id=call.id, approve=True)
    assert decided.answer_id is not None
    streaming.go_on(decided.answer_id, actor.organisation_id)
    outbox.drain()
    assert (Message.objects.get(id=before.id).text, the_shop.orders) == (after.text, 1)


def test_a_refusal_is_told_to_the_model_which_answers_without_the_call(
    actor: Actor, buyer: AgentInfo, world: Any
) -> None:
    the_shop, _, _, _ = world
    call, before = waiting(actor, buyer)
    services.decide_call(actor=actor, call_id=call.id, approve=False)
    outbox.drain()
    after = Message.objects.get(id=before.id)
    assert after.text.startswith("So it is: The user did not allow this call")
    assert (after.finish, the_shop.orders) == (FinishReason.STOP, 0)


def test_the_reader_follows_it_over_the_route_of_all_answers(
    actor: Actor, buyer: AgentInfo, api_for: Any, client_for: Any
) -> None:
    call, before = waiting(actor, buyer)
    decided = api_for(actor).post(f"/api/v1/agent-calls/{call.id}/", {"approve": True}, format="json").json()
    assert (decided["state"], decided["message_id"]) == ("done", str(before.id))
    outbox.drain()
    followed = client_for(actor).get(f"/answers/{decided['answer_id']}/events/")
    events = read(followed)
    assert [line for line in events.splitlines() if line.startswith("event: finished")]
    assert "So it is" in events
    assert str(before.id) in events


def test_a_worker_that_is_killed_in_the_middle_leaves_the_rest_to_another(
    actor: Actor, buyer: AgentInfo, world: Any
) -> None:
    the_shop, _, _, _ = world
    call, before = waiting(actor, buyer)
    decided = services.decide_call(actor=actor, call_id=call.id, approve=True)
    assert decided.answer_id is not None
    # This one has begun and never comes to its end.
    assert services.begin_again(paused_id=decided.answer_id, owner_id=actor.organisation_id) is not None
    assert Message.objects.get(id=before.id).finish == FinishReason.WAITING
    outbox.drain()
    assert Message.objects.get(id=before.id).finish == FinishReason.STOP
    assert the_shop.orders == 1


def test_each_further_call_waits_anew_and_what_was_said_stays(actor: Actor, buyer: AgentInfo, world: Any) -> None:
    the_shop, model, _, _ = world
    model.calls = 2
    first, message = waiting(actor, buyer)
    services.decide_call(actor=actor, call_id=first.id, approve=True)
    outbox.drain()
    assert Message.objects.get(id=message.id).finish == FinishReason.WAITING
    second = selectors.pending_calls(actor)[0]
    assert second.id != first.id
    services.decide_call(actor=actor, call_id=second.id, approve=False)
    outbox.drain()
    after = Message.objects.get(id=message.id)
    assert (after.finish, the_shop.orders, len(model.told)) == (FinishReason.STOP, 1, 2)
    assert "did not allow" in after.text


def test_a_model_that_fails_after_the_decision_ends_the_answer_and_says_so(
    actor: Actor, buyer: AgentInfo, world: Any
) -> None:
    the_shop, model, _, _ = world
    call, before = waiting(actor, buyer)
    model.fails = 5
    services.decide_call(actor=actor, call_id=call.id, approve=True)
    outbox.drain()
    after = Message.objects.get(id=before.id)
    assert (after.finish, the_shop.orders) == (FinishReason.FAILED, 1)
    assert "did not answer" in after.problem


def uncertain(actor: Actor, buyer: AgentInfo, the_shop: Shop) -> tuple[PendingCallInfo, Message]:
    """An approved call that broke in the middle."""
    call, before = waiting(actor, buyer)
    the_shop.is_broken = True
    decided = services.decide_call(actor=actor, call_id=call.id, approve=True)
    assert (decided.state, decided.answer_id) == (CallState.UNCERTAIN, None)
    outbox.drain()
    assert Message.objects.get(id=before.id).finish == FinishReason.WAITING
    assert [one.id for one in selectors.pending_calls(actor)] == [call.id]
    the_shop.is_broken = False
    return decided, before


@pytest.mark.parametrize(
    ("settled", "orders", "told"),
    [
        ({"happened": True}, 1, "It took effect, as a person found."),
        ({"happened": False, "again": True}, 2, '{"order": 1'),
        ({"happened": False}, 1, "failed: It did not take effect"),
    ],
)
def test_an_uncertain_call_waits_for_what_the_asker_has_found_and_the_answer_goes_on_with_it(
    actor: Actor, buyer: AgentInfo, world: Any, api_for: Any, settled: dict[str, bool], orders: int, told: str
) -> None:
    the_shop = world[0]
    call, before = uncertain(actor, buyer, the_shop)
    services.decide_call(actor=actor, call_id=call.id, approve=True)  # allowing it again does not make it again
    assert the_shop.orders == 1
    url = f"/api/v1/agent-calls/{call.id}/settle/"
    answer = api_for(actor).post(url, settled, format="json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["message_id"] == str(before.id)
    outbox.drain()
    after = Message.objects.get(id=before.id)
    assert (after.finish, the_shop.orders) == (FinishReason.STOP, orders)
    assert after.text.startswith(f"So it is: {told}")
    assert api_for(actor).post(url, settled, format="json").status_code == 409


def test_a_call_that_a_killed_process_left_is_found_again_and_asked_about(
    actor: Actor, buyer: AgentInfo, world: Any, client_for: Any
) -> None:
    the_shop = world[0]
    call, before = uncertain(actor, buyer, the_shop)
    # As a killed process leaves it: allowed, begun, and no end.
    long_ago = clock.now() - STALLED_AFTER * 2
    PendingCall.objects.filter(id=call.id).update(state=CallState.APPROVED, decided_at=long_ago, result="")
    client = client_for(actor)
    chat = f"/conversations/{before.conversation_id}/calls/live/"
    assert "It was begun and has not come back." in client.get(chat).content.decode()
    client.post(f"/agents/calls/{call.id}/", {"decision": "approve"})
    assert the_shop.orders == 1
    shown = client.get(chat).content.decode()
    for words in ("it is not known whether it took effect", "It took effect: go on", "It did not: do it again"):
        assert words in shown
    client.post(f"/agents/calls/{call.id}/", {"decision": "again"})
    outbox.drain()
    assert (the_shop.orders, Message.objects.get(id=before.id).finish) == (2, FinishReason.STOP)
    assert "data-call" not in client.get(chat).content.decode()


def test_nobody_else_settles_it(
    actor: Actor, buyer: AgentInfo, world: Any, make_actor: Callable[..., Actor], other_actor: Actor
) -> None:
    call, _ = uncertain(actor, buyer, world[0])
    for somebody in (make_actor(organisation_id=actor.organisation_id), other_actor):
        with tenant_scope(somebody.organisation_id), pytest.raises(NotFound):
            services.settle_call(actor=somebody, call_id=call.id, happened=True)
    done = services.settle_call(actor=actor, call_id=call.id, happened=True)
    assert done.state is CallState.DONE
    with pytest.raises(Conflict):
        services.settle_call(actor=actor, call_id=call.id, happened=False, again=True)


def test_what_nobody_decides_ends_and_what_is_deleted_is_forgotten(actor: Actor, buyer: AgentInfo) -> None:
    _, first = waiting(actor, buyer)
    _, second = waiting(actor, buyer)
    services.delete_conversation(actor=actor, conversation_id=second.conversation_id)
    assert [row.message_id for row in PausedAnswer.objects.all()] == [first.id]
    PausedAnswer.objects.update(created_at=clock.now() - 2 * KEPT_FOR)
    assert services.give_up_old_answers() >= 1
    after = Message.objects.get(id=first.id)
    assert (after.finish, after.problem) == (FinishReason.FAILED, GIVEN_UP)


def test_an_answer_whose_document_is_deleted_while_it_waits_is_taken_back_and_does_not_go_on(
    actor: Actor, buyer: AgentInfo, world: Any
) -> None:
    document_id = uuid7()
    call, before = waiting(actor, buyer)
    steps = [*before.steps, {"kind": "tool", "name": "s", "seconds": 0.0, "detail": {READ: [str(document_id)]}}]
    Message.objects.filter(id=before.id).update(steps=steps)
    take_back(knowledge_base_id=uuid7(), document_ids=[document_id])
    assert not PausedAnswer.objects.filter(message_id=before.id).exists()
    services.decide_call(actor=actor, call_id=call.id, approve=True)
    outbox.drain()
    after = Message.objects.get(id=before.id)
    assert (after.text, after.finish) == (TAKEN_BACK, FinishReason.FAILED)
    assert (world[0].orders, world[1].told) == (1, [])


def test_what_the_model_has_seen_stays_with_the_owner_while_anothers_answer_goes_on(
    actor: Actor, other_actor: Actor, buyer: AgentInfo, world: Any
) -> None:
    version = services.publish_agent(actor=actor, agent_id=buyer.id)
    licence(actor, selectors.agent(actor, buyer.id), other_actor)
    with tenant_scope(other_actor.organisation_id):
        target = selectors.published_target(other_actor, buyer.slug)
        finished = services.answer(actor=other_actor, target=target, question=QUESTION)
        assert finished.message_id is not None
        assert not PausedAnswer.objects.filter(message_id=finished.message_id).exists()
        call = selectors.pending_calls(other_actor)[0]
    with tenant_scope(actor.organisation_id):
        assert PausedAnswer.objects.filter(message_id=finished.message_id).exists()
    services.update_agent(actor=actor, agent_id=buyer.id, changes=AgentChanges(tools=[]))
    services.publish_agent(actor=actor, agent_id=buyer.id)
    with tenant_scope(other_actor.organisation_id):
        services.decide_call(actor=other_actor, call_id=call.id, approve=True)
        outbox.drain()
        after = Message.objects.get(id=finished.message_id)
    # The version that began it ends it.
    assert (after.finish, after.agent_version_id) == (FinishReason.STOP, version.id)
    assert after.text.startswith('So it is: {"order": 1')
    assert world[0].orders == 1


@pytest.mark.parametrize("approve", [True, False])
def test_a_small_model_gives_the_result_or_answers_without_the_tool(
    actor: Actor, buyer: AgentInfo, world: Any, approve: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    the_shop = world[0]
    tool = selectors.agent(actor, buyer.id).config.tools[0].model_dump(mode="json")
    tool |= {"operations": ["placeOrder"], "examples": [QUESTION]}
    changes = AgentChanges(tools=[tool], model={"kind": "bundled"}, max_answer_tokens=16)
    services.update_agent(actor=actor, agent_id=buyer.id, changes=changes)

    # What the bundled model writes into the arguments is not what is tested here.
    async def filled(_question: str, _tool: Any) -> Filled:
        return Filled(BODY, "model")

    monkeypatch.setattr("apps.agents.tools.picking.fill", filled)
    call, before = waiting(actor, buyer)
    services.decide_call(actor=actor, call_id=call.id, approve=approve)
    outbox.drain()
    after = Message.objects.get(id=before.id)
    assert the_shop.orders == int(approve)
    assert after.finish != FinishReason.WAITING
    assert ("shop_placeorder answered" in after.text) == approve
    assert "would like to call" not in after.text
