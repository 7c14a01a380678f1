"""Rows of money in."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from apps.billing.types import CURRENCY, DifferenceKind, DisputeState, PlanKey, RefundState, TopUpState
from apps.core.models import TimeStamped
from apps.core.money import Money
from apps.core.tenant import TenantOwned


class TopUp(TenantOwned, TimeStamped):
    """A prepayment: asked for here, paid at the processor's page, credited by its webhook."""

    amount = models.BigIntegerField(help_text="minor units")
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=10, choices=TopUpState.choices, default=TopUpState.CREATED)
    session_id = models.CharField(max_length=200, blank=True)
    payment_intent = models.CharField(max_length=200, blank=True)
    payment_method = models.CharField(max_length=200, blank=True, help_text="the kept card that was charged")
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
            models.Index(fields=["payment_intent"], condition=~Q(payment_intent=""), name="billing_top_up_payment"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} {self.state}"


class TopUpRefund(TenantOwned, TimeStamped):
    """Unspent prepaid money on its way back to the card it came from."""

    top_up = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="refunds")
    amount = models.BigIntegerField(help_text="minor units")
    state = models.CharField(max_length=10, choices=RefundState.choices, default=RefundState.PENDING)
    hold_id = models.UUIDField(null=True, help_text="empty where it was made at the processor's own page")
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
    top_up = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="events", null=True)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "event_id"], name="billing_event_once")]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class ProcessorObject(TenantOwned):
    """Orders the reads of one object of the processor, so that an older answer never overwrites a newer one.

    Whoever is to read it takes the next ticket first, and applies what was read only if no later ticket was applied.
    """

    object_id = models.CharField(max_length=200)
    requested = models.BigIntegerField(default=0)
    applied = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "object_id"], name="billing_object_once")]

    def __str__(self) -> str:
        return f"{self.object_id} {self.applied}/{self.requested}"


class BillingAccount(TenantOwned, TimeStamped):
    """The organisation as the processor's customer. Locked before debts are booked or collected."""

    customer_id = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="billing_one_account"),
        ]
        indexes = [models.Index(fields=["customer_id"], condition=~Q(customer_id=""), name="billing_account_customer")]

    def __str__(self) -> str:
        return self.customer_id


class SavedCard(TenantOwned, TimeStamped):
    """A card that the processor keeps for the organisation; only its last digits are known here."""

    method_id = models.CharField(max_length=200)
    brand = models.CharField(max_length=30)
    last4 = models.CharField(max_length=4)
    exp_month = models.PositiveSmallIntegerField()
    exp_year = models.PositiveSmallIntegerField()
    is_default = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "method_id"], name="billing_card_once")]

    def __str__(self) -> str:
        return f"{self.brand} {self.last4}"


class Subscription(TenantOwned, TimeStamped):
    """A subscription as the processor last told of it."""

    subscription_id = models.CharField(max_length=200)
    item_id = models.CharField(max_length=200)
    plan = models.CharField(max_length=12, choices=PlanKey.choices)
    status = models.CharField(max_length=30)
    by_invoice = models.BooleanField(default=False)
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    cancel_at_period_end = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "subscription_id"], name="billing_subscription_once")]

    def __str__(self) -> str:
        return f"{self.plan} {self.status}"


