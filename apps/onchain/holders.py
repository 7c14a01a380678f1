"""Who is who on chain: an organisation is its linked wallet, or until it links one an account kept for it.

The kept (custodial) account's address is computed from the organisation's id and the factory's address, so it can own
tokens and shares from the first day; it is deployed only when something must leave it.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from eth_utils.address import to_checksum_address

from apps.accounts.selectors import linked_wallet, linked_wallets, organisation_of_wallet
from apps.core.tenant import all_tenants, tenant_scope
from apps.onchain.models import CustodialAddress
from apps.onchain.selectors import chain_id, contract_address
from chain_bridge import custody

FACTORY = "CustodyAccounts"
REASON = "an address on chain is looked up, whosever it is"


def address_of(organisation_id: UUID) -> str:
    """Where an organisation's tokens, licences and shares are: its linked wallet, else its custodial address.

    Raises:
        ChainNotReady: it has no linked wallet, and the contracts are not deployed yet.
    """
    return linked_wallet(organisation_id) or custodial_address(organisation_id)


def addresses_of(organisation_ids: Iterable[UUID]) -> dict[UUID, str]:
    """`address_of` for many, in a few queries. Raises ChainNotReady as it does."""
    wanted = set(organisation_ids)
    found = linked_wallets(wanted)
    without = wanted - found.keys()
    return found | (_custodial_addresses(without) if without else {})


def custodial_address(organisation_id: UUID) -> str:
    """The address of the account that is kept for an organisation; recorded, so that it can be found again by it.

    Raises:
        ChainNotReady: the contracts are not deployed yet.
    """
    factory = contract_address(FACTORY)
    address = custody.account_address(factory, organisation_id)
    with tenant_scope(organisation_id):
        CustodialAddress.objects.get_or_create(
            tenant_id=organisation_id, chain_id=chain_id(), factory=factory, defaults={"address": address}
        )
    return address


def _custodial_addresses(organisation_ids: set[UUID]) -> dict[UUID, str]:
    factory, chain = contract_address(FACTORY), chain_id()
    with all_tenants(reason="addresses that are kept for many organisations"):
        rows = CustodialAddress.objects.filter(chain_id=chain, factory=factory, tenant_id__in=organisation_ids)
        known = dict(rows.values_list("tenant_id", "address"))
        new = {one: custody.account_address(factory, one) for one in sorted(organisation_ids - known.keys())}
        CustodialAddress.objects.bulk_create(
            (
                CustodialAddress(tenant_id=one, chain_id=chain, factory=factory, address=address)
                for one, address in new.items()
            ),
            batch_size=1_000,
            ignore_conflicts=True,
        )
    return known | new


def organisation_of(address: str) -> UUID | None:
    """The organisation that an address stands for: by its custodial account or its linked wallet; None for others."""
    checksummed = str(to_checksum_address(address))
    with all_tenants(reason=REASON):
        kept_for = (
            CustodialAddress.objects.filter(chain_id=chain_id(), address=checksummed)
            .values_list("tenant_id", flat=True)
            .first()
        )
    return kept_for or organisation_of_wallet(checksummed)


def is_custodial(address: str) -> bool:
    """Whether the address is an account that the platform keeps for an organisation."""
    with all_tenants(reason=REASON):
        return CustodialAddress.objects.filter(chain_id=chain_id(), address=to_checksum_address(address)).exists()
