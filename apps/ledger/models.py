"""The ledger's tables. Balances are kept by triggers, so that no code path can forget or forge them."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.core.append_only import never_truncated
from apps.core.ids import uuid7
from apps.core.tenant import TenantOwned, TenantScopeMissing, current_scope
from apps.ledger.types import OUTSIDE_KINDS, AccountKind


class Account(TenantOwned):
    """A balance of one organisation in one currency or token.

    `posted` is the sum of incoming less outgoing transfers, `held` the open part of its holds; both in minor or raw
    units. Once an account has a `successor`, what is credited to it goes there (a guest that became a user).
    """

    kind = models.CharField(max_length=12, choices=AccountKind.choices)
    currency = models.CharField(max_length=8)
    reference = models.CharField(max_length=80, blank=True)
    posted = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    successor = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "kind", "currency", "reference"], name="ledger_account_once"),
            models.CheckConstraint(
                condition=Q(kind__in=[str(kind) for kind in OUTSIDE_KINDS]) | Q(posted__gte=F("held")),
                name="ledger_no_overdraft",
            ),
            models.CheckConstraint(condition=Q(held__gte=0), name="ledger_held_not_negative"),
        ]
        triggers = [
            pgtrigger.Protect(name="account_is_kept", operation=pgtrigger.Delete),
            never_truncated("account_is_not_truncated"),
            pgtrigger.Trigger(
                name="balances_follow_transfers",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__posted__df=pgtrigger.F("new__posted"))
                | pgtrigger.Q(old__held__df=pgtrigger.F("new__held")),
                func="""
                    IF pg_trigger_depth() < 2 THEN
                        RAISE EXCEPTION 'balances change only by transfers and holds';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="account_starts_empty",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                condition=~pgtrigger.Q(new__posted=0, new__held=0),
                func="RAISE EXCEPTION 'an account starts empty';",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.currency} {self.posted}"


class Hold(TenantOwned):
    """Money set aside on an account, to be captured in parts or released."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="holds")
    amount = models.BigIntegerField()
    captured = models.BigIntegerField(default=0)
    released = models.BigIntegerField(default=0)
    idempotency_key = models.CharField(max_length=200)
    reason = models.CharField(max_length=200)
    source_type = models.CharField(max_length=60)
    source_id = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "idempotency_key"], name="ledger_hold_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="ledger_hold_positive"),
            models.CheckConstraint(
                condition=Q(captured__gte=0, released__gte=0) & Q(amount__gte=F("captured") + F("released")),
                name="ledger_hold_within_amount",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="hold_is_kept", operation=pgtrigger.Delete),
            never_truncated("hold_is_not_truncated"),
            pgtrigger.Trigger(
                name="hold_only_shrinks",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                    IF NEW.amount <> OLD.amount OR NEW.account_id <> OLD.account_id OR NEW.tenant_id <> OLD.tenant_id
                       OR NEW.captured < OLD.captured OR NEW.released < OLD.released THEN
                        RAISE EXCEPTION 'a hold is only captured or released';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="hold_counts_as_held",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                func="""
                    UPDATE ledger_account SET held = held + NEW.amount - NEW.captured - NEW.released
                    WHERE id = NEW.account_id;
                    IF NOT FOUND THEN RAISE EXCEPTION 'the account of a hold is not visible'; END IF;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="hold_gives_back",
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                func="""
                    UPDATE ledger_account
                    SET held = held - (NEW.captured - OLD.captured) - (NEW.released - OLD.released)
                    WHERE id = NEW.account_id;
                    IF NOT FOUND THEN RAISE EXCEPTION 'the account of a hold is not visible'; END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.amount}"


class TransferManager(models.Manager["Transfer"]):
    """Transfers that the running tenant takes part in, on either side."""

    def get_queryset(self) -> models.QuerySet[Transfer]:
        scope = current_scope()
        if scope is None:
            raise TenantScopeMissing("Transfer was queried outside tenant_scope()")
        rows = super().get_queryset()
        if scope.tenant_id is None:
            return rows
        return rows.filter(Q(debit_tenant_id=scope.tenant_id) | Q(credit_tenant_id=scope.tenant_id))


class Transfer(models.Model):
    """An amount moved from the debited to the credited account. One row, so that an imbalance cannot be stored.

    Append-only: corrections are new transfers. It belongs to both sides' organisations.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    debit_account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="debits")
    credit_account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="credits")
    debit_tenant_id = models.UUIDField()
    credit_tenant_id = models.UUIDField()
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=8)
    idempotency_key = models.CharField(max_length=200)
    reason = models.CharField(max_length=200)
    source_type = models.CharField(max_length=60)
    source_id = models.CharField(max_length=80)
    detail = models.JSONField(default=dict)
    hold = models.ForeignKey(Hold, null=True, on_delete=models.PROTECT, related_name="captures")
    created_at = models.DateTimeField(auto_now_add=True)

    tenant_columns: ClassVar[tuple[str, str]] = ("debit_tenant_id", "credit_tenant_id")
    objects: ClassVar[TransferManager] = TransferManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["debit_tenant_id", "idempotency_key"], name="ledger_transfer_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="ledger_transfer_positive"),
            models.CheckConstraint(condition=~Q(debit_account=F("credit_account")), name="ledger_transfer_between_two"),
        ]
        indexes = [
            models.Index(fields=["debit_account", "-id"], name="ledger_transfer_debits"),
            models.Index(fields=["credit_account", "-id"], name="ledger_transfer_credits"),
            models.Index(fields=["source_type", "source_id"], name="ledger_transfer_source"),
        ]
        triggers = [
            pgtrigger.Protect(name="transfer_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("transfer_is_not_truncated"),
            pgtrigger.Trigger(
                name="transfer_moves_balances",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                declare=[("moved", "integer")],
                func="""
                    UPDATE ledger_account
                    SET posted = posted + CASE WHEN id = NEW.credit_account_id THEN NEW.amount ELSE -NEW.amount END
                    WHERE (id = NEW.debit_account_id AND tenant_id = NEW.debit_tenant_id
                           OR id = NEW.credit_account_id AND tenant_id = NEW.credit_tenant_id)
                      AND currency = NEW.currency;
                    GET DIAGNOSTICS moved = ROW_COUNT;
                    IF moved <> 2 THEN
                        RAISE EXCEPTION 'both accounts of a transfer exist, in its currency and of its organisations';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.amount} {self.currency}"

    def counterparty_of(self, organisation_id: UUID) -> UUID:
        """The other side's organisation."""
        return self.credit_tenant_id if self.debit_tenant_id == organisation_id else self.debit_tenant_id
