"""Transfers. Triggers number and chain them and move the balances; nothing changes or removes them."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.core.append_only import never_truncated
from apps.core.ids import uuid7
from apps.core.tenant import TenantScopeMissing, current_scope
from apps.ledger.models.accounts import Account, Hold
from apps.ledger.types import DIGEST_BYTES


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

    Append-only: corrections are new transfers. It belongs to both sides' organisations. The trigger numbers it on both
    accounts, notes both balances after it, and chains it to the transfer before it on each side by `digest` (SHA-256 of
    the row with those two earlier digests; `apps.ledger.digests` computes the same).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    debit_account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="debits", db_index=False)
    credit_account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="credits", db_index=False)
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
    debit_sequence = models.BigIntegerField()
    credit_sequence = models.BigIntegerField()
    debit_balance = models.BigIntegerField()
    credit_balance = models.BigIntegerField()
    debit_previous = models.BinaryField(max_length=DIGEST_BYTES)
    credit_previous = models.BinaryField(max_length=DIGEST_BYTES)
    digest = models.BinaryField(max_length=DIGEST_BYTES)

    tenant_columns: ClassVar[tuple[str, str]] = ("debit_tenant_id", "credit_tenant_id")
    objects: ClassVar[TransferManager] = TransferManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["debit_tenant_id", "idempotency_key"], name="ledger_transfer_once"),
            models.UniqueConstraint(fields=["debit_account", "debit_sequence"], name="ledger_transfer_debits"),
            models.UniqueConstraint(fields=["credit_account", "credit_sequence"], name="ledger_transfer_credits"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="ledger_transfer_positive"),
            models.CheckConstraint(condition=~Q(debit_account=F("credit_account")), name="ledger_transfer_between_two"),
        ]
        indexes = [
            models.Index(fields=["source_type", "source_id"], name="ledger_transfer_source"),
        ]
        triggers = [
            pgtrigger.Protect(name="transfer_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("transfer_is_not_truncated"),
            pgtrigger.Trigger(
                name="transfer_extends_chains",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("debited", "ledger_account"), ("credited", "ledger_account")],
                func="""
                    IF num_nonnulls(NEW.debit_sequence, NEW.credit_sequence, NEW.debit_balance, NEW.credit_balance,
                                    NEW.debit_previous, NEW.credit_previous, NEW.digest) > 0 THEN
                        RAISE EXCEPTION 'sequences, balances and digests of a transfer are computed, not given';
                    END IF;
                    IF NEW.debit_account_id < NEW.credit_account_id THEN
                        SELECT * INTO debited FROM ledger_account WHERE id = NEW.debit_account_id FOR NO KEY UPDATE;
                        SELECT * INTO credited FROM ledger_account WHERE id = NEW.credit_account_id FOR NO KEY UPDATE;
                    ELSE
                        SELECT * INTO credited FROM ledger_account WHERE id = NEW.credit_account_id FOR NO KEY UPDATE;
                        SELECT * INTO debited FROM ledger_account WHERE id = NEW.debit_account_id FOR NO KEY UPDATE;
                    END IF;
                    IF (debited.tenant_id = NEW.debit_tenant_id AND credited.tenant_id = NEW.credit_tenant_id
                        AND debited.currency = NEW.currency AND credited.currency = NEW.currency) IS NOT TRUE THEN
                        RAISE EXCEPTION 'both accounts of a transfer exist, in its currency and of its organisations';
                    END IF;
                    NEW.debit_sequence := debited.sequence + 1;
                    NEW.credit_sequence := credited.sequence + 1;
                    NEW.debit_balance := debited.posted - NEW.amount;
                    NEW.credit_balance := credited.posted + NEW.amount;
                    NEW.debit_previous := debited.head;
                    NEW.credit_previous := credited.head;
                    NEW.digest := ledger_transfer_digest(NEW);
                    RETURN NEW;
                """,
            ),
            # Apart from the numbering, because an INSERT may still be skipped (ON CONFLICT DO NOTHING) after BEFORE.
            pgtrigger.Trigger(
                name="transfer_moves_balances",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                declare=[("moved", "integer")],
                func="""
                    IF NEW.hold_id IS NOT NULL THEN
                        UPDATE ledger_hold SET captured = captured + NEW.amount
                        WHERE id = NEW.hold_id AND account_id = NEW.debit_account_id;
                        IF NOT FOUND THEN RAISE EXCEPTION 'a hold pays from its own account'; END IF;
                    END IF;
                    UPDATE ledger_account
                    SET posted = CASE id WHEN NEW.debit_account_id THEN NEW.debit_balance ELSE NEW.credit_balance END,
                        sequence = sequence + 1,
                        head = NEW.digest
                    WHERE id IN (NEW.debit_account_id, NEW.credit_account_id)
                      AND sequence + 1
                          = CASE id WHEN NEW.debit_account_id THEN NEW.debit_sequence ELSE NEW.credit_sequence END;
                    GET DIAGNOSTICS moved = ROW_COUNT;
                    IF moved <> 2 THEN
                        RAISE EXCEPTION 'transfers of one account are inserted one after the other';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.amount} {self.currency}"
