"""Pages with a part that follows what happens: the same address gives the page, and its part to a live region."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


def live_page(
    request: HttpRequest, page: str, part: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render a page of templates/labeling, or only its part where a live region asks for it again.

    Args:
        page, part: names of templates; the page includes the part in its `<live-region>`.
    """
    name = part if request.headers.get("HX-Request") else page
    response = render(request, f"labeling/{name}.html", context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response
