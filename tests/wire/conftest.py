"""A published agent behind the real ASGI server, and the clients that other people wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import openai
import pytest

from apps.agents import selectors, services
from apps.agents.types import AgentInfo
from apps.core.tenant import tenant_scope
from apps.tenancy.services import issue_api_key
from apps.tenancy.types import Actor, KeyWishes
from tests.apps.agents.conftest import agent, asgi_url, make_agent, offered

__all__ = ["agent", "asgi_url", "make_agent", "offered"]


@pytest.fixture
def published(actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    """An agent that quotes a contract; it needs no language model."""
    reader = make_agent(actor, "contract-reader")
    services.publish_agent(actor=actor, agent_id=reader.id)
    return selectors.agent(actor, reader.id)


@pytest.fixture
def writer(actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    """An agent whose language model writes."""
    desk = make_agent(actor, "support-desk")
    services.publish_agent(actor=actor, agent_id=desk.id)
    return selectors.agent(actor, desk.id)


@pytest.fixture
def key_of() -> Callable[..., str]:
    """`key_of(actor, **limits)`: a key's secret."""

    def make(actor: Actor, **limits: Any) -> str:
        with tenant_scope(actor.organisation_id):
            return issue_api_key(actor=actor, name="wire", wishes=KeyWishes("wire", **limits)).secret

    return make


@pytest.fixture
def openai_of(asgi_url: str, key_of: Callable[..., str]) -> Iterator[Callable[..., openai.OpenAI]]:
    """`openai_of(actor, **limits)`: OpenAI's client with a key of the actor's."""
    with ExitStack() as opened:

        def make(actor: Actor, **limits: Any) -> openai.OpenAI:
            return opened.enter_context(openai_client(asgi_url, key_of(actor, **limits)))

        yield make


def openai_client(url: str, key: str) -> openai.OpenAI:
    """OpenAI's client, without retries and without the environment's proxy."""
    http = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, http_client=http)
