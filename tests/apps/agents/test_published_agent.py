"""From a template to a published agent with an own document; benchmarks/published_agent.py says how it is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from apps.tenancy.types import Actor
from benchmarks.first_paid_task import worker
from benchmarks.people import session_of
from benchmarks.published_agent import MOST_CHARACTERS, MOST_CLICKS, MOST_SECONDS, walk
from tests.apps.labeling.test_player import chromium, live_server_url
from tests.chromium import new_context

__all__ = ["chromium", "live_server_url"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_beginner_publishes_an_agent_within_six_clicks_and_three_minutes(
    actor: Actor, runner: object, chromium: Any, live_server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "PUBLIC_URL", live_server_url)
    context = new_context(chromium, base_url=live_server_url, viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "sessionid", "value": session_of(actor), "url": live_server_url}])
    with worker():
        found = walk(context.new_page(), tmp_path, is_waiting=False)
    context.close()
    assert found["clicks"] <= MOST_CLICKS
    assert found["characters"] <= MOST_CHARACTERS
    # What a person needs; the machine's own time says something of the machine.
    assert found["human_seconds"] < MOST_SECONDS, found
