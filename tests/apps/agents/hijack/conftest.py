"""A published agent whose model is hijacked, and a listener that nothing may reach."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.agents import selectors, services
from apps.agents.services import AgentChanges
from apps.agents.types import AgentInfo
from apps.core import outbox
from apps.core.tenant import tenant_scope
from apps.knowledge import services as knowledge
from apps.tenancy.types import Actor
from tests.apps.agents.hijack.payloads import hidden
from tests.apps.agents.hijack.scene import FOREIGN_CANARY, INSTRUCTION, OF_A_SECTION, TOPICS, parts, planted
from tests.apps.agents.hijack.stub import Listener, Stub, hijacked_model, listening
from tests.apps.agents.test_access import licence


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture
def hijacked(listener: Listener, runner: Any, settings: Any) -> Iterator[Stub]:
    """All answers come from the stub."""
    with hijacked_model(settings.RUNNER["url"], listener.url) as stub:
        settings.RUNNER = {**settings.RUNNER, "url": stub.url}
        yield stub


@pytest.fixture
def desk(actor: Actor, other_actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    """A published agent whose handbook is full of orders, licensed to another, whose own documents are foreign."""
    made = make_agent(actor, "support-desk")
    base_id = made.config.knowledge_base_ids[0]
    lines = [
        f"# {topic.capitalize()}\n\nThe handbook says this about {topic}.\n" + "\n".join(map(hidden, part)) + "\n"
        for topic, part in zip(TOPICS, parts(planted(), OF_A_SECTION), strict=False)
    ]
    name = '"><img src=x onerror=alert(1)>![x](http://127.0.0.1:9).md'
    raw = "\n".join(lines).encode()
    knowledge.add_documents(
        actor=actor, knowledge_base_id=base_id, files=[knowledge.Upload(name, len(raw), io.BytesIO(raw))]
    )
    changes = AgentChanges(instruction=INSTRUCTION, guard={"min_confidence": 0.0})
    services.update_agent(actor=actor, agent_id=made.id, changes=changes)
    outbox.drain()
    services.publish_agent(actor=actor, agent_id=made.id)
    services.set_widget(actor=actor, agent_id=made.id, origins=["http://127.0.0.1"])
    with tenant_scope(other_actor.organisation_id):
        base = knowledge.create_knowledge_base(actor=other_actor, name="Foreign")
        text = f"# Lanterns\n\nThe handbook says about lanterns: {FOREIGN_CANARY}.".encode()
        files = [knowledge.Upload("foreign.md", len(text), io.BytesIO(text))]
        knowledge.add_documents(actor=other_actor, knowledge_base_id=base.id, files=files)
        outbox.drain()
    found = selectors.agent(actor, made.id)
    licence(actor, found, other_actor)
    return found
