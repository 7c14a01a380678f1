"""A page with one editor on it, served from the built bundle without a server, under the platform's CSP."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Page, Route

from tests.chromium import KeptTabs

ROOT = Path(__file__).resolve().parents[4]
DIST = ROOT / "static" / "dist"
ORIGIN = "https://editors.test"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
WIDTH, HEIGHT = 640, 480
PICTURE = f"""<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">
<rect width="100%" height="100%" fill="#efe3d3"/><circle cx="160" cy="140" r="70" fill="#c0605a"/>
<circle cx="430" cy="300" r="90" fill="#7a5ea8"/><path d="M300 80l60 40-50 50z" fill="#3b6"/></svg>"""
PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><title>Editor</title>
<meta name="viewport" content="width=device-width, initial-scale=1">{styles}</head>
<body><main class="page-main"><h1>Mark what you see</h1><p role="status" id="said"></p></main>
<script type="module" src="/page.js"></script></body></html>"""
SCRIPT = """
import "{module}";
const editor = document.createElement("{tag}");
editor.control = {control};
document.querySelector("main").append(editor);
editor.addEventListener("say", (event) => {{ document.querySelector("#said").textContent = event.detail; }});
window.changes = 0;
editor.addEventListener("change", () => {{ window.changes += 1; }});
editor.data = {data};
editor.value = {value};
window.editor = editor;
document.addEventListener("keydown", (event) => {{
  if (!event.defaultPrevented && !event.target.closest("input, textarea, select") && editor.keys(event)) {{
    event.preventDefault();
  }}
}});
"""


def manifest() -> dict[str, Any]:
    """What the build made of each source."""
    loaded: dict[str, Any] = json.loads((DIST / "manifest.json").read_text())
    return loaded


def parts_of(source: str) -> list[str]:
    """The scripts and style sheets that come with an editor, its own first; the player is there without it."""
    there = set(_loaded_with("src/labeling/player.ts", set()))
    return _loaded_with(source, there)


def _loaded_with(source: str, there: set[str]) -> list[str]:
    """What a module brings along, without the files that are there."""
    built = manifest()
    found: list[str] = []
    waiting = [source]
    while waiting:
        entry = built[waiting.pop(0)]
        found += [path for path in (entry["file"], *entry.get("css", [])) if path not in found]
        shared = [name for name in entry.get("imports", []) if not built[name].get("isEntry")]
        waiting += [name for name in shared if built[name]["file"] not in {*found, *there}]
    return found


def weight_kb(source: str) -> float:
    """All of an editor with what it shares, as it travels."""
    return sum(len(gzip.compress((DIST / path).read_bytes(), 9)) for path in parts_of(source)) / 1000


def editor_page(kind: str, *, value: Any = None, theme: str = "sahara", **control: Any) -> Callable[[Route], None]:
    """Answers every request of a page with `<answer-KIND>` on a picture of 640 x 480."""
    source = f"src/labeling/editors/{kind}.ts"
    styles = [path for path in parts_of(source) if path.endswith(".css")]
    styles += [manifest()["src/core/site.ts"]["css"][0]]
    config = {"type": kind, "name": "what", "input": "photo", "title": "", "required": True, "least": 0, "most": 500}
    config["classes"] = [{"name": "red cell", "key": "1"}, {"name": "white cell", "key": "2"}]
    data = {"photo": {"media": "m", "url": "/picture.svg", "width": WIDTH, "height": HEIGHT}}
    data["photo"] |= control.pop("photo", {})
    script = SCRIPT.format(
        module=f"/static/dist/{manifest()[source]['file']}",
        tag=f"answer-{kind}",
        control=json.dumps(config | control),
        data=json.dumps(data),
        value="undefined" if value is None else json.dumps(value),
    )
    links = "".join(f'<link rel="stylesheet" href="/static/dist/{path}">' for path in reversed(styles))

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        if path.startswith("/static/dist/"):
            route.fulfill(path=DIST / path.removeprefix("/static/dist/"))
        elif path == "/page.js":
            route.fulfill(body=script, content_type="text/javascript")
        elif path == "/picture.svg":
            route.fulfill(body=PICTURE, content_type="image/svg+xml")
        elif path == "/":
            body = PAGE.format(theme=theme, styles=links)
            route.fulfill(body=body, content_type="text/html", headers={"Content-Security-Policy": CSP})
        else:
            route.fulfill(status=404)

    return answer


@contextmanager
def open_editor(tabs: KeptTabs, options: dict[str, Any], answer: Callable[[Route], None], ready: str) -> Iterator[Page]:
    """The page in a kept tab, once an element is there; script errors and blocked content fail the test."""
    page = tabs.take(**{"viewport": {"width": 1000, "height": 900}, **options})
    problems: list[str] = []

    def on_error(error: Error) -> None:
        problems.append(str(error))

    def on_console(said: ConsoleMessage) -> None:
        if "Content Security" in said.text:
            problems.append(said.text)

    page.on("pageerror", on_error)
    page.on("console", on_console)
    page.route("**/*", answer)
    try:
        page.goto(f"{ORIGIN}/")
        page.wait_for_selector(ready)
        yield page
        assert not problems, problems
    finally:
        page.remove_listener("pageerror", on_error)
        page.remove_listener("console", on_console)
