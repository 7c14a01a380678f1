"""An A/B test as programs meet it: the same caller, user, conversation or context always gets the same version."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from apps.agents import selectors, services
from apps.agents.models import AbTestAnswer
from apps.agents.servers.calls import in_thread
from apps.agents.services import AgentChanges
from apps.agents.types import AbTestInfo, AgentInfo
from apps.core import outbox
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor
from tests.wire.test_a2a import connected as a2a_client
from tests.wire.test_a2a import events, message
from tests.wire.test_mcp import connected as mcp_client

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "What is the notice period?"
ASKED: Any = [{"role": "user", "content": QUESTION}]
USERS = [f"user {number}" for number in range(12)]


@pytest.fixture
def halves(actor: Actor, published: AgentInfo) -> AbTestInfo:
    """Version 1 and the draft as version 2, half and half."""
    with tenant_scope(actor.organisation_id):
        services.update_agent(actor=actor, agent_id=published.id, changes=AgentChanges(passages=2))
        return services.start_ab_test(actor=actor, agent_id=published.id, shares={1: 50, 0: 50})


def counted(actor: Actor, test: AbTestInfo) -> list[tuple[str, str]]:
    """Subject and version of each answer, in order."""
    with tenant_scope(actor.organisation_id):
        rows = AbTestAnswer.objects.filter(ab_test_id=test.id).order_by("id")
        return [(row.subject, str(row.version_id)) for row in rows]


def test_chat_completions_keep_each_user_with_one_version(
    actor: Actor, published: AgentInfo, halves: AbTestInfo, openai_of: Any
) -> None:
    ask = openai_of(actor).chat.completions.create
    first = [ask(model=published.slug, messages=ASKED, user=user).system_fingerprint for user in USERS]
    again = [ask(model=published.slug, messages=ASKED, safety_identifier=user).system_fingerprint for user in USERS]
    assert first == again
    assert len(set(first)) == 2
    assert len({ask(model=published.slug, messages=ASKED).system_fingerprint for _ in range(4)}) == 1
    found = counted(actor, halves)
    assert len(found) == 28
    assert len({subject for subject, _ in found}) == len(set(found)) == 13
    assert not any(user in json.dumps(found) for user in USERS)


def test_responses_keep_their_version_also_when_continued_and_in_the_background(
    actor: Actor, published: AgentInfo, halves: AbTestInfo, openai_of: Any
) -> None:
    create = openai_of(actor).responses.create
    for user in USERS[:4]:
        first = create(model=published.slug, input=QUESTION, user=user)
        create(model=published.slug, input=QUESTION, previous_response_id=first.id)
        create(model=published.slug, input=QUESTION, safety_identifier=user, background=True)
    with tenant_scope(actor.organisation_id):
        outbox.drain()
    found = counted(actor, halves)
    assert len(found) == 12
    assert len(set(found)) == 4


async def test_a2a_contexts_and_mcp_callers_keep_their_version(
    actor: Actor, published: AgentInfo, halves: AbTestInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    key = await in_thread(key_of, actor)
    contexts = [str(uuid4()) for _ in range(3)]
    async with a2a_client(asgi_url, published.slug, key) as client:
        for context in contexts * 2:
            await events(client, message(QUESTION, context_id=context))
    async with mcp_client(asgi_url, published.slug, key) as client:
        for _ in range(2):
            await client.call_tool("ask", {"question": QUESTION})
    found = await in_thread(counted, actor, halves)
    assert len(found) == 8
    assert found[:3] == found[3:6]
    assert len(set(found[:3])) == 3
    assert found[6] == found[7]


def test_the_widgets_visitors_keep_their_version(
    actor: Actor, published: AgentInfo, halves: AbTestInfo, asgi_url: str
) -> None:
    with tenant_scope(actor.organisation_id):
        services.set_widget(actor=actor, agent_id=published.id, origins=["https://shop.example"])
    for _ in range(3):
        frame = httpx.get(f"{asgi_url}/a/{published.slug}/embed/", trust_env=False)
        ticket = frame.text.split('data-ticket="')[1].split('"')[0]
        for _ in range(2):
            said = httpx.post(
                f"{asgi_url}/a/{published.slug}/embed/chat/",
                json={"messages": ASKED},
                headers={"X-Widget-Ticket": ticket},
                trust_env=False,
                timeout=60,
            )
            assert "three months" in said.text
    found = counted(actor, halves)
    assert [found[0], found[2], found[4]] == [found[1], found[3], found[5]]
    assert len({subject for subject, _ in found}) == 3


def test_the_live_version_answers_all_when_the_test_has_ended(
    actor: Actor, published: AgentInfo, halves: AbTestInfo, openai_of: Any
) -> None:
    with tenant_scope(actor.organisation_id):
        services.choose_version(actor=actor, agent_id=published.id, ab_test_id=halves.id, number=2)
        chosen = selectors.versions(actor, published.id)[0].config.digest()
    ask = openai_of(actor).chat.completions.create
    told = {ask(model=published.slug, messages=ASKED, user=user).system_fingerprint for user in USERS[:5]}
    assert told == {f"fp_{chosen[:12]}"}
    assert counted(actor, halves) == []
