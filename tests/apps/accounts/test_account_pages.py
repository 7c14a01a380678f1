"""Dashboard and profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.accounts.models import User

pytestmark = pytest.mark.django_db
ClientFor = Callable[[Any], Any]


def test_a_visitor_of_the_dashboard_signs_in_first(client: Any) -> None:
    assert client.get("/dashboard/")["Location"] == "/accounts/login/?next=%2Fdashboard%2F"


def test_a_person_is_led_to_tasks_and_a_team_to_orders(annotator: Any, actor: Any, client_for: ClientFor) -> None:
    assert "Find tasks" in client_for(annotator).get("/dashboard/").content.decode()
    assert "New order" in client_for(actor).get("/dashboard/").content.decode()


def test_a_new_name_is_shown_everywhere(annotator: Any, client_for: ClientFor) -> None:
    client = client_for(annotator)
    page = client.post("/accounts/profile/", {"display_name": "Zahra"}, follow=True)
    assert page.context["organisation"].name == "Zahra"


def test_an_empty_name_is_refused_and_the_old_one_stays(annotator: Any, client_for: ClientFor) -> None:
    response = client_for(annotator).post("/accounts/profile/", {"display_name": "   "})
    assert response.status_code == 422
    assert User.objects.get(id=annotator.user_id).display_name == "Annotator"
