"""Asking for changes on chain, and the Merkle trees that commit to content. No network: the bridge does the sending."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.core.tenant import tenant_scope
from apps.onchain.errors import IntentKeyReused
from apps.onchain.models import ChainIntent
from chain_bridge import merkle
from chain_bridge.merkle import MerkleTree


def request_transaction(
    *, organisation_id: UUID, kind: str, contract: str, function: str, args: list[Any], idempotency_key: str
) -> UUID:
    """Store the wish to call a contract, in the caller's transaction; the bridge sends it after the commit.

    Args:
        kind: names the purpose for the handlers of `TransactionConfirmed` and `TransactionFailed`.
        contract: name of one of our contracts.
        args: JSON values in the function's order: integers (large ones also as decimal strings), 0x-hex for bytes and
            addresses, `types.CUSTODY` for the platform's own account.
        idempotency_key: unique within the organisation; the same again returns the first intent.

    Returns:
        The intent's id.

    Raises:
        IntentKeyReused: the key was used for another call.
    """
    wanted = {"kind": kind, "contract": contract, "function": function, "args": args}
    with tenant_scope(organisation_id), transaction.atomic():
        try:
            with transaction.atomic():
                return ChainIntent.objects.create(
                    tenant_id=organisation_id, idempotency_key=idempotency_key, **wanted
                ).id
        except IntegrityError:
            row = ChainIntent.objects.get(idempotency_key=idempotency_key)
        if {name: getattr(row, name) for name in wanted} != wanted:
            raise IntentKeyReused(idempotency_key)
        return row.id


def merkle_tree(leaves: Sequence[bytes]) -> MerkleTree:
    """Root and one proof a leaf, in OpenZeppelin's format. Raises ValueError without leaves."""
    return merkle.build_tree(leaves)


def keccak_root(rows: Iterable[bytes]) -> str:
    """The content root (0x-hex) over rows in any order. Raises ValueError without rows."""
    return merkle.merkle_root(rows)


def encode_words(*values: int | str) -> bytes:
    """ABI encoding of integers and 0x-hex words, as the contracts hash them."""
    return merkle.encode_words(*values)
