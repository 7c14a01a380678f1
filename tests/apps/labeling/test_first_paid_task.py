"""From the landing page to the first paid task in four clicks and a minute; benchmarks/first_paid_task.py says how."""

from __future__ import annotations

import pytest

from benchmarks.first_paid_task import MOST_CLICKS, MOST_SECONDS, half_answered_order, walk, worker
from benchmarks.people import PHONE
from tests.apps.labeling.test_player import chromium, live_server_url
from tests.chromium import new_context

__all__ = ["chromium", "live_server_url"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_nobody_is_paid_within_four_clicks_and_a_minute(make_actor, fund, chromium, live_server_url):
    owner = make_actor()
    fund(owner.organisation_id, 1_000)
    half_answered_order(owner, make_actor(personal=True))
    context = new_context(chromium, base_url=live_server_url, **PHONE)
    with worker():
        found = walk(context.new_page(), is_waiting=False)
    context.close()
    assert found["clicks"] <= MOST_CLICKS
    assert found["seconds"] < MOST_SECONDS, found
