"""Use cases of money in, one file each."""

from apps.billing.services.cards import add_card, make_default, remove_card
from apps.billing.services.customers import sync_cards
from apps.billing.services.disputes import collect_debts
from apps.billing.services.payments import sync_payment
from apps.billing.services.reconciliation import reconcile, reconcile_recent
from apps.billing.services.refunds import refund_top_up, send_overdue_refunds, send_refund
from apps.billing.services.subscriptions import (
    cancel_plan,
    change_plan,
    refresh,
    resume_plan,
    subscribe,
    subscribe_by_invoice,
    sync_invoice,
    sync_subscription,
)
from apps.billing.services.top_ups import (
    charge_again,
    settle_overdue_top_ups,
    settle_top_up,
    start_top_up,
    top_up_with_card,
)
from apps.billing.services.usage import PlanLimits, record_usage
from apps.billing.services.webhooks import handle_webhook

__all__ = [
    "PlanLimits",
    "add_card",
    "cancel_plan",
    "change_plan",
    "charge_again",
    "collect_debts",
    "handle_webhook",
    "make_default",
    "reconcile",
    "reconcile_recent",
    "record_usage",
    "refresh",
    "refund_top_up",
    "remove_card",
    "resume_plan",
    "send_overdue_refunds",
    "send_refund",
    "settle_overdue_top_ups",
    "settle_top_up",
    "start_top_up",
    "subscribe",
    "subscribe_by_invoice",
    "sync_cards",
    "sync_invoice",
    "sync_payment",
    "sync_subscription",
    "top_up_with_card",
]
