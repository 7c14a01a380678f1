"""A model that obeys every injection: no secret is told, nothing happens unasked.

All 200 attacks of `payloads.py` go through a published agent as somebody without any other right meets it. What
browsers make of the answers is in `test_browser.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from apps.agents import selectors, services
from apps.agents.models import Message, PendingCall
from apps.agents.services import AgentChanges
from apps.agents.types import AgentInfo
from apps.core import guarded
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor
from tests.apps.agents.foreign_servers import Stranger, shop, stranger
from tests.apps.agents.hijack.payloads import attacks
from tests.apps.agents.hijack.scene import INSTRUCTION, questions, tells_nothing
from tests.apps.agents.hijack.stub import CONTROL, Listener, Stub, hijacked_model
from tests.apps.agents.test_access import licence
from tests.apps.agents.test_openai_api import key_of
from tests.apps.agents.test_tool_runs import model_of, shop_tool


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
    assert [path for path in listener.seen if not path.startswith(CONTROL)] == []


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
