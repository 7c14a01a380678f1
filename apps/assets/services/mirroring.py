"""Keep what the chain says about assets, and let holders and shares follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.assets.chain_facts import (
    REGISTRY,
    SHARES,
    asset_token_ids,
    first_share_holder,
    share_balances,
    token_position,
)
from apps.assets.events import AssetChainFactsChanged, AssetHolderChanged
from apps.assets.locks import lock_asset
from apps.assets.models import Asset, AssetHolder, ChainFact, ShareHolding
from apps.assets.selectors.ownership import chain_facts
from apps.core.live import notify
from apps.core.outbox import publish
from apps.core.tenant import all_tenants, tenant_scope
from apps.onchain.holders import organisation_of
from apps.onchain.selectors import event_counts


@transaction.atomic
def follow_chain_event(
    *,
    contract: str,
    address: str,
    event: str,
    args: Mapping[str, Any],
    tx_hash: str,
    block_number: int,
    log_index: int,
) -> None:
    """Keep an event about assets of ours, or forget it, as the chain has it now; compute again what follows from it.

    News of an event's confirmation and of its end may come in any order and any number of times.
    """
    for asset in _assets(asset_token_ids(contract, event, args)):
        with tenant_scope(asset.tenant_id):
            row = lock_asset(asset.id)
            place: dict[str, Any] = {
                "address": address,
                "tx_hash": tx_hash,
                "log_index": log_index,
                "block_number": block_number,
            }
            if event_counts(**place):
                _, changed = ChainFact.objects.get_or_create(
                    tenant_id=row.tenant_id,
                    asset=row,
                    **place,
                    defaults={"contract": contract, "event": event, "args": dict(args)},
                )
            else:
                changed = ChainFact.objects.filter(asset=row, **place).delete()[0] > 0
            if changed:
                _follow(row, contract)


@transaction.atomic
def recognise_holder(*, organisation_id: UUID, address: str) -> None:
    """A wallet has been linked: tokens and shares that it holds are the organisation's. Repeats change nothing."""
    with all_tenants(reason="a wallet may hold tokens and shares of every organisation's assets"):
        holders = list(AssetHolder.objects.filter(address=address).values_list("asset_id", "tenant_id"))
        holdings = list(ShareHolding.objects.filter(address=address).values_list("asset_id", "tenant_id"))
    for asset_id, owner_id in sorted({*holders, *holdings}):
        with tenant_scope(owner_id):
            row = lock_asset(asset_id)
            AssetHolder.objects.filter(asset=row, address=address).update(organisation_id=organisation_id)
            ShareHolding.objects.filter(asset=row, address=address).update(organisation_id=organisation_id)
            publish(AssetHolderChanged(row.id))
            notify(f"asset:{row.id}", {"holder": True})


def _assets(token_ids: list[int]) -> list[Asset]:
    """Assets of ours with these token ids, in primary-key order."""
    with all_tenants(reason="the chain does not know tenants"):
        return list(Asset.objects.filter(token_id__in=token_ids).order_by("id"))


def _follow(asset: Asset, contract: str) -> None:
    """Compute again what follows from an asset's facts of a contract (the asset is locked)."""
    if contract == REGISTRY:
        _follow_token(asset)
    elif contract == SHARES:
        _follow_shares(asset)
    publish(AssetChainFactsChanged(asset.id, contract))
    notify(f"asset:{asset.id}", {"chain": contract})


def _follow_token(asset: Asset) -> None:
    position = token_position(chain_facts(asset.id, REGISTRY))
    if position is None:
        AssetHolder.objects.filter(asset=asset).delete()
        return
    # A token is minted for the organisation that made the asset; that stays so when it changes its wallet later.
    own = asset.tenant_id if position.minted_there else None
    known = _known_organisations(AssetHolder.objects.filter(asset=asset).values_list("address", "organisation_id"))
    AssetHolder.objects.update_or_create(
        tenant_id=asset.tenant_id,
        asset=asset,
        defaults={
            "address": position.address,
            "organisation_id": own or organisation_of(position.address) or known.get(position.address),
            "since_block": position.since_block,
            "tx_hash": position.tx_hash,
        },
    )
    publish(AssetHolderChanged(asset.id))


def _follow_shares(asset: Asset) -> None:
    facts = chain_facts(asset.id, SHARES)
    balances = share_balances(facts, int(asset.token_id))
    first = first_share_holder(facts)
    known = _known_organisations(ShareHolding.objects.filter(asset=asset).values_list("address", "organisation_id"))
    if first is not None:
        known.setdefault(first, asset.tenant_id)
    ShareHolding.objects.filter(asset=asset).exclude(address__in=balances).delete()
    for address, units in balances.items():
        ShareHolding.objects.update_or_create(
            tenant_id=asset.tenant_id,
            asset=asset,
            address=address,
            defaults={"units": units, "organisation_id": organisation_of(address) or known.get(address)},
        )
    publish(AssetHolderChanged(asset.id))


def _known_organisations(rows: Any) -> dict[str, UUID]:
    """Whose an address was: it stays theirs when they take another wallet."""
    return {address: organisation_id for address, organisation_id in rows if organisation_id is not None}
