"""No page escapes the page checks: every route that answers a GET is listed, or is named here as something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

from django.urls import URLPattern, URLResolver, get_resolver, resolve

from tests.browser.pages import PAGES
from tests.browser.world import World

NOT_OURS = ("api/", "_allauth/", "admin/", "storage/", "webhooks/", "healthz", "readyz", "v1/")

NOT_PAGES = {
    "widget.js": "the script of the widget, for other people's pages",
    "accounts/inactive/": "allauth: shown to blocked users only, from the same parts as the sign-in page",
    "accounts/password/set/": "allauth: for accounts without a password, which there are none of",
    "accounts/login/code/confirm/": "allauth: no sign-in by code is offered",
}
"""Routes that answer a GET with something other than a page of its own, and why."""

FRAGMENTS = (
    "/answer/",
    "/attachments/",
    "/chain/",
    "/documents/",
    "/events/",
    "/live/",
    "/log/",
    "/preview/",
    "/progress/",
    "/quote/",
    "/status/",
    "/totals/",
    ".csv",
    ".json",
    ".jsonl",
    ".md",
)
"""Endings of parts of pages and of files; the page that contains them is listed."""


def bare(route: str) -> str:
    """A route without the marks of a regular expression's ends."""
    return route.replace("^", "").replace("$", "")


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in patterns:
        path = prefix + bare(str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, path)
        else:
            yield path, entry


def page_routes() -> list[str]:
    found = (path for path, _ in routes(get_resolver().url_patterns))
    return [
        path
        for path in found
        if not path.startswith(NOT_OURS) and not path.endswith(FRAGMENTS) and path not in NOT_PAGES
    ]


def test_every_page_is_listed(world: World, client_for: Callable[[Any], Any]) -> None:
    listed = {bare(resolve(case.address(world).split("?")[0]).route) for case in PAGES if case.status != 404}
    client = client_for(world.actors["team"])
    client.raise_request_exception = False
    missing = []
    for route in page_routes():
        if route in listed:
            continue
        address = "/" + "".join(
            str(uuid4()) if "uuid:" in part else "1" if "int:" in part else "x" if ":" in part else part
            for part in route.replace(">", "<").split("<")
        )
        if client.get(address).status_code != 405:
            missing.append(route)
    assert not missing, "not in tests/browser/pages.py: " + ", ".join(missing)


def test_names_are_unique() -> None:
    names = [case.name for case in PAGES]
    assert len(set(names)) == len(names)
