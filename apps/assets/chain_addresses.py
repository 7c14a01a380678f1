"""Who is who on chain, also while the contracts are not deployed yet: then nobody has an address."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from apps.onchain import holders
from apps.onchain.errors import ChainNotReady


def address_of(organisation_id: UUID) -> str:
    """Where an organisation's tokens, licences and shares are; "" while the chain is not ready."""
    try:
        return holders.address_of(organisation_id)
    except ChainNotReady:
        return ""


def addresses_of(organisation_ids: Iterable[UUID]) -> dict[UUID, str]:
    """`address_of` for several; all "" while the chain is not ready: a commitment names everybody or nobody."""
    wanted = set(organisation_ids)
    try:
        return holders.addresses_of(wanted)
    except ChainNotReady:
        return dict.fromkeys(wanted, "")


def is_kept(organisation_id: UUID | None, address: str) -> bool:
    """Whether an address is the one that the platform keeps for the organisation."""
    return organisation_id is not None and holders.is_custodial(address)
