"""An agent over a real knowledge base, and the real ASGI server for streaming."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from apps.agents import offers, services
from apps.agents.types import AgentInfo, Offer
from apps.core import outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor

START_TIMEOUT_S = 60


@pytest.fixture
def make_agent(runner: object) -> Callable[..., AgentInfo]:
    """`make_agent(actor, template="support-desk")`: a draft whose example document is ready."""

    def make(actor: Actor, template: str = "support-desk", **options: Any) -> AgentInfo:
        with tenant_scope(actor.organisation_id):
            agent = services.create_agent_from_template(actor=actor, template_key=template, **options)
            outbox.drain()
            return agent

    return make


@pytest.fixture
def agent(actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    """A support desk with its example document."""
    return make_agent(actor)


@pytest.fixture
def offered() -> Iterator[dict[UUID, Offer]]:
    """The offers that the marketplace would know; empty at first."""
    known: dict[UUID, Offer] = {}
    before = offers._finder
    offers.set_offer_finder(known.get)
    yield known
    offers.set_offer_finder(before)


def offer_of(asset_id: UUID) -> Offer:
    """Somewhere to buy it for 9 dollars."""
    return Offer(f"http://testserver/marketplace/{asset_id}/", Money(900))


def text_file(name: str, text: str) -> Any:
    """An upload as a test client takes it."""
    file = io.BytesIO(text.encode())
    file.name = name
    return file


@pytest.fixture(scope="session")
def asgi_url(django_db_setup: None) -> Iterator[str]:
    """The application behind a real ASGI server on a loopback port."""
    import uvicorn
    from django.conf import settings

    settings.ALLOWED_HOSTS.append("127.0.0.1")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config("sahara_platform.asgi:application", lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the ASGI server did not start")
        time.sleep(0.05)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=60)
    listener.close()
