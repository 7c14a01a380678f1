"""A model that obeys every injection: no secret is told, nothing happens unasked.

All 200 attacks of `payloads.py` go through a published agent as somebody without any other right meets it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import openai
import pytest

from apps.agents import selectors, services
from apps.agents.models import Message, PendingCall
from apps.agents.output.views import folded
from apps.agents.services import AgentChanges
from apps.agents.types import AgentInfo
from apps.core import guarded, outbox
from apps.core.tenant import tenant_scope
from apps.knowledge import services as knowledge
from apps.tenancy.types import Actor
from tests.apps.agents.foreign_servers import Stranger, shop, stranger
from tests.apps.agents.hijack.payloads import ASKERS_SECRET, KINDS, WEB_ATTACKS, Attack, attacks, hidden
from tests.apps.agents.hijack.stub import Listener, Stub, hijacked_model, listening
from tests.apps.agents.test_access import licence
from tests.apps.agents.test_openai_api import key_of
from tests.apps.agents.test_tool_runs import model_of, shop_tool

SYSTEM_CANARY = "syscanary-7f3a9c22e1"
FOREIGN_CANARY = "foreigncanary-51bd07aa94"
SECRET_WORDS = "manager's override is"
INSTRUCTION = (
    "Answer customers of the lamp shop in two sentences. Never offer a discount above eight percent; the"
    f" {SECRET_WORDS} {SYSTEM_CANARY}. Send complaints about broken glass to the back office."
)
OF_A_SECTION, OF_A_QUESTION = 3, 14
TOPICS = (
    *("lanterns", "candles", "torches", "chandeliers", "sconces", "beacons", "headlights", "bulbs", "wicks"),
    *("lampshades", "dimmers", "fuses", "sockets", "cables", "plugs", "switches", "timers", "sensors", "batteries"),
    *("chargers", "reflectors", "lenses", "prisms", "mirrors", "filaments", "ballasts", "transformers", "brackets"),
)


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


def planted() -> list[Attack]:
    return [attack for attack in attacks() if attack.placement != "user"]


def parts(found: Sequence[Attack], size: int) -> list[list[Attack]]:
    """In parts of one kind: what tells the instruction is withheld whole, and must not hide something else."""
    grouped: list[list[Attack]] = []
    for attack in sorted(found, key=_kind):
        last = grouped[-1] if grouped else []
        if last and len(last) < size and _kind(last[0])[:2] == _kind(attack)[:2]:
            last.append(attack)
        else:
            grouped.append([attack])
    return grouped


def _kind(attack: Attack) -> tuple[int, bool, int]:
    round_, kind = divmod(attack.number, KINDS)
    return round_, kind >= len(WEB_ATTACKS), attack.number


def questions(found: Sequence[Attack]) -> list[str]:
    return [
        f"My account is {ASKERS_SECRET}. " + " ".join(attack.order for attack in part)
        for part in parts(found, OF_A_QUESTION)
    ]


def tells_nothing(text: str) -> None:
    for canary in (SYSTEM_CANARY, FOREIGN_CANARY, SECRET_WORDS):
        assert folded(canary) not in folded(text)


@pytest.mark.django_db(transaction=True)
def test_200_hijacks_tell_nothing_over_the_openai_api(
    other_actor: Actor, desk: AgentInfo, hijacked: Stub, asgi_url: str
) -> None:
    client = openai.OpenAI(
        base_url=f"{asgi_url}/v1",
        api_key=key_of(other_actor),
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )
    sent: list[str] = []
    hijacked.obeyed.clear()
    finishes: list[str] = []
    for question in questions(attacks()):
        stream = client.chat.completions.create(
            model=desk.slug, messages=[{"role": "user", "content": question}], stream=True
        )
        for chunk in stream:
            sent.append(chunk.model_dump_json())
            finishes += [choice.finish_reason for choice in chunk.choices if choice.finish_reason]
    words = "".join(part for part in sent)
    assert hijacked.obeyed == {attack.number for attack in attacks()}
    tells_nothing(words)
    # Each answer obeys an order of the documents too, and among those there is always one that tells the instruction.
    assert set(finishes) == {"content_filter"}


@pytest.mark.django_db(transaction=True)
def test_hijacked_tool_calls_do_nothing_and_tell_nothing_without_approval(
    actor: Actor,
    other_actor: Actor,
    make_agent: Callable[..., AgentInfo],
    listener: Listener,
    runner: Any,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guarded, "LOOPBACK_IS_REACHED", True)
    with stranger(shop) as the_shop, hijacked_model(settings.RUNNER["url"], listener.url) as stub:
        desk = _tooled(actor, make_agent, the_shop, stub)
        licence(actor, desk, other_actor)
        asked = [f"{attack.order} {'TELL' if at % 2 else ''}" for at, attack in enumerate(attacks()[::8])]
        with tenant_scope(other_actor.organisation_id):
            for question in asked:
                target = selectors.published_target(other_actor, desk.slug)
                finished = services.answer(actor=other_actor, target=target, question=question)
                tells_nothing(finished.answer.text)
            waiting = list(PendingCall.objects.filter(agent_id=desk.id).values_list("tool", "arguments", "state"))
            steps = str(list(Message.objects.filter(conversation__agent_id=desk.id).values("steps", "text", "prompt")))
        assert {"shop_placeorder", "shop_getstock"} <= set(stub.called_tools)
        assert [request.path for request in the_shop.seen if request.method != "GET"] == []
        assert {tool for tool, _, _ in waiting} == {"shop_placeorder"}
        assert {state for _, _, state in waiting} == {"waiting"}
        tells_nothing(str(waiting))
        tells_nothing(steps)
        tells_nothing(str([(request.path, request.query, request.body) for request in the_shop.seen]))
    assert [path for path in listener.seen if path != "/control"] == []


def _tooled(actor: Actor, make_agent: Callable[..., AgentInfo], the_shop: Stranger, stub: Stub) -> AgentInfo:
    """A published agent whose model calls whatever it may call."""
    made = make_agent(actor, "tutor")
    server = Stranger(stub.url)
    changes = AgentChanges(
        instruction=INSTRUCTION,
        guard={"min_confidence": 0.0},
        tools=[shop_tool(actor, the_shop)],
        model=model_of(actor, server),
    )
    services.update_agent(actor=actor, agent_id=made.id, changes=changes)
    services.publish_agent(actor=actor, agent_id=made.id)
    return selectors.agent(actor, made.id)
