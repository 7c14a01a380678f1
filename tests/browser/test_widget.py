"""The widget in a page of another origin, with a strict policy of its own, at a desk and on a phone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from apps.agents import services
from apps.core.tenant import tenant_scope
from tests.browser.world import World

QUESTION = "What is the notice period?"


class Shop:
    """A site that is not ours: one page with the tag, and nothing allowed but our origin."""

    def __init__(self, platform: str, slug: str) -> None:
        tag = f'<script src="{platform}/widget.js" data-agent="{slug}" async></script>'
        page = f'<!doctype html><html lang="en"><title>Shop</title><h1>Shop</h1>{tag}</html>'.encode()
        policy = f"default-src 'none'; script-src {platform}; frame-src {platform}; base-uri 'none'"

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def reader(world: World) -> Any:
    """A published agent of the team that quotes, so that no language model is waited for."""
    team = world.actors["team"]
    with tenant_scope(team.organisation_id):
        from apps.core import outbox

        made = services.create_agent_from_template(actor=team, template_key="contract-reader")
        outbox.drain()
        services.publish_agent(actor=team, agent_id=made.id)
    return made


@pytest.fixture
def shop(world: World, reader: Any, live_server_url: str) -> Iterator[Shop]:
    """A shop that may show the widget."""
    site = Shop(live_server_url, reader.slug)
    team = world.actors["team"]
    with tenant_scope(team.organisation_id):
        services.set_widget(actor=team, agent_id=reader.id, origins=[site.url])
    yield site
    site.server.shutdown()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_visitor_of_another_site_asks_by_keyboard(
    shop: Shop, reader: Any, visit: Any, width: int, scheme: Any
) -> None:
    page: Page = visit(width=width).new_page()
    page.emulate_media(color_scheme=scheme)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.goto(shop.url)
    button = page.get_by_role("button", name="Ask us")
    button.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    frame = page.frame_locator("iframe")
    question = frame.get_by_label("Your question")
    expect(question).to_be_focused()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(frame.get_by_role("log")).to_contain_text("three months")
    expect(frame.get_by_text("1 source").or_(frame.get_by_text("sources")).first).to_be_visible()
    inner = page.frames[1]
    assert inner.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert inner.evaluate("document.cookie") == ""
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(page.locator("iframe")).to_be_hidden()
    assert [line for line in problems if "favicon" not in line] == []


def test_another_site_shows_nothing(shop: Shop, reader: Any, visit: Any, live_server_url: str) -> None:
    stranger = Shop(live_server_url, reader.slug)
    page: Page = visit().new_page()
    refused: list[str] = []
    page.on("console", lambda line: refused.append(line.text))
    page.goto(stranger.url)
    page.get_by_role("button", name="Ask us").click()
    page.wait_for_function("() => true")
    page.wait_for_timeout(500)
    assert any("frame-ancestors" in line for line in refused)
    stranger.server.shutdown()
