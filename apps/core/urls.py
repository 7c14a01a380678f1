"""Routes of the public front door."""

from __future__ import annotations

from django.urls import include, path

from apps.core import pages

page_urlpatterns = [path("", include(([path("", pages.landing, name="landing")], "core")))]
