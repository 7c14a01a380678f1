"""Routes of the public front door."""

from __future__ import annotations

from django.urls import include, path

from apps.core import health, pages

_pages = [path("", pages.landing, name="landing"), path("developers/", pages.developers, name="developers")]
page_urlpatterns = [path("", include((_pages, "core")))]
root_urlpatterns = [
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
]
