"""Routes of billing."""

from __future__ import annotations

from django.urls import include, path

from apps.billing.api import plan as plan_api
from apps.billing.api import top_ups as api
from apps.billing.pages import overview, plan, staff

api_urlpatterns = [
    path("balance/", api.BalanceView.as_view(), name="api-balance"),
    path("top-ups/", api.TopUpListView.as_view(), name="api-top-ups"),
    path("top-ups/<uuid:top_up_id>/", api.TopUpView.as_view(), name="api-top-up"),
    path("top-ups/<uuid:top_up_id>/refunds/", api.RefundListView.as_view(), name="api-top-up-refunds"),
    path("billing/plan/", plan_api.PlanView.as_view(), name="api-plan"),
    path("billing/plan/resume/", plan_api.ResumePlanView.as_view(), name="api-plan-resume"),
    path("billing/plan/orders/", plan_api.PlanOrderView.as_view(), name="api-plan-orders"),
    path("billing/invoices/", plan_api.InvoiceListView.as_view(), name="api-invoices"),
    path("billing/disputes/", plan_api.DisputeListView.as_view(), name="api-disputes"),
    path("billing/cards/", plan_api.CardListView.as_view(), name="api-cards"),
    path("billing/cards/<uuid:card_id>/", plan_api.CardView.as_view(), name="api-card"),
    path("billing/cards/<uuid:card_id>/default/", plan_api.DefaultCardView.as_view(), name="api-card-default"),
    path("billing/cards/<uuid:card_id>/top-ups/", plan_api.CardTopUpView.as_view(), name="api-card-top-ups"),
]

_pages = [
    path("", overview.overview, name="overview"),
    path("top-ups/", overview.start, name="start"),
    path("top-ups/<uuid:top_up_id>/status/", overview.top_up_status, name="top-up-status"),
    path("top-ups/<uuid:top_up_id>/refund/", overview.refund, name="refund"),
    path("statement.csv", overview.statement_csv, name="statement"),
    path("plan/", plan.plan, name="plan"),
    path("plan/choose/", plan.choose, name="choose-plan"),
    path("plan/order/", plan.order, name="order-plan"),
    path("plan/cancel/", plan.cancel, name="cancel-plan"),
    path("plan/resume/", plan.resume, name="resume-plan"),
    path("cards/add/", plan.add_card, name="add-card"),
    path("cards/<uuid:card_id>/default/", plan.make_default, name="default-card"),
    path("cards/<uuid:card_id>/remove/", plan.remove_card, name="remove-card"),
]
page_urlpatterns = [
    path("billing/", include((_pages, "billing"))),
    path("staff/billing/", staff.overview, name="staff-billing"),
]
root_urlpatterns = [path("webhooks/stripe/", api.stripe_webhook, name="stripe-webhook")]
