"""Withdrawals (an organisation's) and epochs (public, as they are on chain)."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q

from apps.core.append_only import never_truncated
from apps.core.ids import uuid7
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.payouts.types import WITHOUT_EPOCH, EpochState, RecoveryState, WithdrawalState


class Epoch(TimeStamped):
    """One root on one distributor. Which withdrawals it pays is in their rows; the tree follows from them."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.BigIntegerField()
    distributor = models.CharField(max_length=42)
    number = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=EpochState.choices, default=EpochState.PUBLISHING)
    previous_root = models.CharField(max_length=66, blank=True)
    root = models.CharField(max_length=66)
    payees = models.PositiveIntegerField()
    added = models.BigIntegerField()
    cumulative_total = models.BigIntegerField()
    tx_hash = models.CharField(max_length=66, blank=True)
    block_number = models.BigIntegerField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["chain_id", "distributor", "number"],
                name="payouts_epoch_number_once",
                condition=~Q(state=EpochState.FAILED),
            ),
            models.UniqueConstraint(
                fields=["chain_id", "distributor"],
                name="payouts_one_epoch_under_way",
                condition=Q(state=EpochState.PUBLISHING),
            ),
            models.CheckConstraint(condition=Q(cumulative_total__gte=models.F("added")), name="payouts_epoch_adds_up"),
        ]

    def __str__(self) -> str:
        return f"epoch {self.number} {self.state}"


class Withdrawal(TenantOwned, TimeStamped):
    """Earnings on their way to a wallet. `amount_minor` are cents, `token_raw` the same value in token units.

    `claim_reversals` counts how often the chain took a booked claim back; `failed_epoch` is the last round that was
    refused with this withdrawal in it.
    """

    amount_minor = models.BigIntegerField()
    token_raw = models.BigIntegerField()
    address = models.CharField(max_length=42)
    request_key = models.CharField(max_length=255, blank=True, help_text="the caller's Idempotency-Key")
    requested_by = models.UUIDField(null=True)
    state = models.CharField(max_length=10, choices=WithdrawalState.choices, default=WithdrawalState.WAITING)
    epoch = models.ForeignKey(Epoch, null=True, on_delete=models.PROTECT, related_name="withdrawals")
    failed_epoch = models.ForeignKey(Epoch, null=True, on_delete=models.PROTECT, related_name="+")
    approvals_needed = models.PositiveSmallIntegerField(default=0)
    reason = models.TextField(blank=True)
    claim_reversals = models.PositiveIntegerField(default=0)
    claim_attempt = models.PositiveIntegerField(default=0)
    claim_problem = models.TextField(blank=True)
    tx_hash = models.CharField(max_length=66, blank=True)
    block_number = models.BigIntegerField(null=True)
    claimed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "request_key"], condition=~Q(request_key=""), name="payouts_withdrawal_once_a_key"
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, token_raw__gt=0), name="payouts_withdrawal_positive"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in WITHOUT_EPOCH], epoch=None)
                | (~Q(state__in=[str(state) for state in WITHOUT_EPOCH]) & Q(epoch__isnull=False)),
                name="payouts_epoch_by_state",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="payouts_withdrawal_of_tenant"),
            models.Index(fields=["id"], name="payouts_withdrawal_waiting", condition=Q(state=WithdrawalState.WAITING)),
            models.Index(
                fields=["id"], name="payouts_withdrawal_to_approve", condition=Q(state=WithdrawalState.APPROVAL)
            ),
            models.Index(fields=["created_at"], name="payouts_withdrawal_by_day"),
            models.Index(fields=["epoch", "address"], name="payouts_withdrawal_by_payee"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} to {self.address} {self.state}"


class WithdrawalDecision(TenantOwned):
    """A member of the platform's staff has approved or rejected a withdrawal. Append-only by trigger."""

    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="decisions")
    user_id = models.UUIDField()
    approved = models.BooleanField()
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "withdrawal", "user_id"], name="payouts_one_decision_a_person"),
        ]
        triggers = [
            pgtrigger.Protect(name="decisions_are_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("decisions_are_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"{'approved' if self.approved else 'rejected'} {self.withdrawal_id}"


class PayoutFreeze(TenantOwned, TimeStamped):
    """A stop of an organisation's withdrawals by the platform's staff; the holder reads the reason."""

    reason = models.TextField()
    frozen_by = models.UUIDField()
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="payouts_frozen_once", condition=Q(lifted_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.tenant_id} {'lifted' if self.lifted_at else 'frozen'}"


class Recovery(TimeStamped):
    """The taking back of what a payee has not claimed: announced on chain, and after the contract's delay done."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.BigIntegerField()
    distributor = models.CharField(max_length=42)
    payee = models.CharField(max_length=42)
    state = models.CharField(max_length=10, choices=RecoveryState.choices, default=RecoveryState.ANNOUNCING)
    recoverable_at = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    requested_by = models.UUIDField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "recoveries"
        constraints = [
            models.UniqueConstraint(
                fields=["chain_id", "distributor", "payee"],
                name="payouts_one_open_recovery_a_payee",
                condition=~Q(state__in=[str(RecoveryState.RECOVERED), str(RecoveryState.FAILED)]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payee} {self.state}"
