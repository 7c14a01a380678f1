"""Accounts and holds. Balances are kept by triggers, so that no code path can forget or forge them."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.core.append_only import never_truncated
from apps.core.tenant import TenantOwned
from apps.ledger.types import DIGEST_BYTES, OUTSIDE_KINDS, AccountKind


class Account(TenantOwned):
    """A balance of one organisation in one currency or token.

    `posted` is the sum of incoming less outgoing transfers, `held` the open part of its holds; both in minor or raw
    units. Once an account has a `successor`, what is credited to it goes there (a guest that became a user).

    `sequence` counts its transfers, `head` is the digest of the last of them: the end of the account's hash chain,
    which begins with the digest of the account's own name.
    """

    kind = models.CharField(max_length=12, choices=AccountKind.choices)
    currency = models.CharField(max_length=8)
    reference = models.CharField(max_length=80, blank=True)
    posted = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    sequence = models.BigIntegerField(default=0)
    head = models.BinaryField(max_length=DIGEST_BYTES)
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
                condition=pgtrigger.AnyChange("posted", "held", "sequence", "head"),
                func="""
                    IF pg_trigger_depth() < 2 THEN
                        RAISE EXCEPTION 'balances change only by transfers and holds';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="account_keeps_its_name",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "id", "tenant", "kind", "currency", "reference", "created_at", "successor"
                ),
                func="""
                    IF ROW(NEW.id, NEW.tenant_id, NEW.kind, NEW.currency, NEW.reference, NEW.created_at)
                       IS DISTINCT FROM
                       ROW(OLD.id, OLD.tenant_id, OLD.kind, OLD.currency, OLD.reference, OLD.created_at)
                       OR OLD.successor_id IS NOT NULL THEN
                        RAISE EXCEPTION 'an account keeps its name, and its successor once it has one';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="account_starts_empty",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NEW.posted <> 0 OR NEW.held <> 0 OR NEW.sequence <> 0 THEN
                        RAISE EXCEPTION 'an account starts empty';
                    END IF;
                    NEW.head := ledger_account_digest(NEW);
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.currency} {self.posted}"


class Hold(TenantOwned):
    """Money set aside on an account, to be captured in parts or released.

    From `expires_at` on nothing more is captured, and `expire_holds` releases the rest.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="holds")
    amount = models.BigIntegerField()
    captured = models.BigIntegerField(default=0)
    released = models.BigIntegerField(default=0)
    idempotency_key = models.CharField(max_length=200)
    reason = models.CharField(max_length=200)
    source_type = models.CharField(max_length=60)
    source_id = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "idempotency_key"], name="ledger_hold_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="ledger_hold_positive"),
            models.CheckConstraint(
                condition=Q(captured__gte=0, released__gte=0) & Q(amount__gte=F("captured") + F("released")),
                name="ledger_hold_within_amount",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                name="ledger_hold_expiry",
                condition=Q(expires_at__isnull=False, amount__gt=F("captured") + F("released")),
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
                    IF NEW.captured < OLD.captured OR NEW.released < OLD.released
                       OR NEW.captured > OLD.captured AND pg_trigger_depth() < 2
                       OR to_jsonb(NEW) - 'captured' - 'released' <> to_jsonb(OLD) - 'captured' - 'released' THEN
                        RAISE EXCEPTION 'a hold is only captured, by a transfer, or released';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="hold_counts_as_held",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                func="""
                    IF NEW.captured <> 0 OR NEW.released <> 0 THEN RAISE EXCEPTION 'a hold starts open'; END IF;
                    UPDATE ledger_account SET held = held + NEW.amount
                    WHERE id = NEW.account_id AND tenant_id = NEW.tenant_id;
                    IF NOT FOUND THEN RAISE EXCEPTION 'the account of a hold is its organisation''s'; END IF;
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
