"""Cursor pages over time-ordered ids: stable while rows are added, and as fast on the last page as on the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import models
from django.http import HttpRequest
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

M = TypeVar("M", bound=models.Model)


class CursorPage(CursorPagination):
    """`?limit=` (1 to 100, default 25) and `?cursor=`; answers `results`, `next`, `previous`."""

    ordering = "-id"
    page_size = 25
    max_page_size = 100
    page_size_query_param = "limit"


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """One cursor page of rows for a template."""

    results: list[M]
    next: str | None
    previous: str | None


def cursor_page(request: HttpRequest, queryset: models.QuerySet[M]) -> Page[M]:
    """The page of rows that `?cursor=` asks for, as the API pages them."""
    paginator = CursorPage()
    results = paginator.paginate_queryset(queryset, Request(request)) or []
    return Page(results, paginator.get_next_link(), paginator.get_previous_link())
