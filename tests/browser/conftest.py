"""A real Chromium against the real ASGI application, on the run's database."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from sahara_platform.embedded.live import served
from tests.browser.scenes import SCENES
from tests.browser.world import World
from tests.chromium import KeptTabs, launched, new_context
from tests.gpu_runner.runner_fixtures import RunnerProcess

# Playwright's synchronous API keeps an event loop in this thread, in which Django would refuse its ORM.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives a browser and sees what the server's threads committed."""
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def live_server_url(django_db_setup: None) -> Iterator[str]:
    """The address of the application, HTTP and WebSocket, served by uvicorn in a thread."""
    with served() as url:
        yield url


@pytest.fixture(scope="module")
def chromium(world: World) -> Iterator[Browser]:
    """One browser a module, started after the world is made: while it lives, this thread has a running event loop."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def kept_tabs(chromium: Browser) -> KeptTabs:
    """Tabs that the tests of a module use one after the other."""
    return KeptTabs(chromium)


@pytest.fixture(scope="session")
def world(django_db_setup: None, django_db_blocker: Any, runner: RunnerProcess) -> World:
    """People and what they have made, committed once, for pages to show."""
    with django_db_blocker.unblock():
        built = World.build()
        for scene in SCENES:
            scene(built)
        return built


@pytest.fixture
def visit(chromium: Browser, live_server_url: str) -> Iterator[Callable[..., BrowserContext]]:
    """`visit(actor=None, width=1280)`: a fresh browser context, signed in as the actor."""
    opened: list[BrowserContext] = []

    def make(actor: Any = None, width: int = 1280) -> BrowserContext:
        context = new_context(chromium, base_url=live_server_url, viewport={"width": width, "height": 900})
        if actor is not None:
            sign_in(context, actor, live_server_url)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


@pytest.fixture
def look(kept_tabs: KeptTabs, live_server_url: str) -> Callable[..., Page]:
    """`look(actor=None)`: a tab on a desk, signed in as the actor, for tests that look and leave nothing behind."""

    def take(actor: Any = None) -> Page:
        page = kept_tabs.take(base_url=live_server_url)
        if actor is not None:
            sign_in(page.context, actor, live_server_url)
        return page

    return take


@pytest.fixture
def deliveries(db: None) -> Iterator[None]:
    """Delivers events while the test runs, as a worker does."""
    stop = threading.Event()

    def work() -> None:
        from django.db import connections

        from apps.core import outbox

        while not stop.is_set():
            outbox.drain()
            stop.wait(0.1)
        connections.close_all()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    yield
    stop.set()
    worker.join(timeout=30)


def sign_in(context: BrowserContext, actor: Any, url: str) -> None:
    """Give a browser the session of an actor."""
    context.add_cookies([{"name": "sessionid", "value": session_of(actor), "url": url}])


def session_of(actor: Any) -> str:
    """A session of the actor (a guest's too), as the sign-in leaves it behind."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from apps.accounts.middleware import ORGANISATION_KEY
    from apps.accounts.models import User
    from apps.accounts.sessions import GUEST_KEY

    user = User.objects.get(id=actor.user_id)
    store = SessionStore()
    if actor.is_guest:
        store[GUEST_KEY] = str(user.id)
    else:
        store[SESSION_KEY] = str(user.id)
        store[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
        store[HASH_SESSION_KEY] = user.get_session_auth_hash()
        store[ORGANISATION_KEY] = str(actor.organisation_id)
    store.create()
    assert store.session_key is not None
    return store.session_key
