"""Routes of the ledger."""

from __future__ import annotations

from django.urls import path

from apps.ledger import api

api_urlpatterns = [
    path("ledger/accounts/", api.AccountListView.as_view(), name="api-ledger-accounts"),
    path("ledger/transfers/", api.TransferListView.as_view(), name="api-ledger-transfers"),
    path("ledger/trial-balance/", api.TrialBalanceView.as_view(), name="api-ledger-trial-balance"),
]
