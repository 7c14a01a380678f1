"""Checkpoints: what all hash chains ended in at a moment, chained themselves, and what the chain was told of them.

They belong to no organisation: they hold digests and numbers only.
"""

from __future__ import annotations

import pgtrigger
from django.db import models

from apps.core.append_only import never_truncated
from apps.core.ids import uuid7
from apps.ledger.models.accounts import Account
from apps.ledger.types import DIGEST_BYTES


class Checkpoint(models.Model):
    """The heads of all accounts that changed since the checkpoint before it, under one digest. Append-only."""

    number = models.BigIntegerField(primary_key=True)
    previous = models.BinaryField(max_length=DIGEST_BYTES)
    accounts = models.PositiveIntegerField()
    digest = models.BinaryField(max_length=DIGEST_BYTES)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        triggers = [
            pgtrigger.Protect(name="checkpoint_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("checkpoint_is_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"checkpoint {self.number}"


class CheckpointHead(models.Model):
    """Where one account's chain was at a checkpoint."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="heads")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    sequence = models.BigIntegerField()
    head = models.BinaryField(max_length=DIGEST_BYTES)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "checkpoint"], name="ledger_checkpoint_account_once"),
        ]
        triggers = [
            pgtrigger.Protect(name="checkpoint_head_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("checkpoint_head_is_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} at {self.sequence}"


class Commitment(models.Model):
    """A checkpoint's digest as a confirmed event of the anchor contract shows it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.BigIntegerField()
    contract = models.CharField(max_length=42)
    number = models.BigIntegerField()
    head = models.BinaryField(max_length=DIGEST_BYTES)
    tx_hash = models.CharField(max_length=66)
    block_number = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain_id", "contract", "number"], name="ledger_commitment_once"),
        ]
        triggers = [
            pgtrigger.Protect(name="commitment_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("commitment_is_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"checkpoint {self.number} in block {self.block_number}"
