"""Routes of accounts."""

from __future__ import annotations

from django.urls import include, path

from apps.accounts import api, pages, wallet_pages

api_urlpatterns = [
    path("me/", api.MeView.as_view(), name="api-me"),
    path("wallet/", api.WalletView.as_view(), name="api-wallet"),
    path("wallet/change/", api.WalletChangeView.as_view(), name="api-wallet-change"),
    path("wallet/challenge/", api.WalletChallengeView.as_view(), name="api-wallet-challenge"),
    path("wallet/verify/", api.WalletVerifyView.as_view(), name="api-wallet-verify"),
]

_pages = [
    path("accounts/profile/", pages.profile, name="profile"),
    path("accounts/wallet/", wallet_pages.wallet, name="wallet"),
    path("accounts/wallet/challenge/", wallet_pages.challenge, name="wallet-challenge"),
    path("accounts/wallet/verify/", wallet_pages.verify, name="wallet-verify"),
    path("accounts/wallet/cancel/", wallet_pages.cancel_change, name="wallet-cancel"),
    path("dashboard/", pages.dashboard, name="dashboard"),
]
page_urlpatterns = [path("", include((_pages, "accounts")))]
