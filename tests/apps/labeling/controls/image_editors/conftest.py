"""Chromium and a page with one image editor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.apps.labeling.controls.editor_page import open_editor
from tests.apps.labeling.controls.image_editors.drawing import Open
from tests.browser.conftest import CHROMIUM, FLAGS


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    with ExitStack() as stack:

        def make(kind: str, options: dict[str, Any] | None = None, **given: Any) -> Page:
            return stack.enter_context(open_editor(chromium, kind, options or {}, **given))

        yield make
