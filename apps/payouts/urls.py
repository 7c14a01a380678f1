"""Routes of payouts."""

from __future__ import annotations

from django.urls import include, path

from apps.payouts import api, pages

api_urlpatterns = [
    path("earnings/", api.EarningsView.as_view(), name="api-earnings"),
    path("withdrawals/", api.WithdrawalListView.as_view(), name="api-withdrawals"),
    path("withdrawals/<uuid:withdrawal_id>/", api.WithdrawalView.as_view(), name="api-withdrawal"),
    path("withdrawals/<uuid:withdrawal_id>/proof/", api.WithdrawalProofView.as_view(), name="api-withdrawal-proof"),
    path("withdrawals/<uuid:withdrawal_id>/claim/", api.WithdrawalClaimView.as_view(), name="api-withdrawal-claim"),
    path("epochs/", api.EpochListView.as_view(), name="api-epochs"),
    path("epochs/<uuid:epoch_id>/", api.EpochView.as_view(), name="api-epoch"),
    path("payouts/reconciliation/", api.ReconciliationView.as_view(), name="api-payouts-reconciliation"),
]

_pages = [
    path("", pages.overview, name="overview"),
    path("live/", pages.live, name="live"),
    path("withdraw/", pages.withdraw, name="withdraw"),
    path("wallet/", pages.set_wallet, name="wallet"),
    path("earnings.csv", pages.export, name="export"),
    path("withdrawals/<uuid:withdrawal_id>/", pages.withdrawal, name="withdrawal"),
    path("withdrawals/<uuid:withdrawal_id>/live/", pages.withdrawal_live, name="withdrawal-live"),
    path("withdrawals/<uuid:withdrawal_id>/claim/", pages.claim, name="claim"),
    path("withdrawals/<uuid:withdrawal_id>/proof.json", pages.proof, name="proof"),
]
page_urlpatterns = [path("earnings/", include((_pages, "payouts")))]
