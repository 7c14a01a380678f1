"""Withdrawals (an organisation's) and epochs (public, as they are on chain)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.ids import uuid7
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.payouts.types import EpochState, WithdrawalState


class Epoch(TimeStamped):
    """One root on one distributor. Which withdrawals it pays is in their rows; the tree follows from them."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.BigIntegerField()
    distributor = models.CharField(max_length=42)
    number = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=EpochState.choices, default=EpochState.PUBLISHING)
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
    """Earnings on their way to a wallet. `amount_minor` are cents, `token_raw` the same value in token units."""

    amount_minor = models.BigIntegerField()
    token_raw = models.BigIntegerField()
    address = models.CharField(max_length=42)
    requested_by = models.UUIDField(null=True)
    state = models.CharField(max_length=10, choices=WithdrawalState.choices, default=WithdrawalState.WAITING)
    epoch = models.ForeignKey(Epoch, null=True, on_delete=models.PROTECT, related_name="withdrawals")
    claim_attempt = models.PositiveIntegerField(default=0)
    claim_problem = models.TextField(blank=True)
    tx_hash = models.CharField(max_length=66, blank=True)
    block_number = models.BigIntegerField(null=True)
    claimed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, token_raw__gt=0), name="payouts_withdrawal_positive"
            ),
            models.CheckConstraint(
                condition=Q(state=WithdrawalState.WAITING, epoch=None)
                | (~Q(state=WithdrawalState.WAITING) & Q(epoch__isnull=False)),
                name="payouts_waiting_means_no_epoch",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="payouts_withdrawal_of_tenant"),
            models.Index(fields=["id"], name="payouts_withdrawal_waiting", condition=Q(state=WithdrawalState.WAITING)),
            models.Index(fields=["epoch", "address"], name="payouts_withdrawal_by_payee"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} to {self.address} {self.state}"
