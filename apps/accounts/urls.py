"""Routes of accounts."""

from __future__ import annotations

from django.urls import include, path

from apps.accounts import api, pages

api_urlpatterns = [
    path("me/", api.MeView.as_view(), name="api-me"),
    path("wallet/", api.WalletView.as_view(), name="api-wallet"),
]

_pages = [
    path("accounts/profile/", pages.profile, name="profile"),
    path("dashboard/", pages.dashboard, name="dashboard"),
]
page_urlpatterns = [path("", include((_pages, "accounts")))]
