"""The digests of the hash chain in Python: written apart from the triggers' SQL, so that each checks the other.

Canonical bytes: fixed-form fields joined by "|", then texts as netstrings ("5:hello,"), so that no two rows share them.
docs/adr/0010-ledger-hash-chain.md gives the layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: What the first checkpoint follows.
NO_DIGEST = b""


def account_digest(row: Mapping[str, Any]) -> bytes:
    """Where an account's chain begins: the digest of its name.

    Args:
        row: the columns `id`, `tenant_id`, `kind`, `currency`, `reference`, `created_at`.
    """
    fixed = ("account/1", row["id"], row["tenant_id"], _microseconds(row["created_at"]))
    return _digest(fixed, (row["kind"], row["currency"], row["reference"]))


def transfer_digest(row: Mapping[str, Any]) -> bytes:
    """The digest of a transfer, which contains those of the transfers before it on both accounts.

    Args:
        row: all columns; `detail` as PostgreSQL writes it (`detail::text`).
    """
    fixed = (
        "transfer/1",
        row["id"],
        row["debit_account_id"],
        row["credit_account_id"],
        row["debit_tenant_id"],
        row["credit_tenant_id"],
        row["amount"],
        row["hold_id"] or "",
        _microseconds(row["created_at"]),
        row["debit_sequence"],
        row["credit_sequence"],
        row["debit_balance"],
        row["credit_balance"],
        bytes(row["debit_previous"]).hex(),
        bytes(row["credit_previous"]).hex(),
    )
    texts = ("currency", "idempotency_key", "reason", "source_type", "source_id", "detail")
    return _digest(fixed, [row[name] for name in texts])


def checkpoint_digest(*, number: int, previous: bytes, heads: Iterable[tuple[UUID, int, bytes]]) -> bytes:
    """The digest of a checkpoint.

    Args:
        heads: (account, sequence, head) of every account that changed, in the order of the accounts' ids.
    """
    digest = sha256(f"checkpoint/1|{number}|{previous.hex()}|".encode())
    for account_id, sequence, head in heads:
        digest.update(f"{account_id}:{sequence}:{bytes(head).hex()},".encode())
    return digest.digest()


def _digest(fixed: Iterable[Any], texts: Iterable[str]) -> bytes:
    joined = "|".join(str(value) for value in fixed).encode() + b"|"
    encoded = [text.encode() for text in texts]
    return sha256(joined + b"".join(b"%d:%b," % (len(text), text) for text in encoded)).digest()


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
