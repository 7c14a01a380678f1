"""Chromium and a page with one editor of text, time or candidates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from examples.task_types.media import sound
from tests.apps.labeling.controls.editor_page import (
    CSP,
    DIST,
    ORIGIN,
    PAGE,
    SCRIPT,
    manifest,
    open_editor,
    parts_of,
)
from tests.apps.labeling.controls.sequence_editors.asking import CONTROLS, DATA, Open
from tests.chromium import KeptTabs, launched


@pytest.fixture(scope="module")
def kept_tabs() -> Iterator[KeptTabs]:
    with launched("--autoplay-policy=no-user-gesture-required") as browser:
        yield KeptTabs(browser)


@pytest.fixture
def open_page(kept_tabs: KeptTabs) -> Iterator[Open]:
    """`open_page(kind, options of the context, value=…, theme=…, **parts of the control)`."""
    with ExitStack() as stack:

        def make(kind: str, options: dict[str, Any] | None = None, *, value: Any = None, **given: Any) -> Page:
            answer = _served(kind, value, given.pop("theme", "sahara"), given)
            return stack.enter_context(open_editor(kept_tabs, options or {}, answer, f"answer-{kind}[data-ready]"))

        yield make


def _served(kind: str, value: Any, theme: str, given: dict[str, Any]) -> Callable[[Route], None]:
    source = f"src/labeling/editors/{kind}.ts"
    styles = [manifest()["src/core/site.ts"]["css"][0], *(path for path in parts_of(source) if path.endswith(".css"))]
    config = {"type": kind, "name": "what", "input": "input", "title": "", "required": True, **CONTROLS[kind], **given}
    script = SCRIPT.format(
        module=f"/static/dist/{manifest()[source]['file']}",
        tag=f"answer-{kind}",
        control=json.dumps(config),
        data=json.dumps({"input": DATA[kind]}),
        value="undefined" if value is None else json.dumps(value),
    )
    page = PAGE.format(theme=theme, styles="".join(f'<link rel="stylesheet" href="/static/dist/{p}">' for p in styles))

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        if path == "/":
            route.fulfill(body=page, content_type="text/html", headers={"Content-Security-Policy": CSP})
        elif path == "/page.js":
            route.fulfill(body=script, content_type="text/javascript")
        elif path == "/sound.wav":
            route.fulfill(body=sound(), content_type="audio/wav", headers={"Accept-Ranges": "bytes"})
        elif path.startswith("/static/dist/"):
            route.fulfill(path=DIST / path.removeprefix("/static/dist/"))
        else:
            route.fulfill(status=404)

    return answer
