"""The public front door."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.core import dashboard


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """What the platform is, for each kind of user."""
    return render(request, "core/landing.html", {"figures": dashboard.public_figures()})
