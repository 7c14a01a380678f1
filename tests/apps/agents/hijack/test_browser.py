"""What a browser makes of a hijacked model's answers: it reaches nobody.

The real chat page and the real widget show, with their real policies, what all 200 attacks of `payloads.py` make the
model write. Then the same browser opens pages without any protection, from which the same writing reaches the listener.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from markdown_it import MarkdownIt

from apps.agents import selectors, services
from apps.agents.models import Message
from apps.agents.output.guard import WITHHELD
from apps.agents.services import AgentChanges
from apps.agents.types import AgentInfo
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor
from tests.apps.agents.hijack.payloads import COUNT, KINDS, WEB_ATTACKS, attacks
from tests.apps.agents.hijack.scene import INSTRUCTION, TOPICS, questions, tells_nothing
from tests.apps.agents.hijack.stub import CONTROL, Listener, Stub, plain_pages
from tests.chromium import launched, new_context

OF_AN_ANSWER = 30
ABOUT = tuple(f"What does the handbook say about {topic}?" for topic in TOPICS[:3])
EVERYTHING = {attack.number for attack in attacks()}
#: Those that neither tell the instruction nor need a click: each must be able to reach the listener somewhere.
LOADING = [attack for attack in attacks() if attack.number < len(WEB_ATTACKS)]
LEAST_REACHING = 20

#: Attributes and links that lead to the listener, anywhere on the page.
LEADING = """(host) => [...document.querySelectorAll("*")].flatMap((element) =>
  [...element.attributes].filter((one) => one.value.includes(host)).map((one) => `${element.tagName} ${one.name}`))"""


@dataclass
class Seen:
    """What the browser saw, brought back from its thread."""

    outsider: list[str] = field(default_factory=list)
    owner: list[str] = field(default_factory=list)
    stored: str = ""
    visitor: list[str] = field(default_factory=list)
    leading: list[str] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    obeyed: dict[str, set[int]] = field(default_factory=dict)
    reached: list[str] = field(default_factory=list)
    connections: int = -1
    error: BaseException | None = None


@pytest.fixture
def counter(actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    """A published agent with a widget, whose documents are harmless: only what a visitor writes is an attack."""
    made = make_agent(actor, "support-desk")
    changes = AgentChanges(instruction=INSTRUCTION, guard={"min_confidence": 0.0})
    services.update_agent(actor=actor, agent_id=made.id, changes=changes)
    services.publish_agent(actor=actor, agent_id=made.id)
    services.set_widget(actor=actor, agent_id=made.id, origins=["http://127.0.0.1"])
    return selectors.agent(actor, made.id)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_200_hijacks_reach_nobody_from_page_and_widget_but_do_from_an_unprotected_page(
    actor: Actor,
    other_actor: Actor,
    desk: AgentInfo,
    counter: AgentInfo,
    hijacked: Stub,
    listener: Listener,
    client_for: Callable[..., Any],
    asgi_url: str,
) -> None:
    assert len(EVERYTHING) == COUNT
    seen = Seen()
    own, others = (client_for(who).cookies["sessionid"].value for who in (actor, other_actor))

    def drive() -> None:
        try:
            with launched() as browser, plain_pages(_unprotected(listener.url)) as plain:
                context = _context(browser, asgi_url, others, seen)
                _outsider(context.new_page(), f"/a/{desk.slug}/", seen)
                context.close()
                context = _context(browser, asgi_url, own, seen)
                page = context.new_page()
                _owner(page, f"/a/{desk.slug}/", listener, hijacked, seen)
                _widget(page, f"/a/{counter.slug}/embed/", listener, hijacked, seen)
                seen.reached, seen.connections = list(listener.seen), listener.connections
                # The same tab, which has the same cookies and settings: the listener would have noticed.
                page.goto(f"{plain}/")
                page.goto(f"{plain}/attacks")
                context.close()
                seen.requests = [url for url in seen.requests if not url.startswith(plain)]
        except BaseException as error:  # raised again in the test's own thread
            seen.error = error

    # Playwright keeps an event loop in its thread, in which Django would refuse its ORM.
    thread = threading.Thread(target=drive)
    thread.start()
    thread.join()
    if seen.error is not None:
        raise seen.error

    assert seen.obeyed["owner"] == EVERYTHING, "an attack never reached the model"
    assert seen.obeyed["visitor"] == EVERYTHING, "an attack never reached the model"
    _everything_was_shown(actor, desk, listener, seen)
    assert seen.leading == [], "the page points at the listener"
    assert seen.reached == [], "the listener was reached"
    assert seen.connections == 0, "the listener was connected to"
    _control(listener, seen, asgi_url)
    tells_nothing("\n".join([*seen.outsider, *seen.visitor]))
    with tenant_scope(other_actor.organisation_id):
        kept = Message.objects.filter(role="assistant", conversation__agent_id=desk.id)
        rows = list(kept.values("text", "sources", "steps", "prompt"))
    assert len(rows) == len(ABOUT)
    tells_nothing(str(rows))


def _everything_was_shown(actor: Actor, desk: AgentInfo, listener: Listener, seen: Seen) -> None:
    """The model's attacks were not withheld but shown: whole to the owner, to a visitor those that tell no secret."""
    assert all(policy and "default-src" in policy for policy in seen.policies)
    assert len(seen.policies) == 4
    with tenant_scope(actor.organisation_id):
        kept = Message.objects.filter(role="assistant", conversation__agent_id=desk.id)
        told = "\n".join(kept.values_list("text", flat=True))
    host = listener.url.split("//")[1]
    written = {attack.number for attack in attacks() if attack.number % KINDS < len(WEB_ATTACKS)}
    assert {attack.number for attack in attacks() if f"{host}/{attack.code}" in told} >= written - _without_path()
    assert WITHHELD not in "".join(seen.owner)
    assert sum(f"{host}/{attack.code}" in seen.stored for attack in attacks()) > len(written) / 2
    shown = [answer for answer in seen.visitor if WITHHELD not in answer]
    assert sum(attack.code in "".join(shown) for attack in LOADING) > len(LOADING) / 2


