"""Pictures of the player for the guides, taken by the tests that use it: `PICTURES=1`, or `make screenshots`."""

from __future__ import annotations

import io
import os

from PIL import Image
from playwright.sync_api import Page

from tests.browser.page_checks import ROOT

PICTURES = ROOT / "docs" / "screenshots"
TAKE_PICTURES = os.environ.get("PICTURES") == "1"
WIDTHS = {"desk": 640, "phone": 300}


def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """What is on the screen (or the `whole` page), small and in few colours; nothing where no pictures are wanted."""
    if not TAKE_PICTURES:
        return
    PICTURES.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(page.screenshot(animations="disabled", full_page=whole))) as taken:
        width = WIDTHS[name.rsplit("-", 1)[1]]
        shown = taken.convert("RGB").resize(
            (width, round(taken.height * width / taken.width)), Image.Resampling.LANCZOS
        )
        shown.save(PICTURES / f"{name}.webp", quality=55, method=6)
