"""Routes of the chain's side."""

from __future__ import annotations

from django.urls import path

from apps.onchain import api, pages

page_urlpatterns = [path("staff/chain/", pages.staff_chain, name="staff-chain")]
api_urlpatterns = [
    path("chain/", api.ChainView.as_view(), name="api-chain"),
    path("chain/transactions/", api.IntentListView.as_view(), name="api-chain-transactions"),
    path("staff/chain/", api.StaffChainView.as_view(), name="api-staff-chain"),
]
