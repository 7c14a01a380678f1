"""Routes of payouts."""

from __future__ import annotations

from django.urls import include, path

from apps.payouts import api, pages, staff_api, staff_pages

api_urlpatterns = [
    path("earnings/", api.EarningsView.as_view(), name="api-earnings"),
    path("withdrawals/", api.WithdrawalListView.as_view(), name="api-withdrawals"),
    path("withdrawals/<uuid:withdrawal_id>/", api.WithdrawalView.as_view(), name="api-withdrawal"),
    path("withdrawals/<uuid:withdrawal_id>/proof/", api.WithdrawalProofView.as_view(), name="api-withdrawal-proof"),
    path("withdrawals/<uuid:withdrawal_id>/claim/", api.WithdrawalClaimView.as_view(), name="api-withdrawal-claim"),
    path("withdrawals/<uuid:withdrawal_id>/cancel/", api.WithdrawalCancelView.as_view(), name="api-withdrawal-cancel"),
    path("epochs/", api.EpochListView.as_view(), name="api-epochs"),
    path("epochs/<uuid:epoch_id>/", api.EpochView.as_view(), name="api-epoch"),
    path("payouts/reconciliation/", api.ReconciliationView.as_view(), name="api-payouts-reconciliation"),
    path("payouts/tax/<int:year>/", api.TaxReportView.as_view(), name="api-payouts-tax"),
    path("staff/payouts/withdrawals/", staff_api.QueueView.as_view(), name="api-staff-withdrawals"),
    path(
        "staff/payouts/withdrawals/<uuid:withdrawal_id>/approve/",
        staff_api.ApproveView.as_view(),
        name="api-staff-approve",
    ),
    path(
        "staff/payouts/withdrawals/<uuid:withdrawal_id>/reject/",
        staff_api.RejectView.as_view(),
        name="api-staff-reject",
    ),
    path("staff/payouts/freezes/", staff_api.FreezeListView.as_view(), name="api-staff-freezes"),
    path("staff/payouts/freezes/<uuid:organisation_id>/", staff_api.FreezeView.as_view(), name="api-staff-freeze"),
    path("staff/payouts/recoveries/", staff_api.RecoveryListView.as_view(), name="api-staff-recoveries"),
    path("staff/payouts/recoveries/recover/", staff_api.RecoverView.as_view(), name="api-staff-recover"),
    path("staff/payouts/adopt-root/", staff_api.AdoptRootView.as_view(), name="api-staff-adopt-root"),
]

_pages = [
    path("", pages.overview, name="overview"),
    path("live/", pages.live, name="live"),
    path("withdraw/", pages.withdraw, name="withdraw"),
    path("wallet/", pages.set_wallet, name="wallet"),
    path("earnings.csv", pages.export, name="export"),
    path("withdrawals/<uuid:withdrawal_id>/", pages.withdrawal, name="withdrawal"),
    path("withdrawals/<uuid:withdrawal_id>/live/", pages.withdrawal_live, name="withdrawal-live"),
    path("tax/", pages.tax, name="tax"),
    path("tax-<int:year>.csv", pages.tax_file, name="tax-file"),
    path("withdrawals/<uuid:withdrawal_id>/cancel/", pages.cancel, name="cancel"),
    path("withdrawals/<uuid:withdrawal_id>/claim/", pages.claim, name="claim"),
    path("withdrawals/<uuid:withdrawal_id>/proof.json", pages.proof, name="proof"),
]
_staff_pages = [
    path("", staff_pages.overview, name="overview"),
    path("withdrawals/<uuid:withdrawal_id>/approve/", staff_pages.approve, name="approve"),
    path("withdrawals/<uuid:withdrawal_id>/reject/", staff_pages.reject, name="reject"),
    path("freezes/", staff_pages.freeze, name="freeze"),
    path("freezes/<uuid:organisation_id>/lift/", staff_pages.unfreeze, name="unfreeze"),
    path("rounds/", staff_pages.publish, name="publish"),
    path("rounds/adopt/", staff_pages.adopt, name="adopt"),
    path("recoveries/", staff_pages.announce, name="announce"),
    path("recoveries/recover/", staff_pages.recover, name="recover"),
]
page_urlpatterns = [
    path("earnings/", include((_pages, "payouts"))),
    path("staff/payouts/", include((_staff_pages, "payouts-staff"))),
]
