"""`/v1/chat/completions` and `/v1/models` by the real `openai` client over a real ASGI server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import openai
import pytest

from apps.agents import selectors, services
from apps.agents.models import AgentUsage
from apps.agents.types import AgentInfo, Offer
from apps.assets import services as assets
from apps.assets.types import AccessRight
from apps.core.tenant import tenant_scope
from apps.tenancy.services import issue_api_key
from apps.tenancy.types import Actor
from tests.apps.agents.conftest import offer_of

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION: Any = [{"role": "user", "content": "What is the notice period?"}]


@pytest.fixture
def published(actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    reader = make_agent(actor, "contract-reader")
    services.publish_agent(actor=actor, agent_id=reader.id)
    return selectors.agent(actor, reader.id)


@pytest.fixture
def client_of(asgi_url: str) -> Callable[[Actor], openai.OpenAI]:
    def make(actor: Actor) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=f"{asgi_url}/v1",
            api_key=key_of(actor),
            max_retries=0,
            http_client=openai.DefaultHttpxClient(trust_env=False),
        )

    return make


def key_of(actor: Actor) -> str:
    with tenant_scope(actor.organisation_id):
        return issue_api_key(actor=actor, name="openai").secret


def test_a_whole_answer_has_usage_and_sources(actor: Actor, published: AgentInfo, client_of: Any) -> None:
    answer = client_of(actor).chat.completions.create(model=published.slug, messages=QUESTION)
    assert "three months" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == published.slug
    assert answer.usage.prompt_tokens > 0
    assert answer.sources[0]["quote"].startswith("The notice period is three months")
    with tenant_scope(actor.organisation_id):
        assert AgentUsage.objects.filter(agent_id=published.id).count() == 1


def test_a_stream_ends_with_usage(actor: Actor, make_agent: Callable[..., AgentInfo], client_of: Any) -> None:
    desk = make_agent(actor, "support-desk")
    with tenant_scope(actor.organisation_id):
        services.publish_agent(actor=actor, agent_id=desk.id)
    stream = client_of(actor).chat.completions.create(
        model=desk.slug,
        messages=[{"role": "user", "content": "How long do I have to return an item?"}],
        stream=True,
        stream_options={"include_usage": True},
        max_tokens=40,
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.strip()
    assert len([chunk for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]) > 3
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] in ("stop", "length")
    assert 0 < chunks[-1].usage.completion_tokens <= 40
    assert chunks[-2].sources[0]["document"] == "Example help-pages.md"


def test_models_are_the_agents_that_the_key_may_use(
    actor: Actor, other_actor: Actor, published: AgentInfo, client_of: Any
) -> None:
    assert [model.id for model in client_of(actor).models.list().data] == [published.slug]
    assert client_of(actor).models.retrieve(published.slug).id == published.slug
    assert client_of(other_actor).models.list().data == []
    with pytest.raises(openai.NotFoundError):
        client_of(other_actor).models.retrieve(published.slug)


def test_without_a_licence_it_is_402_with_the_place_to_buy(
    actor: Actor, other_actor: Actor, published: AgentInfo, client_of: Any, offered: dict[UUID, Offer]
) -> None:
    assert published.asset_id is not None
    offered[published.asset_id] = offer_of(published.asset_id)
    for stream in (False, True):
        with pytest.raises(openai.APIStatusError) as caught:
            client_of(other_actor).chat.completions.create(model=published.slug, messages=QUESTION, stream=stream)
        assert caught.value.status_code == 402
        assert caught.value.code == "license_required"
        body: Any = caught.value.body
        assert body["buy_url"].endswith(f"/marketplace/{published.asset_id}/")
        assert body["price"]["amount_minor"] == "900"
    with tenant_scope(actor.organisation_id):
        assets.grant_access(
            actor=actor,
            asset_id=published.asset_id,
            grantee_id=other_actor.organisation_id,
            right=AccessRight.USE,
            source_type="test.licence",
            source_id="1",
        )
    answer = client_of(other_actor).chat.completions.create(model=published.slug, messages=QUESTION)
    assert "three months" in answer.choices[0].message.content


def test_unknown_agents_keys_and_messages_are_refused(
    actor: Actor, other_actor: Actor, published: AgentInfo, client_of: Any, asgi_url: str
) -> None:
    with pytest.raises(openai.NotFoundError):
        client_of(other_actor).chat.completions.create(model=published.slug, messages=QUESTION)
    with pytest.raises(openai.NotFoundError):
        client_of(actor).chat.completions.create(model="no-such-agent", messages=QUESTION)
    stranger = openai.OpenAI(
        base_url=f"{asgi_url}/v1",
        api_key="sk_wrong",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()
    bad: list[Any] = [
        [{"role": "assistant", "content": "I begin"}],
        [{"role": "user", "content": ""}],
        [{"role": "robot", "content": "x"}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}],
        [{"role": "user", "content": "word " * 4000}],
    ]
    for messages in bad:
        with pytest.raises(openai.BadRequestError):
            client_of(actor).chat.completions.create(model=published.slug, messages=messages)


def test_a_runner_that_is_down_is_503_with_retry_after(
    actor: Actor, published: AgentInfo, client_of: Any, settings: Any
) -> None:
    settings.RUNNER = {"url": "http://127.0.0.1:9", "token": "nobody-listens-there"}
    for stream in (False, True):
        with pytest.raises(openai.InternalServerError) as caught:
            client_of(actor).chat.completions.create(model=published.slug, messages=QUESTION, stream=stream)
        assert caught.value.status_code == 503
        assert caught.value.response.headers["retry-after"]


def test_the_errors_are_problem_documents_too(actor: Actor, asgi_url: str, published: AgentInfo) -> None:
    answer = httpx.post(
        f"{asgi_url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {key_of(actor)}"},
        json={"model": "none", "messages": QUESTION},
        trust_env=False,
    )
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["code"] == answer.json()["error"]["code"] == "agent_not_found"


def test_a_reader_who_goes_away_stops_the_model_and_leaves_a_record(
    actor: Actor, make_agent: Callable[..., AgentInfo], asgi_url: str
) -> None:
    desk = make_agent(actor, "support-desk")
    with tenant_scope(actor.organisation_id):
        services.publish_agent(actor=actor, agent_id=desk.id)
    body = {
        "model": desk.slug,
        "stream": True,
        "messages": [{"role": "user", "content": "How long do I have to return an item?"}],
    }
    headers = {"Authorization": f"Bearer {key_of(actor)}"}
    url = f"{asgi_url}/v1/chat/completions"
    with (
        httpx.Client(trust_env=False, timeout=60) as client,
        client.stream("POST", url, json=body, headers=headers) as answer,
    ):
        lines = answer.iter_lines()
        first = json.loads(next(lines).removeprefix("data: "))
        assert first["object"] == "chat.completion.chunk"
    import time

    deadline = time.monotonic() + 60
    with tenant_scope(actor.organisation_id):
        while not AgentUsage.objects.filter(agent_id=desk.id).exists():
            assert time.monotonic() < deadline, "the call left no record"
            time.sleep(0.2)
