"""The builder in a real Chromium: the streaming chat under the strict CSP, sources, and the form's autosave."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from apps.agents import selectors
from apps.agents.types import AgentInfo
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor
from tests.chromium import launched, new_context

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_chat_answers_in_place_with_sources(
    actor: Actor, make_agent: Callable[..., AgentInfo], client_for: Callable[..., Any], asgi_url: str
) -> None:
    reader = make_agent(actor, "contract-reader")
    session = client_for(actor).cookies["sessionid"].value
    seen: dict[str, Any] = {}
    # Playwright keeps an event loop in its thread, in which Django would refuse its ORM: it gets a thread of its own.
    thread = threading.Thread(target=_drive, args=(asgi_url, session, str(reader.id), seen))
    thread.start()
    thread.join(timeout=280)
    assert "error" not in seen, seen
    assert seen["problems"] == []
    assert "The notice period is three months" in seen["answer"]
    assert seen["cited"].startswith("#message-")
    assert seen["mark"].startswith("The notice period is three months")
    assert "Saved. " in seen["saved"]
    assert "14 days" in seen["edited"]
    assert seen["place"] == "2 of 2"
    assert "three months" in seen["before"]
    assert seen["tab"] == 2
    with tenant_scope(actor.organisation_id):
        found = selectors.feedback(actor, reader.id)
    assert (found.bad, found.reasons) == (1, {"incomplete": 1})


def _branch_and_rate(page: Any, seen: dict[str, Any]) -> None:
    """Edit the question, rate the answer, look at the branch before; another tab goes on with the conversation."""
    page.get_by_role("link", name="Edit this question").click()
    box = page.get_by_label("Your question, changed")
    box.fill("When do invoices have to be paid?")
    box.press("Enter")
    page.wait_for_selector("article[data-turn]:has-text('14 days')")
    seen["edited"] = page.locator("article .prose").inner_text()
    seen["place"] = page.locator(".chat-mine .chat-tools span.tabular > span").inner_text()
    page.get_by_role("button", name="Bad answer").click()
    page.get_by_label("What was wrong?").select_option("incomplete")
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_selector("[data-said]:has-text('Thank you.')")
    conversation = page.locator("[data-ask] input[name=conversation]").input_value()
    other = page.context.new_page()
    other.goto(f"{page.url.split('#')[0].split('?')[0]}?conversation={conversation}")
    other.wait_for_selector("agent-chat[data-ready]")
    other.get_by_label("Your question").fill("Who owns the results of the work?")
    other.get_by_label("Your question").press("Enter")
    other.wait_for_selector("article[data-turn] >> nth=1")
    page.wait_for_selector("article[data-turn] >> nth=1")
    seen["tab"] = page.locator("article[data-turn]").count()
    other.get_by_role("link", name="Previous version").click()
    other.wait_for_selector("agent-chat[data-ready]")
    seen["before"] = other.locator("article .prose").first.inner_text()
    other.close()


def _drive(url: str, session: str, agent_id: str, seen: dict[str, Any]) -> None:
    problems: list[str] = []
    try:
        with launched() as browser:
            context = new_context(browser, base_url=url, viewport={"width": 1280, "height": 900})
            context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
            page = context.new_page()
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on(
                "console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None
            )
            page.goto(f"/agents/{agent_id}/edit/")
            page.wait_for_selector("agent-chat[data-ready]")
            page.get_by_role("button", name="What is the notice period?").click()
            page.wait_for_selector("article[data-turn] .prose")
            seen["answer"] = page.locator("article .prose").inner_text()
            seen["cited"] = page.locator("article .prose a").first.get_attribute("href")
            page.locator("article .prose a").first.click()
            seen["mark"] = page.locator("article mark").first.inner_text()
            _branch_and_rate(page, seen)
            page.get_by_label("Job").fill("Finds clauses.")
            page.wait_for_selector("[data-saved]:has-text('Saved. ')")
            seen["saved"] = page.locator("[data-saved]").inner_text()
            if os.environ.get("SCREENSHOT"):
                page.screenshot(path=os.environ["SCREENSHOT"], full_page=True)
    except Exception as error:  # handed to the test's own thread
        seen["error"] = repr(error)
    seen["problems"] = problems
