"""Errors as pages: what happened, what to do, the code; and they still render when the database is what failed."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from apps.core.problems import TITLES, error_page


def page(status: int, **context: Any) -> str:
    request = RequestFactory().get("/orders/")
    request.user = AnonymousUser()
    response = error_page(request, status, "some_code", "What happened, and what to do.", **context)
    assert response.status_code == status
    return response.content.decode()


@pytest.mark.parametrize("status", sorted(TITLES))
def test_every_status_has_a_page_with_title_text_and_code(status: int) -> None:
    html = page(status)
    assert f"<h1>{TITLES[status]}</h1>" in html
    assert "What happened, and what to do." in html
    assert "some_code" in html


def test_bad_rows_are_listed_and_a_long_list_is_cut() -> None:
    html = page(422, errors=[{"row": row, "field": "text", "message": "Too long."} for row in range(1, 31)])
    assert "<strong>Row 20</strong> <strong>text</strong>: Too long." in html
    assert "Row 21" not in html
    assert "and 10 more" in html


def test_missing_money_leads_to_the_top_up() -> None:
    assert 'href="/billing/"' in page(402)


def test_a_fault_of_ours_offers_the_same_page_again_and_reads_no_database() -> None:
    # Without a database mark, a query would fail the test.
    assert 'href="/orders/">Try again' in page(500)
