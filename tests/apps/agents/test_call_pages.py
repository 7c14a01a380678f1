"""A call with side effects in the chat: shown, decided by keyboard, there again after a reload, made once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from apps.agents import selectors, services
from apps.agents.models import PendingCall
from apps.agents.services import AgentChanges
from apps.agents.types import AgentInfo, ConnectionKind, PendingCallInfo
from apps.core import clock, guarded, outbox
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor
from tests.apps.agents.foreign_servers import SHOP_DOCUMENT, Seen, Stranger, chat_chunks, shop, stranger
from tests.apps.agents.test_answers_go_on import read
from tests.chromium import launched, new_context

QUESTION = "Order two lamps."
GOES_ON, STAYS = "Your order 1 is placed.", "Then I order nothing."


@pytest.fixture(autouse=True)
def _loopback_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "LOOPBACK_IS_REACHED", True)


def ordering(seen: Seen) -> tuple[int, bytes]:
    """A model that orders at once whatever it is told."""
    told = seen.json()["messages"][-1]
    if told["role"] == "tool":
        return 200, chat_chunks(GOES_ON if '"order": 1' in told["content"] else STAYS)
    return 200, chat_chunks(call=("shop_placeorder", {"body": {"item": "lamp <b>", "count": 2}}))


@pytest.fixture
def the_shop() -> Iterator[Stranger]:
    with stranger(shop) as found:
        yield found


@pytest.fixture
def buyer(actor: Actor, the_shop: Stranger, runner: object) -> Iterator[AgentInfo]:
    """An agent whose model wants to place an order."""
    with stranger(ordering, "text/event-stream") as server, tenant_scope(actor.organisation_id):
        made = services.create_agent_from_template(actor=actor, template_key="tutor", knowledge_base_ids=[])
        shopping = services.create_connection(
            actor=actor, kind=ConnectionKind.HTTP, name="Shop", url=the_shop.url, document=SHOP_DOCUMENT, secret="k"
        )
        model = services.create_connection(actor=actor, kind=ConnectionKind.MODEL, name="M", url=f"{server.url}/v1")
        tool = {
            "kind": "http",
            "name": "shop",
            "connection_id": str(shopping.id),
            "operations": ["getStock", "placeOrder"],
        }
        endpoint = {
            "kind": "endpoint",
            "connection_id": str(model.id),
            "name": "stub",
            "input_price": 2_000_000,
            "output_price": 8_000_000,
        }
        yield services.update_agent(actor=actor, agent_id=made.id, changes=AgentChanges(tools=[tool], model=endpoint))


def waiting_call(actor: Actor, agent: AgentInfo) -> PendingCallInfo:
    """Ask, so that the order waits."""
    services.answer(actor=actor, target=selectors.draft_target(actor, agent.id), question=QUESTION)
    return selectors.pending_calls(actor)[0]


def test_without_script_a_call_is_decided_by_its_form(
    db: None, actor: Actor, buyer: AgentInfo, the_shop: Stranger, client_for: Callable[..., Any]
) -> None:
    call, client = waiting_call(actor, buyer), client_for(actor)
    chat = f"/agents/{buyer.id}/edit/?conversation={call.conversation_id}"
    for page in (chat, "/agents/calls/", f"/conversations/{call.conversation_id}/calls/live/"):
        shown = client.get(page).content.decode()
        assert f'data-call="{call.id}"' in shown
        assert "lamp &lt;b&gt;" in shown
    assert "1 call waits until you allow or refuse it" in client.get("/agents/").content.decode()
    url = f"/agents/calls/{call.id}/"
    assert client.post(url, {"decision": "perhaps"}).status_code == 302
    assert the_shop.seen == []
    assert client.post(url, {"decision": "approve"})["Location"] == f"{chat}#chat"
    client.post(url, {"decision": "approve"})
    assert len(the_shop.seen) == 1
    outbox.drain()
    after = client.get(chat).content.decode()
    assert "data-call=" not in after
    assert GOES_ON in after
    assert "I would like to call" not in after
    assert "status-badge" in client.get("/agents/calls/").content.decode()


def test_a_refused_call_is_said_and_an_old_one_explained(
    db: None, actor: Actor, buyer: AgentInfo, the_shop: Stranger, client_for: Callable[..., Any]
) -> None:
    call, client = waiting_call(actor, buyer), client_for(actor)
    headers = {"HTTP_ACCEPT": "application/json"}
    said = client.post(f"/agents/calls/{call.id}/", {"decision": "refuse"}, **headers).json()
    assert call.conversation_id is not None
    waiting = selectors.messages(actor, call.conversation_id, buyer.id)[-1]
    assert waiting.text.startswith("I would like to call **shop_placeorder**")
    assert said | {"answer": ""} == {
        "state": "refused",
        "said": "Refused. Nothing was sent.",
        "answer": "",
        "message": str(waiting.id),
    }
    outbox.drain()
    told = [one.text for one in selectors.messages(actor, call.conversation_id, buyer.id)]
    assert told == [QUESTION, STAYS]
    assert STAYS in read(client.get(f"/answers/{said['answer']}/events/"))
    late = waiting_call(actor, buyer)
    PendingCall.objects.filter(id=late.id).update(expires_at=clock.now() - timedelta(seconds=1))
    answer = client.post(f"/agents/calls/{late.id}/", {"decision": "approve"}, **headers)
    assert (answer.status_code, answer.json()["detail"]) == (409, "This call waited too long. Ask again.")
    assert the_shop.seen == []


def test_nobody_else_sees_or_decides_it(
    db: None, actor: Actor, buyer: AgentInfo, make_actor: Callable[..., Actor], client_for: Callable[..., Any]
) -> None:
    call = waiting_call(actor, buyer)
    client = client_for(make_actor(organisation_id=actor.organisation_id))
    assert client.post(f"/agents/calls/{call.id}/", {"decision": "approve"}).status_code == 404
    assert client.get(f"/conversations/{call.conversation_id}/calls/live/").status_code == 404
    assert str(call.id) not in client.get("/agents/calls/").content.decode()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_in_the_chat_a_call_waits_survives_a_reload_and_is_made_once(
    actor: Actor, buyer: AgentInfo, the_shop: Stranger, client_for: Callable[..., Any], asgi_url: str
) -> None:
    session = client_for(actor).cookies["sessionid"].value
    seen: dict[str, Any] = {}
    # Playwright keeps an event loop in its thread, in which Django would refuse its ORM: it gets a thread of its own.
    thread = threading.Thread(target=_drive, args=(asgi_url, session, str(buyer.id), the_shop, seen))
    thread.start()
    until = time.monotonic() + 280
    while thread.is_alive() and time.monotonic() < until:
        outbox.drain()
        thread.join(timeout=0.1)
    assert "error" not in seen, seen
    assert seen["problems"] == []
    assert "lamp <b>" in seen["card"]
    assert seen["before"] == 0
    assert GOES_ON in seen["after"]
    assert seen["turns"] == 2
    assert seen["cards"] == 0
    assert len(the_shop.seen) == 1
    assert "You refused it." in seen["trace"]


def _drive(url: str, session: str, agent_id: str, the_shop: Stranger, seen: dict[str, Any]) -> None:
    problems: list[str] = []
    try:
        with launched() as browser:
            context = new_context(browser, base_url=url, viewport={"width": 390, "height": 844})
            context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
            page = context.new_page()
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on(
                "console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None
            )
            page.goto(f"/agents/{agent_id}/edit/")
            page.wait_for_selector("agent-chat[data-ready]")
            page.get_by_label("Your question").fill(QUESTION)
            page.keyboard.press("Enter")
            page.wait_for_selector("[data-call]")
            page.wait_for_selector("article[data-turn]")
            seen["card"] = page.locator("[data-call]").inner_text()
            conversation = page.locator("[data-ask] input[name=conversation]").input_value()
            page.goto(f"/agents/{agent_id}/edit/?conversation={conversation}")
            page.wait_for_selector("agent-chat[data-ready]")
            seen["before"] = len(the_shop.seen)
            page.get_by_role("button", name="Approve").focus()
            page.keyboard.press("Enter")
            page.wait_for_selector(f"article[data-turn]:has-text('{GOES_ON}')")
            seen["after"] = page.locator("article[data-turn]").last.inner_text()
            seen["turns"] = page.locator("[data-turn]").count()
            seen["cards"] = page.locator("[data-call]").count()
            page.get_by_label("Your question").fill(QUESTION)
            page.keyboard.press("Enter")
            page.wait_for_selector("[data-call]")
            page.get_by_role("button", name="Refuse").click()
            page.wait_for_selector(f"article[data-turn]:has-text('{STAYS}')")
            page.get_by_role("link", name="How it was made").last.click()
            seen["trace"] = page.locator("main").inner_text()
    except Exception as error:  # handed to the test's own thread
        seen["error"] = repr(error)
    seen["problems"] = problems
