"""The builder in a real Chromium: the streaming chat under the strict CSP, sources, and the form's autosave."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from apps.agents.types import AgentInfo
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
    assert seen["cited"].startswith("#answer-")
    assert seen["mark"].startswith("The notice period is three months")
    assert "Saved. " in seen["saved"]


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
            page.wait_for_selector("article:not([aria-busy]) .prose")
            seen["answer"] = page.locator("article .prose").inner_text()
            seen["cited"] = page.locator("article .prose a").first.get_attribute("href")
            page.locator("article .prose a").first.click()
            seen["mark"] = page.locator("article mark").first.inner_text()
            page.get_by_label("Job").fill("Finds clauses.")
            page.wait_for_selector("[data-saved]:has-text('Saved. ')")
            seen["saved"] = page.locator("[data-saved]").inner_text()
            if os.environ.get("SCREENSHOT"):
                page.screenshot(path=os.environ["SCREENSHOT"], full_page=True)
    except Exception as error:  # handed to the test's own thread
        seen["error"] = repr(error)
    seen["problems"] = problems
