"""Rows of money in."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from apps.billing.types import RefundState, TopUpState
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned


class TopUp(TenantOwned, TimeStamped):
    """A prepayment: asked for here, paid at the processor's page, credited by its webhook."""

    amount = models.BigIntegerField(help_text="minor units")
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=10, choices=TopUpState.choices, default=TopUpState.CREATED)
    session_id = models.CharField(max_length=200, blank=True)
    payment_intent = models.CharField(max_length=200, blank=True)
    checkout_url = models.TextField(blank=True)
    refunded = models.BigIntegerField(default=0, help_text="minor units refunded or on their way back")
    requested_by = models.UUIDField(null=True)
    paid_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="billing_top_up_positive"),
            models.CheckConstraint(
                condition=Q(refunded__gte=0) & Q(refunded__lte=F("amount")), name="billing_refunds_within_top_up"
            ),
            models.UniqueConstraint(
                fields=["tenant", "session_id"], condition=~Q(session_id=""), name="billing_one_top_up_a_session"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="billing_top_up_newest"),
            models.Index(fields=["created_at"], condition=Q(state="open"), name="billing_top_up_open"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} {self.state}"


class TopUpRefund(TenantOwned, TimeStamped):
    """Unspent prepaid money on its way back to the card it came from."""

    top_up = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="refunds")
    amount = models.BigIntegerField(help_text="minor units")
    state = models.CharField(max_length=10, choices=RefundState.choices, default=RefundState.PENDING)
    hold_id = models.UUIDField()
    processor_id = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="billing_refund_positive")]
        indexes = [models.Index(fields=["tenant", "-id"], name="billing_refund_newest")]

    def __str__(self) -> str:
        return f"{self.amount} {self.state}"


class WebhookEvent(TenantOwned):
    """An event of the processor that was acted on; its id is taken once."""

    event_id = models.CharField(max_length=200)
    type = models.CharField(max_length=100)
    top_up = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="events")
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "event_id"], name="billing_event_once")]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
