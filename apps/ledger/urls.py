"""Routes of the ledger."""

from __future__ import annotations

from django.urls import include, path

from apps.ledger import api, pages

api_urlpatterns = [
    path("ledger/accounts/", api.AccountListView.as_view(), name="api-ledger-accounts"),
    path("ledger/accounts/<uuid:account_id>/statement/", api.StatementView.as_view(), name="api-ledger-statement"),
    path("ledger/transfers/", api.TransferListView.as_view(), name="api-ledger-transfers"),
    path("ledger/transfers/<uuid:transfer_id>/", api.TransferView.as_view(), name="api-ledger-transfer"),
    path("ledger/trial-balance/", api.TrialBalanceView.as_view(), name="api-ledger-trial-balance"),
]

_pages = [
    path("", pages.statements, name="statements"),
    path("<uuid:account_id>/", pages.statements, name="statement"),
    path("<uuid:account_id>/statement.csv", pages.export, name="export"),
    path("transfers/<uuid:transfer_id>/", pages.transfer, name="transfer"),
]
page_urlpatterns = [path("statements/", include((_pages, "ledger")))]
