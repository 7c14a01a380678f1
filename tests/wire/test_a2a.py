"""A2A by the `a2a-sdk` client: cards, messages, streams, tasks, and the errors of the specification."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.helpers.proto_helpers import get_artifact_text, get_message_text, new_text_message
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Role,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskPushNotificationConfig,
    TaskState,
)
from a2a.utils.errors import (
    PushNotificationNotSupportedError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)

from apps.agents.models import RemoteTask
from apps.agents.servers.calls import in_thread
from apps.agents.types import AgentInfo
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor, KeyScope

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "What is the notice period?"


def message(text: str, **places: str) -> SendMessageRequest:
    asked = new_text_message(text, role=Role.ROLE_USER)
    for name, value in places.items():
        setattr(asked, name, value)
    return SendMessageRequest(message=asked)


@asynccontextmanager
async def connected(url: str, slug: str, key: str, *, streaming: bool = True) -> AsyncIterator[Client]:
    """The client of an agent, by its card alone."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=60) as http:
        card = await A2ACardResolver(http, f"{url}/a/{slug}").get_agent_card()
        for interface in card.supported_interfaces:  # the tests' server is on a port of its own
            interface.url = url + httpx.URL(interface.url).path
        yield ClientFactory(ClientConfig(streaming=streaming, httpx_client=http)).create(card)


async def events(client: Client, request: SendMessageRequest) -> list[StreamResponse]:
    return [event async for event in client.send_message(request)]


def folded(found: list[StreamResponse]) -> tuple[str, Any]:
    """The answer's text as a client puts it together, and the last status."""
    text, status = "", None
    for event in found:
        if event.HasField("artifact_update") and event.artifact_update.artifact.artifact_id == "answer":
            piece = get_artifact_text(event.artifact_update.artifact)
            text = text + piece if event.artifact_update.append else piece
        elif event.HasField("status_update"):
            status = event.status_update.status
    return text, status