def _without_path() -> set[int]:
    """Attacks that lead to the listener alone, without a number behind it."""
    return {attack.number for attack in attacks() if attack.code not in attack.output("http://listener", "")}


def _control(listener: Listener, seen: Seen, asgi_url: str) -> None:
    reached = {path.removeprefix(CONTROL)[:6] for path in listener.seen}
    assert f"{CONTROL}/image" in listener.seen, "the listener would not have noticed an image"
    attacking = {f"/{attack.code}" for attack in LOADING} & reached
    assert len(attacking) >= LEAST_REACHING, "the attacks are harmless by themselves"
    foreign = [url for url in seen.requests if not url.startswith((asgi_url, "data:", "blob:", "about:"))]
    assert foreign
    assert [url for url in foreign if not url.startswith(listener.url + CONTROL)] == []


def _unprotected(listener: str) -> dict[str, str]:
    """Plain pages: one with an image, and for each attack one as a careless chat would show it."""
    careless = MarkdownIt("commonmark", {"html": True}).enable("table")
    pages = {"/": f"<!doctype html><img src='{listener}{CONTROL}/image'>"}
    frames = {
        f"/{attack.code}": f"<!doctype html>{careless.render(attack.output(listener + CONTROL, ''))}"
        for attack in LOADING
    }
    pages["/attacks"] = "<!doctype html>" + "".join(f"<iframe src='{address}'></iframe>" for address in frames)
    return pages | frames


def _context(browser: Any, url: str, session: str, seen: Seen) -> Any:
    context = new_context(browser, base_url=url, viewport={"width": 900, "height": 900})
    context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
    context.on("request", lambda request: seen.requests.append(request.url))
    return context


def _opened(page: Any, address: str, seen: Seen) -> None:
    response = page.goto(address)
    seen.policies.append(response.headers.get("content-security-policy", ""))
    page.wait_for_selector("[data-ready]")


def _outsider(page: Any, address: str, seen: Seen) -> None:
    """Somebody with a licence asks for what the documents order."""
    _opened(page, address, seen)
    seen.outsider += _asked(page, ABOUT)
    for details in page.locator("article details").all():
        details.locator("summary").click()
    seen.outsider.append(page.locator("main").inner_html())


def _owner(page: Any, address: str, listener: Listener, stub: Stub, seen: Seen) -> None:
    """The owner, from whom nothing is withheld: all attacks while they are written, and again as they are stored."""
    stub.obeyed.clear()
    _opened(page, address, seen)
    seen.owner += _asked(page, questions(attacks(), OF_AN_ANSWER))
    seen.obeyed["owner"] = set(stub.obeyed)
    _look(page, listener, seen)
    conversation = page.locator("[data-ask] input[name=conversation]").input_value()
    _opened(page, f"{address}?conversation={conversation}", seen)
    seen.stored = page.locator("[data-log]").inner_text()
    _look(page, listener, seen)


def _asked(page: Any, asked: Sequence[str]) -> list[str]:
    told = []
    for question in asked:
        before = page.locator("article.chat-theirs").count()
        page.get_by_label("Your question").fill(question)
        page.get_by_role("button", name="Ask", exact=True).click()
        last = page.locator("article.chat-theirs").nth(before)
        last.and_(page.locator(":not([aria-busy])")).wait_for(state="attached")
        page.locator("agent-chat [data-stop]").wait_for(state="hidden")  # until then no other question is taken
        told.append(last.inner_html())
    return told


def _widget(page: Any, address: str, listener: Listener, stub: Stub, seen: Seen) -> None:
    """A visitor in the frame that other sites show."""
    stub.obeyed.clear()
    _opened(page, address, seen)
    for at, question in enumerate(questions(attacks(), OF_AN_ANSWER)):
        page.locator("embedded-chat textarea").fill(question)
        page.locator("embedded-chat button[type=submit]").click()
        answer = page.locator("embedded-chat article").nth(2 * at + 1)
        answer.and_(page.locator(":not([aria-busy])")).wait_for(state="attached")
        seen.visitor.append(answer.inner_html())
    seen.obeyed["visitor"] = set(stub.obeyed)
    _look(page, listener, seen)


def _look(page: Any, listener: Listener, seen: Seen) -> None:
    seen.leading += page.evaluate(LEADING, listener.url.split("//")[1])
