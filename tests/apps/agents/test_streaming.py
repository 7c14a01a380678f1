"""Answers that outlive their connection: followed again, stopped, over server-sent events and a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator

from apps.agents import selectors, streaming
from apps.agents.chat_socket import ChatConsumer
from apps.agents.errors import ConversationBusy
from apps.agents.models import Message
from apps.agents.streaming import LoggedEvent
from apps.agents.streaming.log import AnswerLog
from apps.agents.types import AgentInfo
from apps.core.errors import NotFound
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db

QUESTION = "How long do I have to return an item?"


def begin(actor: Actor, agent: AgentInfo, conversation_id: UUID | None = None) -> Any:
    target = selectors.draft_target(actor, agent.id)
    return streaming.begin(actor=actor, target=target, conversation_id=conversation_id, question=QUESTION)


async def read(answer_id: UUID, after: str = streaming.BEGINNING, until: str = "") -> list[LoggedEvent]:
    found = []
    async for event in streaming.follow(answer_id, after):
        if event is not None:
            found.append(event)
            if event.name == until:
                break
    return found


def test_a_lost_connection_goes_on_behind_the_last_event(actor: Actor, agent: AgentInfo) -> None:
    async def scenario() -> tuple[list[LoggedEvent], list[LoggedEvent]]:
        answer_id, begun = await sync_to_async(begin)(actor, agent)
        task = streaming.start(answer_id, begun)
        before = await read(answer_id, until="delta")
        after = await read(answer_id, before[-1].id)
        await task
        return before, after

    before, after = async_to_sync(scenario)()
    assert [event.name for event in before] == ["found", "started", "delta"]
    assert before[0].data["sources"]
    assert before[1].data["quote"]
    assert after[-1].name == "finished"
    assert all(event.name == "delta" for event in after[:-1])
    ids = [event.id for event in (*before, *after)]
    assert len(ids) == len(set(ids))
    stored = Message.objects.get(id=after[-1].data["message"])
    assert stored.finish in ("stop", "length")
    assert [step["kind"] for step in stored.steps] == ["search", "read", "model"]
    assert stored.prompt[0]["role"] == "system"


def test_a_stopped_answer_keeps_what_was_written(actor: Actor, agent: AgentInfo) -> None:
    async def scenario() -> list[LoggedEvent]:
        answer_id, begun = await sync_to_async(begin)(actor, agent)
        task = streaming.start(answer_id, begun)
        before = await read(answer_id, until="delta")
        await sync_to_async(streaming.ask_to_stop)(answer_id)
        after = await read(answer_id, before[-1].id)
        await task
        return before + after

    events = async_to_sync(scenario)()
    assert events[-1].data["finish"] == "cancelled"
    stored = Message.objects.get(id=events[-1].data["message"])
    written = "".join(event.data["text"] for event in events if event.name == "delta")
    assert stored.text == written
    assert stored.finish == "cancelled"


def test_a_second_tab_hears_that_an_answer_is_being_written(actor: Actor, agent: AgentInfo) -> None:
    async def scenario() -> tuple[UUID, UUID, str | None]:
        answer_id, begun = await sync_to_async(begin)(actor, agent)
        conversation_id = begun.conversation_id
        assert conversation_id is not None
        with pytest.raises(ConversationBusy) as caught:
            await sync_to_async(begin)(actor, agent, conversation_id)
        current = await sync_to_async(streaming.answering_in)(conversation_id)
        assert current is not None
        await streaming.start(answer_id, begun)
        after = await sync_to_async(streaming.answering_in)(conversation_id)
        assert after is None
        return answer_id, current, caught.value.context["answer"]

    answer_id, current, said = async_to_sync(scenario)()
    assert answer_id == current == UUID(said)


def test_an_answer_ends_also_where_a_library_swallows_the_end_of_its_watch(
    actor: Actor, agent: AgentInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`asyncio.wait_for` of Python 3.11 loses a cancellation that comes as what it waits for ends."""

    async def deaf(_: AnswerLog) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    monkeypatch.setattr(AnswerLog, "say_alive", deaf)

    async def scenario() -> None:
        answer_id, begun = await sync_to_async(begin)(actor, agent)
        await asyncio.wait_for(streaming.start(answer_id, begun), timeout=60)

    async_to_sync(scenario)()


def test_nobody_else_can_follow_an_answer(actor: Actor, other_actor: Actor, agent: AgentInfo) -> None:
    answer_id, _ = begin(actor, agent)
    streaming.check_owner(actor, answer_id)
    with pytest.raises(NotFound):
        streaming.check_owner(other_actor, answer_id)


def test_an_answer_whose_writer_is_gone_ends_in_words(
    actor: Actor, agent: AgentInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.agents.streaming.log.ALIVE_S", 1)
    monkeypatch.setattr("apps.agents.streaming.running.WAIT_MS", 1500)
    answer_id, _ = begin(actor, agent)  # and nobody gives it
    events = async_to_sync(read)(answer_id)
    assert [event.name for event in events] == ["failed"]
    assert events[0].data["code"] == "answer_lost"


class Socket:
    """A WebSocket to the consumer, as the server speaks with it."""

    def __init__(self, actor: Actor | None) -> None:
        scope: dict[str, Any] = {"type": "websocket", "path": "/ws/chat/", "actor": actor, "headers": []}
        self.wire = ApplicationCommunicator(ChatConsumer.as_asgi(), scope)

    async def open(self) -> bool:
        await self.wire.send_input({"type": "websocket.connect"})
        answer = await self.wire.receive_output(60)
        return bool(answer["type"] == "websocket.accept")

    async def say(self, **message: Any) -> None:
        await self.wire.send_input({"type": "websocket.receive", "text": json.dumps(message)})

    async def hear(self) -> Any:
        return json.loads((await self.wire.receive_output(60))["text"])

    async def close(self) -> None:
        await self.wire.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wire.wait(60)


@pytest.mark.django_db(transaction=True)
def test_the_socket_hears_the_same_events(actor: Actor, make_agent: Callable[..., AgentInfo]) -> None:
    reader = make_agent(actor, "contract-reader")

    async def scenario() -> list[Any]:
        socket = Socket(actor)
        assert await socket.open()
        await socket.say(ask={"agent": "no-id", "question": "?"})
        heard = [await socket.hear()]
        await socket.say(ask={"agent": str(reader.id), "question": "What is the notice period?"})
        while heard[-1]["event"] != "finished":
            heard.append(await socket.hear())
        await socket.say(resume={"answer": heard[-1]["answer"], "after": heard[1]["id"]})
        heard.append(await socket.hear())
        await socket.close()
        return heard

    heard = async_to_sync(scenario)()
    assert [item["event"] for item in heard] == ["failed", "found", "started", "delta", "finished", "started"]
    assert "three months" in json.dumps(heard[3]["data"])


def test_a_visitor_gets_no_socket() -> None:
    assert not asyncio.run(Socket(None).open())