async def test_a_message_is_answered_as_a_finished_task(
    actor: Actor, published: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    key = await in_thread(key_of, actor)
    async with connected(asgi_url, published.slug, key, streaming=False) as client:
        found = await events(client, message(QUESTION))
        task: Task = found[-1].task
        assert task.status.state == TaskState.TASK_STATE_COMPLETED
        answer = next(artifact for artifact in task.artifacts if artifact.artifact_id == "answer")
        assert "three months" in get_artifact_text(answer)
        assert [artifact.name for artifact in task.artifacts] == ["answer", "sources"]
        again = await client.get_task(GetTaskRequest(id=task.id))
        assert again.status.state == TaskState.TASK_STATE_COMPLETED
        listed = await client.list_tasks(ListTasksRequest(context_id=task.context_id))
        assert [item.id for item in listed.tasks] == [task.id]
        # What follows in the same context means what was asked before.
        more = await events(client, message("And again?", context_id=task.context_id))
        assert "three months" in get_artifact_text(more[-1].task.artifacts[0])
        with pytest.raises(TaskNotCancelableError):
            await client.cancel_task(CancelTaskRequest(id=task.id))
    async with connected(asgi_url, published.slug, key) as watcher:
        with pytest.raises(UnsupportedOperationError):
            await anext(watcher.subscribe(SubscribeToTaskRequest(id=task.id)))


async def test_a_stream_grows_the_answer_word_by_word(
    actor: Actor, writer: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    key = await in_thread(key_of, actor)
    async with connected(asgi_url, writer.slug, key) as client:
        found = await events(client, message("How long do I have to return an item?"))
        text, status = folded(found)
        assert len([event for event in found if event.HasField("artifact_update")]) > 3
        assert status is not None
        assert status.state == TaskState.TASK_STATE_COMPLETED
        kept = await client.get_task(GetTaskRequest(id=found[0].task.id))
        assert get_artifact_text(kept.artifacts[0]) == text


async def test_a_task_can_be_left_watched_again_and_cancelled(
    actor: Actor, writer: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    key = await in_thread(key_of, actor)
    async with (
        connected(asgi_url, writer.slug, key, streaming=False) as client,
        connected(asgi_url, writer.slug, key) as watcher,
    ):
        request = message("How long do I have to return an item?")
        request.configuration.return_immediately = True
        task = (await events(client, request))[-1].task
        watched = watcher.subscribe(SubscribeToTaskRequest(id=task.id))
        first = await anext(watched)
        assert first.task.id == task.id
        cancelled = await client.cancel_task(CancelTaskRequest(id=task.id))
        assert cancelled.status.state == TaskState.TASK_STATE_CANCELED
        states = [event.status_update.status.state async for event in watched if event.HasField("status_update")]
        assert states[-1:] == [TaskState.TASK_STATE_CANCELED]


async def test_what_the_agent_does_not_do_is_an_error_of_the_specification(
    actor: Actor, other_actor: Actor, published: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    key = await in_thread(key_of, actor)
    async with connected(asgi_url, published.slug, key, streaming=False) as client:
        with pytest.raises(TaskNotFoundError):
            await client.get_task(GetTaskRequest(id=str(uuid4())))
        config = TaskPushNotificationConfig(task_id="t", url="https://example.org/hook")
        with pytest.raises(PushNotificationNotSupportedError):
            await client.create_task_push_notification_config(config)
        refused = (await events(client, message("word " * 4000)))[-1].task
        assert refused.status.state == TaskState.TASK_STATE_REJECTED
        assert "Shorten it" in get_message_text(refused.status.message)
        assert refused.status.message.metadata["code"] == "prompt_too_long"


async def test_a_task_is_its_callers_alone(
    actor: Actor, published: AgentInfo, writer: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    key = await in_thread(key_of, actor)
    async with connected(asgi_url, published.slug, key, streaming=False) as client:
        task = (await events(client, message(QUESTION)))[-1].task
    async with connected(asgi_url, writer.slug, key, streaming=False) as other_agent:
        with pytest.raises(TaskNotFoundError):
            await other_agent.get_task(GetTaskRequest(id=task.id))

    def stored() -> int:
        with tenant_scope(actor.organisation_id):
            return RemoteTask.objects.filter(task_id=task.id).count()

    assert await in_thread(stored) == 1


async def rpc(url: str, path: str, body: Any, key: str = "", **headers: str) -> httpx.Response:
    sent = headers | ({"Authorization": f"Bearer {key}"} if key else {})
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        return await http.post(url + path, json=body, headers=sent)


async def test_keys_and_quotas_are_answered_by_http(
    actor: Actor, other_actor: Actor, published: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:

    async def make(owner: Actor, **limits: Any) -> str:
        return await in_thread(key_of, owner, **limits)

    path = f"/a/{published.slug}/a2a"
    call = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "t"}}
    nobody = await rpc(asgi_url, path, call)
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
    assert (await rpc(asgi_url, path, call, await make(other_actor))).status_code == 404
    assert (await rpc(asgi_url, path, call, await make(actor, scopes=(KeyScope.MANAGE,)))).status_code == 403
    once = await make(actor, requests_per_day=1)
    answers = [await rpc(asgi_url, path, call, once, **{"A2A-Version": "1.0"}) for _ in range(2)]
    assert answers[0].json()["error"]["code"] == -32001
    assert answers[1].status_code == 429
    assert int(answers[1].headers["retry-after"]) >= 1
    assert (await rpc(asgi_url, path, "x" * 1_100_000, once)).status_code == 413


async def test_malformed_calls_have_the_codes_of_json_rpc(
    actor: Actor, published: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    key = await in_thread(key_of, actor)

    async def code(body: Any) -> int:
        answer = await rpc(asgi_url, f"/a/{published.slug}/a2a", body, key, **{"A2A-Version": "1.0"})
        return int(answer.json()["error"]["code"])

    assert await code({"jsonrpc": "2.0", "id": 1, "method": "Nothing"}) == -32601
    assert await code({"id": 1, "method": "GetTask"}) == -32600
    assert await code({"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": {}}}) == -32602


async def test_the_older_protocol_is_answered_at_the_same_address(
    actor: Actor, published: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    key = await in_thread(key_of, actor)
    parts = [{"kind": "text", "text": QUESTION}]
    asked = {"role": "user", "kind": "message", "messageId": "m1", "parts": parts}
    call = {"jsonrpc": "2.0", "id": 7, "method": "message/send", "params": {"message": asked}}
    told = (await rpc(asgi_url, f"/a/{published.slug}/a2a", call, key)).json()
    assert told["result"]["status"]["state"] == "completed"
    assert "three months" in told["result"]["artifacts"][0]["parts"][0]["text"]


async def test_the_platform_answers_for_an_agent_that_the_call_names(
    actor: Actor, published: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    key = await in_thread(key_of, actor)
    asked = {"role": "ROLE_USER", "messageId": "m1", "parts": [{"text": QUESTION}]}
    call = {"jsonrpc": "2.0", "id": 7, "method": "SendMessage", "params": {"message": asked, "tenant": published.slug}}
    told = (await rpc(asgi_url, "/a2a", call, key, **{"A2A-Version": "1.0"})).json()
    assert told["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
    del call["params"]["tenant"]  # type: ignore[attr-defined]  # a dict
    assert (await rpc(asgi_url, "/a2a", call, key)).status_code == 422


async def test_an_agent_that_is_not_for_sale_shows_its_card_to_its_owner_only(
    actor: Actor, published: AgentInfo, key_of: Callable[..., str], asgi_url: str, offered: Any
) -> None:
    from tests.apps.agents.conftest import offer_of

    key = await in_thread(key_of, actor)
    url = f"{asgi_url}/a/{published.slug}/.well-known/agent-card.json"
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        assert (await http.get(url)).status_code == 404
        own = await http.get(url, headers={"Authorization": f"Bearer {key}"})
        assert own.json()["skills"][0]["id"] == published.slug
        assert own.json()["supportedInterfaces"][0]["protocolVersion"] == "1.0"
        assert own.json()["capabilities"]["streaming"] is True
        assert published.asset_id is not None
        offered[published.asset_id] = offer_of(published.asset_id)
        seen = await http.get(url)
        assert seen.json() == own.json()
        assert (await http.get(url, headers={"If-None-Match": seen.headers["etag"]})).status_code == 304
        platform = (await http.get(f"{asgi_url}/.well-known/agent-card.json")).json()
        assert published.slug in [skill["id"] for skill in platform["skills"]]
