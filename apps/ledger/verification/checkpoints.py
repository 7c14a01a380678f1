"""Checkpoints against the chains that they digest, and against what the public chain says of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from apps.ledger.digests import NO_DIGEST, checkpoint_digest
from apps.ledger.verification.report import Finding, Tally

Row = dict[str, Any]

CHECKPOINTS = "SELECT number, previous, accounts, digest FROM ledger_checkpoint ORDER BY number"
HEADS = """
    SELECT heads.checkpoint_id, heads.account_id, heads.sequence, heads.head,
        coalesce(debits.id, credits.id) AS transfer_id, coalesce(debits.digest, credits.digest) AS digest
    FROM ledger_checkpointhead heads
    LEFT JOIN ledger_transfer debits
        ON debits.debit_account_id = heads.account_id AND debits.debit_sequence = heads.sequence
    LEFT JOIN ledger_transfer credits
        ON credits.credit_account_id = heads.account_id AND credits.credit_sequence = heads.sequence
    ORDER BY heads.checkpoint_id, heads.account_id
"""
COMMITMENTS = """
    SELECT commitments.number, commitments.head, commitments.tx_hash, commitments.block_number, checkpoints.digest
    FROM ledger_commitment commitments
    LEFT JOIN ledger_checkpoint checkpoints ON checkpoints.number = commitments.number
    ORDER BY commitments.number
"""


def walk_checkpoints(checkpoints: Iterator[Row], heads: Iterator[Row], tally: Tally) -> Iterator[Finding]:
    """Compare every checkpoint with the one before it and with the heads that it digests."""
    groups = groupby(heads, key=lambda row: row["checkpoint_id"])
    waiting = next(groups, None)
    number, previous = 0, NO_DIGEST
    for row in checkpoints:
        tally.checkpoints += 1
        covered: list[Row] = []
        while waiting is not None and waiting[0] <= row["number"]:
            if waiting[0] == row["number"]:
                covered = list(waiting[1])
            else:
                yield _checkpoint(waiting[0], "number", "its heads are here, the checkpoint is not")
            waiting = next(groups, None)
        if row["number"] != number + 1:
            yield _checkpoint(number + 1, "number", f"it is missing: number {row['number']} comes after {number}")
        elif bytes(row["previous"]) != previous:
            yield _checkpoint(row["number"], "previous", "it does not follow the digest of the checkpoint before it")
        yield from _compare(row, covered)
        number, previous = row["number"], bytes(row["digest"])
    if waiting is not None:
        yield _checkpoint(waiting[0], "number", "its heads are here, the checkpoint is not")


def _compare(row: Row, covered: list[Row]) -> Iterator[Finding]:
    stored = bytes(row["digest"])
    as_kept = _digest(row, covered, "head")
    if row["accounts"] != len(covered):
        message = f"it says {row['accounts']} accounts, and {len(covered)} heads are here"
        yield _checkpoint(row["number"], "accounts or heads", message)
        return
    if stored != as_kept:
        group = "heads" if stored == _digest(row, covered, "digest") else "digest, previous or heads"
        message = f"its {len(covered)} heads give {as_kept.hex()[:16]}…, it says {stored.hex()[:16]}…"
        yield _checkpoint(row["number"], group, message)
        return
    for head in covered:
        if head["transfer_id"] is None:
            message = f"checkpoint {row['number']} saw its transfer number {head['sequence']}, which is missing"
            yield Finding("account", str(head["account_id"]), "sequence", message)
        elif bytes(head["digest"]) != bytes(head["head"]):
            message = f"checkpoint {row['number']} saw it with digest {bytes(head['head']).hex()[:16]}…"
            yield Finding("transfer", str(head["transfer_id"]), "content and digest", message)


def _digest(row: Row, covered: list[Row], column: str) -> bytes:
    heads = [(head["account_id"], head["sequence"], bytes(head[column] or b"")) for head in covered]
    return checkpoint_digest(number=row["number"], previous=bytes(row["previous"]), heads=heads)


def compare_commitments(commitments: Iterator[Row], tally: Tally) -> Iterator[Finding]:
    """Compare what was committed on chain with the checkpoints."""
    for row in commitments:
        tally.commitments += 1
        where = f"block {row['block_number']} has (transaction {row['tx_hash']})"
        if row["digest"] is None:
            yield _checkpoint(row["number"], "number", f"it is missing here, {where} it")
        elif bytes(row["digest"]) != bytes(row["head"]):
            yield _checkpoint(row["number"], "digest", f"it is not what {where}: {bytes(row['head']).hex()[:16]}…")


def _checkpoint(number: int, fields: str, message: str) -> Finding:
    return Finding("checkpoint", str(number), fields, message)
