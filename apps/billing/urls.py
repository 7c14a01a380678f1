"""Routes of billing."""

from __future__ import annotations

from django.urls import include, path

from apps.billing import api, pages

api_urlpatterns = [
    path("balance/", api.BalanceView.as_view(), name="api-balance"),
    path("top-ups/", api.TopUpListView.as_view(), name="api-top-ups"),
    path("top-ups/<uuid:top_up_id>/", api.TopUpView.as_view(), name="api-top-up"),
    path("top-ups/<uuid:top_up_id>/refunds/", api.RefundListView.as_view(), name="api-top-up-refunds"),
]

_pages = [
    path("", pages.overview, name="overview"),
    path("top-ups/", pages.start, name="start"),
    path("top-ups/<uuid:top_up_id>/status/", pages.top_up_status, name="top-up-status"),
    path("top-ups/<uuid:top_up_id>/refund/", pages.refund, name="refund"),
    path("statement.csv", pages.statement_csv, name="statement"),
]
page_urlpatterns = [path("billing/", include((_pages, "billing")))]
root_urlpatterns = [path("webhooks/stripe/", api.stripe_webhook, name="stripe-webhook")]
