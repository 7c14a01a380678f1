"""Asking for changes on chain, and the Merkle trees that commit to content. No network: the bridge does the sending."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from eth_utils.address import to_checksum_address

from apps.core import clock
from apps.core.tenant import tenant_scope
from apps.onchain import selectors
from apps.onchain.errors import IntentKeyReused
from apps.onchain.holders import FACTORY, custodial_address
from apps.onchain.models import AddressCheck, ChainIntent
from apps.onchain.types import ADDRESS_OF, CALL_OF, AddressCheckInfo
from chain_bridge import custody, merkle
from chain_bridge.merkle import MerkleTree

#: An answer about an address is good for so long: a contract can be made at any address later.
CHECK_LASTS = timedelta(minutes=10)


def request_transaction(
    *, organisation_id: UUID, kind: str, contract: str, function: str, args: list[Any], idempotency_key: str
) -> UUID:
    """Store the wish to call a contract, in the caller's transaction; the bridge sends it after the commit.

    Args:
        kind: names the purpose for the handlers of `TransactionConfirmed` and `TransactionFailed`.
        contract: name of one of our contracts.
        args: JSON values in the function's order: integers (large ones also as decimal strings), 0x-hex for bytes and
            addresses, `types.CUSTODY` for the platform's own account (more forms: `calls.CallEncoder`).
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


def request_from_custody(
    *, organisation_id: UUID, kind: str, contract: str, function: str, args: list[Any], idempotency_key: str
) -> UUID:
    """Like `request_transaction`, but the call comes from the organisation's custodial account.

    The account is deployed with its first call. What has to stand in `args` for the account itself is
    `holders.custodial_address`.

    Raises:
        IntentKeyReused, ChainNotReady
    """
    custodial_address(organisation_id)  # recorded, so that what the account does can be told whose it is
    return request_transaction(
        organisation_id=organisation_id,
        kind=kind,
        contract=FACTORY,
        function="execute",
        args=[
            custody.organisation_key(organisation_id),
            {ADDRESS_OF: contract},
            {CALL_OF: [contract, function, args]},
        ],
        idempotency_key=idempotency_key,
    )


@transaction.atomic
def request_address_check(address: str) -> AddressCheckInfo:
    """Have the bridge look whether there is code at an address; it answers by `AddressChecked`.

    Returns:
        What is known now; `has_code` is None until the first look, and stays as it was while a new one is under way.
    """
    now = clock.now()
    row, _ = AddressCheck.objects.select_for_update().get_or_create(
        chain_id=selectors.chain_id(), address=str(to_checksum_address(address)), defaults={"requested_at": now}
    )
    if row.checked_at is not None and now - row.checked_at > CHECK_LASTS:
        row.requested_at, row.checked_at = now, None
        row.save(update_fields=["requested_at", "checked_at"])
    return selectors.address_check_info(row)


def merkle_tree(leaves: Sequence[bytes], hashed: Iterable[bytes] = ()) -> MerkleTree:
    """Root and one proof a leaf, in OpenZeppelin's format; `hashed` as `keccak_root`. ValueError without leaves."""
    return merkle.build_tree(leaves, hashed)


def keccak_root(rows: Iterable[bytes], hashed: Iterable[bytes] = ()) -> str:
    """The content root (0x-hex) over rows in any order. Raises ValueError without rows.

    Args:
        hashed: `leaf_hash` of further rows, which are gone.
    """
    return merkle.merkle_root(rows, hashed)


def leaf_hash(row: bytes) -> bytes:
    """The hash that stands for a row in a tree."""
    return merkle.leaf_hash(row)


def encode_words(*values: int | str) -> bytes:
    """ABI encoding of integers and 0x-hex words, as the contracts hash them."""
    return merkle.encode_words(*values)
