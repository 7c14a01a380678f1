"""The on-chain side of releases: ask for the registration, and record what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.assets.chain_addresses import address_of
from apps.assets.errors import RegistrationNotRetryable, VersionNotFound
from apps.assets.events import AssetVersionRegistered
from apps.assets.locks import lock_asset
from apps.assets.models import AssetVersion, ProvenanceEdge
from apps.assets.policies import AssetsPermission, require
from apps.assets.records import ZERO_ROOT
from apps.assets.selectors.catalogue import version_info
from apps.assets.types import AssetVersionInfo, ChainState
from apps.core.live import notify
from apps.core.outbox import publish
from apps.core.tenant import all_tenants, tenant_scope
from apps.onchain import services as onchain
from apps.onchain.types import CUSTODY
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

CONTRACT = "AssetRegistry"
INTENT_KIND = "assets.version"
MAX_FAILURE = 500


def request_registration(version: AssetVersion, parents: Sequence[tuple[AssetVersion, int]]) -> None:
    """Ask for the registry call of a version, in the caller's transaction (the asset is locked).

    The asset's first call is `register`, which mints its token for the owner's wallet, or for the owner's custodial
    address where there is none (the platform's own while the chain is not ready); later ones are `addVersion`.
    Versions of the asset itself are no parents on chain.
    """
    asset = version.asset
    others = [(parent.asset, weight_bps) for parent, weight_bps in parents if parent.asset_id != asset.id]
    facts: list[Any] = [
        version.content_root,
        version.metadata_hash,
        version.contribution_root or ZERO_ROOT,
        [str(int(parent.token_id)) for parent, _ in others],
        [weight_bps for _, weight_bps in others],
    ]
    token_id = str(int(asset.token_id))
    on_chain = AssetVersion.objects.filter(asset=asset).exclude(id=version.id).exclude(chain_state=ChainState.FAILED)
    if on_chain.exists():
        function, args = "addVersion", [token_id, *facts]
    else:
        function, args = "register", [address_of(asset.tenant_id) or CUSTODY, token_id, *facts]
    onchain.request_transaction(
        organisation_id=asset.tenant_id,
        kind=INTENT_KIND,
        contract=CONTRACT,
        function=function,
        args=args,
        idempotency_key=_idempotency_key(version),
    )


@transaction.atomic
def confirm_registration(*, idempotency_key: str, tx_hash: str, block_number: int) -> None:
    """Record that a version's call is confirmed. Repeats change nothing."""
    version = _lock_version_of(idempotency_key)
    if version is not None and (version.tx_hash, version.block_number) != (tx_hash, block_number):
        _set_registered(version, tx_hash, block_number)  # again, in another block, after a reorganisation


@transaction.atomic
def fail_registration(*, idempotency_key: str, reason: str) -> None:
    """Record that a version's call failed for good; `retry_registration` asks again."""
    version = _lock_version_of(idempotency_key)
    if version is None or version.chain_state != ChainState.PENDING:
        return
    version.chain_state = ChainState.FAILED
    version.chain_failure = reason[:MAX_FAILURE]
    version.save(update_fields=["chain_state", "chain_failure", "updated_at"])
    _set_asset_state(version, ChainState.FAILED)
    notify(f"asset:{version.asset_id}", {"chain_state": ChainState.FAILED})


@transaction.atomic
def record_chain_event(
    *,
    token_id: int,
    content_root: str,
    metadata_hash: str,
    contribution_root: str,
    parents: Sequence[str],
    weights: Sequence[str],
    tx_hash: str,
    block_number: int,
    number: int,
) -> None:
    """Keep what the registry's confirmed `VersionAdded` said, for verification, whoever sent the transaction."""
    with all_tenants(reason="the chain does not know tenants"):
        version = (
            AssetVersion.objects.select_for_update(of=("self",), no_key=True)
            .select_related("asset")
            .filter(asset__token_id=token_id, metadata_hash=metadata_hash)
            .first()
        )
    if version is None:
        return
    with tenant_scope(version.tenant_id):
        version.chain_record = {
            "version": number,
            "content_root": content_root,
            "metadata_hash": metadata_hash,
            "contribution_root": contribution_root,
            "parents": list(parents),
            "weights": list(weights),
        }
        version.save(update_fields=["chain_record", "updated_at"])
        if version.chain_state != ChainState.REGISTERED:
            _set_registered(version, tx_hash, block_number)


@transaction.atomic
def retry_registration(*, actor: Actor, version_id: UUID) -> AssetVersionInfo:
    """Ask again for a registration that failed. Raises RegistrationNotRetryable for any other."""
    found = AssetVersion.objects.filter(id=version_id).first()
    if found is None:
        raise VersionNotFound(version_id)
    require(actor, AssetsPermission.RELEASE, found)
    lock_asset(found.asset_id)
    version = AssetVersion.objects.select_for_update(of=("self",)).select_related("asset").get(id=version_id)
    if version.chain_state != ChainState.FAILED:
        raise RegistrationNotRetryable(version.chain_state)
    version.chain_state = ChainState.PENDING
    version.chain_failure = ""
    version.chain_attempt += 1
    version.save(update_fields=["chain_state", "chain_failure", "chain_attempt", "updated_at"])
    with all_tenants(reason="a parent may belong to another organisation"):
        edges = list(ProvenanceEdge.objects.select_related("parent__asset").filter(child=version).order_by("id"))
    request_registration(version, [(edge.parent, edge.weight_bps) for edge in edges])
    _set_asset_state(version, ChainState.PENDING)
    record_audit(actor, action="asset.registration_retried", target_type="asset", target_id=version.asset_id)
    return version_info(version)


def _idempotency_key(version: AssetVersion) -> str:
    return f"{INTENT_KIND}:{version.id}:{version.chain_attempt}"


def _lock_version_of(idempotency_key: str) -> AssetVersion | None:
    """The running tenant's version that an intent's key names; None for an earlier attempt's key."""
    _, raw_id, attempt = idempotency_key.rsplit(":", 2)
    return (
        AssetVersion.objects.select_for_update(of=("self",), no_key=True)
        .select_related("asset")
        .filter(id=UUID(raw_id), chain_attempt=int(attempt))
        .first()
    )


def _set_registered(version: AssetVersion, tx_hash: str, block_number: int) -> None:
    version.chain_state = ChainState.REGISTERED
    version.chain_failure = ""
    version.tx_hash = tx_hash
    version.block_number = block_number
    version.save(update_fields=["chain_state", "chain_failure", "tx_hash", "block_number", "updated_at"])
    _set_asset_state(version, ChainState.REGISTERED)
    publish(AssetVersionRegistered(version.asset_id, version.id, tx_hash, block_number), tenant_id=version.tenant_id)
    notify(f"asset:{version.asset_id}", {"chain_state": ChainState.REGISTERED, "tx_hash": tx_hash})


def _set_asset_state(version: AssetVersion, state: ChainState) -> None:
    """An asset is registered once any version is; until then it shows the newest attempt's state."""
    asset = version.asset
    if asset.chain_state != ChainState.REGISTERED and asset.chain_state != state:
        asset.chain_state = state
        asset.save(update_fields=["chain_state", "updated_at"])
