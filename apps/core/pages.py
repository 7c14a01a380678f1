"""The public front door: what the platform is, and how programs use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from apps.core import dashboard

API_PREFIX = "/api/v1/"
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One operation of the API."""

    method: str
    path: str
    summary: str


@dataclass(frozen=True, slots=True)
class ApiGroup:
    """The operations on one noun."""

    name: str
    calls: list[ApiCall] = field(default_factory=list)


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """What the platform is, for each kind of user."""
    return render(request, "core/landing.html", {"figures": dashboard.public_figures()})


@require_safe
def developers(request: HttpRequest) -> HttpResponse:
    """How to call the API, and every call there is."""
    context = {"groups": api_groups(), "base_url": request.build_absolute_uri("/").rstrip("/")}
    return render(request, "core/developers.html", context)


@cache
def api_groups() -> list[ApiGroup]:
    """The operations of the OpenAPI document by their first path segment; it is fixed while a process runs."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # drf-spectacular's own
    groups: dict[str, ApiGroup] = {}
    for path, operations in sorted(schema["paths"].items()):
        if not path.startswith(API_PREFIX):
            continue
        noun = path.removeprefix(API_PREFIX).split("/")[0]
        group = groups.setdefault(noun, ApiGroup(noun.replace("-", " ")))
        for method in METHODS:
            if method in operations:
                lines = operations[method].get("description", "").strip().splitlines()
                group.calls.append(ApiCall(method.upper(), path, lines[0] if lines else ""))
    return list(groups.values())
