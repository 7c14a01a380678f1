"""A foreign agent asked by our client: here one of our own, behind its public address."""

from __future__ import annotations

from typing import Any

import pytest

from apps.agents.remote import ask_remote_agent, remote_card
from apps.agents.types import AgentInfo
from apps.core.errors import DependencyFailed, InvalidInput
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "What is the notice period?"


@pytest.fixture
def address(asgi_url: str, published: AgentInfo, settings: Any) -> str:
    """Where the agent's card says that it is."""
    settings.PUBLIC_URL = asgi_url
    return f"{asgi_url}/a/{published.slug}"


def test_a_foreign_agent_tells_what_it_is_and_answers(
    actor: Actor, published: AgentInfo, address: str, key_of: Any
) -> None:
    key = key_of(actor)
    card = remote_card(address, secret=key, allow_loopback=True)
    assert (card.name, card.version) == (published.config.name, "1")
    first = ask_remote_agent(address, QUESTION, secret=key, allow_loopback=True)
    assert first.is_final
    assert "three months" in first.text
    more = ask_remote_agent(address, "And again?", secret=key, context_id=first.context_id, allow_loopback=True)
    assert "three months" in more.text


def test_what_it_refuses_is_our_callers_error(actor: Actor, address: str, key_of: Any) -> None:
    with pytest.raises(InvalidInput, match="refuses"):
        ask_remote_agent(address, "word " * 4000, secret=key_of(actor), allow_loopback=True)
    with pytest.raises(InvalidInput, match="no agent card"):
        remote_card(address, allow_loopback=True)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://example.org", "no address"])
def test_only_web_addresses_are_agents(url: str) -> None:
    with pytest.raises(InvalidInput):
        ask_remote_agent(url, QUESTION)


def test_an_agent_in_the_own_network_is_not_asked(actor: Actor, address: str, key_of: Any) -> None:
    for url in (address, "http://169.254.169.254", "http://[::1]:9", "http://10.0.0.1"):
        with pytest.raises((InvalidInput, DependencyFailed)) as caught:
            ask_remote_agent(url, QUESTION, secret=key_of(actor), timeout_s=5)
        assert "private" in caught.value.message


def test_the_secret_is_not_for_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    from apps.agents.remote import agents, transport

    sent: list[tuple[str, str | None]] = []

    async def record(self: Any, request: httpx.Request) -> httpx.Response:
        sent.append((request.url.host, request.headers.get("Authorization")))
        elsewhere = {"url": "https://elsewhere.example/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
        card = {"name": "n", "description": "d", "version": "1", "supportedInterfaces": [elsewhere], "skills": []}
        return httpx.Response(200, json=card | {"capabilities": {}}, request=request)

    monkeypatch.setattr(transport.CheckedTransport, "handle_async_request", record)
    with pytest.raises((InvalidInput, DependencyFailed)):
        agents.ask_remote_agent("https://agent.example", QUESTION, secret="s3cret")
    assert sent == [("agent.example", "Bearer s3cret"), ("elsewhere.example", None)]
