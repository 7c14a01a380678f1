"""Chromium and a page with one image editor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.apps.labeling.controls.editor_page import editor_page, open_editor
from tests.apps.labeling.controls.image_editors.drawing import Open
from tests.chromium import KeptTabs, launched


@pytest.fixture(scope="module")
def kept_tabs() -> Iterator[KeptTabs]:
    with launched() as browser:
        yield KeptTabs(browser)


@pytest.fixture
def open_page(kept_tabs: KeptTabs) -> Iterator[Open]:
    with ExitStack() as stack:

        def make(kind: str, options: dict[str, Any] | None = None, **given: Any) -> Page:
            return stack.enter_context(
                open_editor(kept_tabs, options or {}, editor_page(kind, **given), "[data-image]")
            )

        yield make
