"""All routes: each app brings its own API and page routes."""

from __future__ import annotations

from importlib import import_module

from allauth.account import urls as allauth_urls
from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView

from apps.core import files


def _routes(kind: str) -> list[URLPattern | URLResolver]:
    """`api_urlpatterns` or `page_urlpatterns` of every app that has them."""
    found: list[URLPattern | URLResolver] = []
    for config in apps.get_app_configs():
        if config.name.startswith("apps."):
            found += getattr(_urls_of(config.name), kind, [])
    return found


def _urls_of(app: str) -> object:
    try:
        return import_module(f"{app}.urls")
    except ModuleNotFoundError as error:
        if error.name != f"{app}.urls":
            raise
        return object()


urlpatterns = [
    path("api/v1/", include(_routes("api_urlpatterns"))),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("_allauth/", include("allauth.headless.urls")),
    path("accounts/", include(allauth_urls)),
    path("storage/", files.download, name="storage"),
    path("admin/", admin.site.urls),
    *_routes("page_urlpatterns"),
    *_routes("root_urlpatterns"),
]

handler400 = "apps.core.problems.bad_request"
handler403 = "apps.core.problems.permission_denied"
handler404 = "apps.core.problems.page_not_found"
handler500 = "apps.core.problems.server_error"