class Invoice(TenantOwned, TimeStamped):
    """An invoice of the processor: facts and links, no copy."""

    invoice_id = models.CharField(max_length=200)
    subscription_id = models.CharField(max_length=200, blank=True)
    payment_intent = models.CharField(max_length=200, blank=True)
    number = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=30)
    amount_due = models.BigIntegerField(help_text="minor units")
    amount_paid = models.BigIntegerField(help_text="minor units")
    currency = models.CharField(max_length=3)
    issued_at = models.DateTimeField()
    url = models.TextField(blank=True)
    pdf_url = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "invoice_id"], name="billing_invoice_once")]
        indexes = [
            models.Index(fields=["tenant", "-issued_at"], name="billing_invoice_newest"),
            models.Index(fields=["payment_intent"], condition=~Q(payment_intent=""), name="billing_invoice_payment"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.status}"

    @property
    def amount(self) -> Money:
        """What it asks for."""
        return Money(self.amount_due, self.currency)


class Dispute(TenantOwned, TimeStamped):
    """A payment that its payer's bank asks back. `owed` is the part that the balance could not cover."""

    dispute_id = models.CharField(max_length=200)
    payment_intent = models.CharField(max_length=200)
    amount = models.BigIntegerField(help_text="minor units")
    owed = models.BigIntegerField(default=0, help_text="minor units")
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=10, choices=DisputeState.choices, default=DisputeState.OPEN)
    reason = models.CharField(max_length=60, blank=True)
    due_by = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "dispute_id"], name="billing_dispute_once")]
        indexes = [models.Index(fields=["tenant", "-id"], name="billing_dispute_newest")]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} {self.state}"

    @property
    def disputed(self) -> Money:
        """What the bank asks back."""
        return Money(self.amount, self.currency)

    @property
    def debt(self) -> Money:
        """The part that was spent already when it was disputed."""
        return Money(self.owed, self.currency)


class UsageRecord(TenantOwned):
    """One measurement, counted once by its key."""

    limit = models.CharField(max_length=20)
    key = models.CharField(max_length=200)
    amount = models.BigIntegerField()
    measured_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "limit", "key"], name="billing_usage_once")]

    def __str__(self) -> str:
        return f"{self.limit} {self.amount}"


class UsageTotal(TenantOwned):
    """What an organisation used of one measure in a period ("2026-11"; empty for what is kept, such as storage)."""

    limit = models.CharField(max_length=20)
    period = models.CharField(max_length=7, blank=True)
    amount = models.BigIntegerField(default=0)
    overage = models.BigIntegerField(default=0, help_text="units beyond the plan's limit")
    due = models.BigIntegerField(default=0, help_text="what the overage costs, in millionths of a minor unit")
    charged = models.BigIntegerField(default=0, help_text="minor units taken from the prepaid balance for it")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "limit", "period"], name="billing_usage_total_once")]

    def __str__(self) -> str:
        return f"{self.limit} {self.period} {self.amount}"


class Reconciliation(TenantOwned, TimeStamped):
    """A day's comparison of the processor's account with the ledger; belongs to the platform."""

    day = models.DateField()
    movements = models.PositiveIntegerField(default=0)
    gross = models.BigIntegerField(default=0, help_text="minor units")
    fees = models.BigIntegerField(default=0, help_text="minor units")
    applied = models.PositiveIntegerField(default=0, help_text="payments whose webhook was missed and made up for")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "day"], name="billing_reconciliation_once")]

    def __str__(self) -> str:
        return str(self.day)

    @property
    def gross_amount(self) -> Money:
        """The sum of all movements before fees."""
        return Money(self.gross, CURRENCY)

    @property
    def fee_amount(self) -> Money:
        """What the processor kept."""
        return Money(self.fees, CURRENCY)


class Difference(TenantOwned):
    """Something that the processor and the ledger did not agree on when the day was compared last."""

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="differences")
    kind = models.CharField(max_length=15, choices=DifferenceKind.choices)
    what = models.CharField(max_length=30)
    processor_id = models.CharField(max_length=200)
    there = models.BigIntegerField(null=True, help_text="minor units at the processor")
    here = models.BigIntegerField(null=True, help_text="minor units in the ledger")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "reconciliation", "processor_id"], name="billing_difference_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.processor_id}"

    @property
    def there_amount(self) -> Money:
        """What the processor has of it."""
        return Money(self.there or 0, CURRENCY)

    @property
    def here_amount(self) -> Money:
        """What the ledger has of it."""
        return Money(self.here or 0, CURRENCY)
