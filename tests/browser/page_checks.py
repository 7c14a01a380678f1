"""What every page must keep: accessible, within the CSP, no sideways scroll, light in weight."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import CDPSession, ConsoleMessage, Error, Page, Response, ViewportSize

ROOT = Path(__file__).resolve().parent.parent.parent
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "var" / "screenshots"
PHONE_WIDTHS = (390, 320)
DESK: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": PHONE_WIDTHS[0], "height": 844}
# Both themes and both layouts; `SCREENSHOTS=1` looks at all four and leaves a picture of each.
CHECKED_LOOKS: list[tuple[Literal["light", "dark"], ViewportSize]] = [("light", DESK), ("dark", PHONE)]
TAKE_SCREENSHOTS = os.environ.get("SCREENSHOTS") == "1"
LOOKS = [*CHECKED_LOOKS, ("dark", DESK), ("light", PHONE)] if TAKE_SCREENSHOTS else CHECKED_LOOKS
WEIGHED = {"document", "stylesheet", "script"}
RUN_AXE = """
axe.run(document, {resultTypes: ["violations"]}).then((result) => result.violations.map((violation) => ({
  rule: violation.id,
  nodes: violation.nodes.slice(0, 5).map((node) => node.html.slice(0, 200) + node.failureSummary.slice(0, 300)),
})))
"""


TOO_WIDE = """
(width) => [...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > width && !element.closest("[role=region]"))
  .slice(0, 6)
  .map((element) => `${element.localName}.${element.className} ${Math.round(element.getBoundingClientRect().right)}`)
"""
"""Names the elements that reach beyond the window."""


SETTLE = """
() => {
  const root = document.documentElement;
  root.style.display = "none";
  root.offsetHeight;
  root.style.removeProperty("display");
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}
"""
"""Chromium keeps some inherited colours when the emulated theme changes: style all anew, and wait for two frames."""


@dataclass
class Watch:
    """What went wrong, and what was loaded, since the last navigation."""

    page: Page
    problems: list[str] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)

    @classmethod
    def over(cls, page: Page) -> Watch:
        """Start watching; call it before the first navigation."""
        watch = cls(page)
        page.on("console", watch._on_console)
        page.on("pageerror", watch._on_error)
        page.on("response", watch._on_response)
        return watch

    def end(self) -> None:
        """Watch no longer."""
        self.page.remove_listener("console", self._on_console)
        self.page.remove_listener("pageerror", self._on_error)
        self.page.remove_listener("response", self._on_response)

    def _on_error(self, error: Error) -> None:
        self.problems.append(f"script error: {error}")

    def _on_response(self, response: Response) -> None:
        if response.request.is_navigation_request():
            # The bodies of the page before are gone.
            self.responses.clear()
        self.responses.append(response)

    def _on_console(self, message: ConsoleMessage) -> None:
        # Chromium reports a blocked inline script, style or request here.
        if "Content Security Policy" in message.text or (message.type == "error" and "Refused to" in message.text):
            self.problems.append(message.text)

    def weight_kb(self) -> float:
        """HTML, CSS and JavaScript as they would travel with gzip, in kB."""
        bodies = [r.body() for r in self.responses if r.request.resource_type in WEIGHED and r.status == 200]
        return sum(len(gzip.compress(body, 6)) for body in bodies) / 1000


def wait_until_ready(page: Page) -> None:
    """Until the page's islands have started."""
    page.wait_for_selector("html[data-ready]", state="attached")


def axe_violations(page: Page) -> list[dict[str, Any]]:
    """Violations that axe-core finds. It is injected through the debugger, so the page's CSP stays as it is."""
    session: CDPSession = page.context.new_cdp_session(page)
    try:
        known = session.send("Runtime.evaluate", {"expression": "typeof axe"})
        if known["result"]["value"] == "undefined":
            session.send("Runtime.evaluate", {"expression": AXE.read_text()})
        answer = session.send("Runtime.evaluate", {"expression": RUN_AXE, "awaitPromise": True, "returnByValue": True})
    finally:
        session.detach()
    found: list[dict[str, Any]] = answer["result"]["value"]
    return found


def assert_page_ok(page: Page, watch: Watch, *, name: str, budget_kb: float) -> None:
    """All checks on the open page: axe in light on a desk and in dark on a phone, sideways scroll, CSP, weight."""
    wait_until_ready(page)
    assert page.locator("h1").count() == 1, "a page has exactly one h1"
    weight = watch.weight_kb()
    assert weight <= budget_kb, f"{name} weighs {weight:.1f} kB, at most {budget_kb} kB"
    problems = []
    for scheme, size in LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size(size)
        page.evaluate(SETTLE)
        if TAKE_SCREENSHOTS:
            _screenshot(page, f"{name}-{'desk' if size == DESK else 'phone'}-{scheme}")
        if (scheme, size) in CHECKED_LOOKS:
            problems += [f"{scheme}: {violation}" for violation in axe_violations(page)]
    for width in PHONE_WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        actual = page.evaluate("() => document.documentElement.scrollWidth")
        if actual > width:
            wide = ", ".join(page.evaluate(TOO_WIDE, width))
            problems.append(f"scrolls sideways at {width} px: content is {actual} px wide; {wide}")
    assert not problems, "\n".join(problems)
    assert not watch.problems, "\n".join(watch.problems)


def _screenshot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
