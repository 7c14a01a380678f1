"""Pages of assets: what it is, what it came from, who is paid."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import actor_required
from apps.accounts.selectors import linked_wallet
from apps.assets import selectors, services
from apps.assets.chain_facts import REGISTRY
from apps.assets.contribution_tree import proof_json
from apps.assets.drawing import draw
from apps.assets.errors import AlreadyMoving, NotInCustody, NotInWallet, NotOnChainYet, VersionNotFound, WalletMissing
from apps.assets.panels import panels_for
from apps.assets.policies import AssetsPermission, table
from apps.assets.types import AssetInfo, AssetVersionInfo, ChainState
from apps.tenancy.actors import actor_of, maybe_actor
from apps.tenancy.selectors import organisation
from apps.tenancy.types import Actor


@require_GET
def asset_page(request: HttpRequest, asset_id: UUID) -> HttpResponse:
    """An asset for whoever may see it."""
    actor = maybe_actor(request)
    asset = selectors.visible_asset(actor, asset_id)
    versions = selectors.versions(asset_id)
    context = {
        "asset": asset,
        "owner": organisation(asset.owner_id),
        "is_own": actor is not None and actor.organisation_id == asset.owner_id,
        **_chain_context(actor, asset, versions),
        **_holder_context(actor, asset),
        "panels": panels_for(actor, asset),
        "snippet": f"curl {request.build_absolute_uri(reverse('api-asset', args=[asset.id]))}lineage/",
    }
    if versions:
        lineage = selectors.lineage(versions[0].id)
        context |= {
            "version": versions[0],
            "lineage": lineage,
            "drawings": [
                ("across", draw(lineage, downwards=False)),
                ("down", draw(lineage, downwards=True)),
            ],
            "shares": selectors.share_lines(lineage),
            "contributors": (made_by := selectors.visible_contributors(actor, lineage)),
            "has_proof": actor is not None
            and any(
                one.version_id == versions[0].id and one.organisation_id == actor.organisation_id for one in made_by
            ),
        }
    return render(request, "assets/asset.html", context)


@require_GET
def chain_fragment(request: HttpRequest, asset_id: UUID) -> HttpResponse:
    """Versions with their hashes and chain proof; refetched while a registration is under way."""
    actor = maybe_actor(request)
    asset = selectors.visible_asset(actor, asset_id)
    context = {"asset": asset} | _chain_context(actor, asset, selectors.versions(asset_id))
    return render(request, "assets/chain_fragment.html", context)


@require_GET
def verify_page(request: HttpRequest, asset_id: UUID, version_id: UUID) -> HttpResponse:
    """The outcome of recomputing a version's hashes."""
    asset = selectors.visible_asset(maybe_actor(request), asset_id)
    version = selectors.version(version_id)
    if version.asset_id != asset_id:
        raise VersionNotFound(version_id)
    context = {
        "asset": asset,
        "asset_key": f"{asset.id}/",
        "version": version,
        "verification": selectors.verify_version(version_id),
    }
    return render(request, "assets/verify.html", context)


@require_POST
@actor_required
def retry_registration(request: HttpRequest, asset_id: UUID, version_id: UUID) -> HttpResponseRedirect:
    """Ask again for a registration that failed."""
    services.retry_registration(actor=actor_of(request), version_id=version_id)
    return redirect("assets:asset", asset_id=asset_id)


@require_GET
@actor_required
def contribution_proof(request: HttpRequest, asset_id: UUID, version_id: UUID) -> HttpResponse:
    """The proof of the own contribution, as a file that anyone can check against the chain."""
    proof = selectors.contribution_proof(version_id, actor_of(request).organisation_id)
    if proof.asset_id != asset_id:
        raise VersionNotFound(version_id)
    return JsonResponse(
        proof_json(proof),
        json_dumps_params={"indent": 2},
        headers={"Content-Disposition": f'attachment; filename="contribution-{version_id}.json"'},
    )


@require_POST
@actor_required
def move_token(request: HttpRequest, asset_id: UUID) -> HttpResponseRedirect:
    """Send the asset's token from the platform's custody to the own wallet."""
    try:
        services.move_token_to_wallet(actor=actor_of(request), asset_id=asset_id)
    except (AlreadyMoving, NotInCustody, WalletMissing) as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "On its way to your wallet. The page shows when it has arrived.")
    return redirect("assets:asset", asset_id=asset_id)


@require_POST
@actor_required
def release_royalties(request: HttpRequest, asset_id: UUID) -> HttpResponseRedirect:
    """Bring what the asset has earned on chain to the own wallet."""
    actor = actor_of(request)
    selectors.visible_asset(actor, asset_id)
    try:
        services.release_royalties(actor=actor, asset_id=asset_id)
    except (NotInWallet, NotOnChainYet) as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Asked for. What was earned on chain arrives in your wallet within minutes.")
    return redirect("assets:asset", asset_id=asset_id)


def _holder_context(actor: Actor | None, asset: AssetInfo) -> dict[str, Any]:
    holder = selectors.holder(asset.id)
    mine = actor is not None and holder is not None and holder.organisation_id == actor.organisation_id
    moves = selectors.custody_moves(actor, asset.id, contract=REGISTRY) if actor is not None and mine else []
    may_ask = actor is not None and table.allows(actor, AssetsPermission.MOVE)
    may_release = actor is not None and may_ask and selectors.paid_address(asset.id, actor.organisation_id) != ""
    may_move = mine and actor is not None and table.allows(actor, AssetsPermission.MOVE)
    return {
        "holder": holder,
        "holds_token": mine,
        "token_move": moves[0] if moves else None,
        "may_release_royalties": may_release,
        "royalty_release": selectors.royalty_release(actor, asset.id) if actor is not None and may_release else None,
        "may_move_token": may_move and holder is not None and holder.in_custody,
        "linked_wallet": linked_wallet(actor.organisation_id) if actor is not None and may_move else None,
    }


def _chain_context(actor: Actor | None, asset: AssetInfo, versions: list[AssetVersionInfo]) -> dict[str, Any]:
    own = actor is not None and actor.organisation_id == asset.owner_id
    return {
        "versions": versions,
        "is_settled": all(version.proof.state != ChainState.PENDING for version in versions),
        "may_retry": own and actor is not None and table.allows(actor, AssetsPermission.RELEASE),
    }
