"""Registering assets and deciding who may see them."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.text import slugify

from apps.assets.events import AssetChanged
from apps.assets.locks import lock_asset
from apps.assets.models import Asset
from apps.assets.policies import AssetsPermission, require
from apps.assets.selectors.catalogue import asset_info
from apps.assets.types import AssetInfo, AssetKind, Visibility
from apps.core.errors import InvalidInput
from apps.core.ids import uuid7
from apps.core.outbox import publish
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

MAX_NAME = 120
MAX_SUMMARY = 500


@transaction.atomic
def register_asset(*, actor: Actor, kind: AssetKind | str, name: str, summary: str = "") -> AssetInfo:
    """Make an asset of the actor's organisation. It goes on chain with its first version.

    Raises InvalidInput where the name is empty or something is too long.
    """
    require(actor, AssetsPermission.REGISTER)
    name, summary = name.strip(), summary.strip()
    _check_texts(name, summary)
    asset_id = uuid7()
    row = Asset.objects.create(
        id=asset_id,
        tenant_id=actor.organisation_id,
        kind=AssetKind(kind),
        name=name,
        slug=_free_slug(actor.organisation_id, name, asset_id),
        summary=summary,
        token_id=asset_id.int,
    )
    record_audit(actor, action="asset.registered", target_type="asset", target_id=row.id, detail={"name": name})
    return asset_info(row)


@transaction.atomic
def set_visibility(*, actor: Actor, asset_id: UUID, visibility: Visibility | str) -> AssetInfo:
    """Show an asset's public facts to everyone, or only to those who hold a right to it."""
    row = lock_asset(asset_id)
    require(actor, AssetsPermission.PUBLISH, row)
    wanted = Visibility(visibility)
    if row.visibility != wanted:
        row.visibility = wanted
        row.save(update_fields=["visibility", "updated_at"])
        publish(AssetChanged(row.id))
        record_audit(actor, action=f"asset.made_{wanted.value}", target_type="asset", target_id=row.id)
    return asset_info(row)


def _check_texts(name: str, summary: str) -> None:
    problems = []
    if not name or len(name) > MAX_NAME:
        problems.append({"field": "name", "message": f"Give a name of 1 to {MAX_NAME} characters."})
    if len(summary) > MAX_SUMMARY:
        problems.append({"field": "summary", "message": f"At most {MAX_SUMMARY} characters."})
    if problems:
        raise InvalidInput("invalid_asset", "The asset cannot be registered as described.", errors=problems)


def _free_slug(organisation_id: UUID, name: str, asset_id: UUID) -> str:
    """The name as a slug; with the id's random tail where the organisation already has that slug."""
    slug = slugify(name) or "asset"
    taken = Asset.objects.filter(tenant_id=organisation_id, slug=slug).exists()
    return f"{slug}-{asset_id.hex[-8:]}" if taken else slug
