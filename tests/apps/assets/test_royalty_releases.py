"""What an asset earned on chain comes to its holder's wallet on the holder's word, and only to a wallet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.assets import selectors, services
from apps.assets.errors import NotInWallet
from apps.assets.services.royalties import RELEASE_KIND
from apps.assets.types import MoveState
from apps.core import outbox
from apps.core.errors import NotPermitted
from apps.core.tenant import tenant_scope
from apps.onchain.events import TransactionConfirmed, TransactionFailed
from apps.onchain.holders import custodial_address
from apps.onchain.models import ChainIntent
from apps.tenancy.types import Actor, Role
from tests.apps.assets.chain_events import NOBODY, Chain, know_the_contracts, link_wallet

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain() -> Chain:
    know_the_contracts()
    return Chain()


@pytest.fixture
def owner(make_actor: Callable[..., Any]) -> Any:
    return make_actor(name="Owner")


@pytest.fixture
def asset(owner: Any, chain: Chain, release: Callable[..., Any]) -> Any:
    """A registered asset, its token in the owner's wallet."""
    version = release(owner)
    found = selectors.asset(version.asset_id)
    facts = {"id": found.token_id, "version": 1, "contentRoot": version.content_root}
    chain.says(chain.event("AssetRegistry", "VersionAdded", facts | {"metadataHash": version.metadata_hash}))
    chain.moves_token(found, NOBODY, link_wallet(owner))
    return found


def ask(who: Any, asset: Any) -> Any:
    with tenant_scope(who.organisation_id):
        return services.release_royalties(actor=who, asset_id=asset.id)


def intents(who: Any) -> list[ChainIntent]:
    with tenant_scope(who.organisation_id):
        return list(ChainIntent.objects.filter(kind=RELEASE_KIND).order_by("id"))


def answer(intent: ChainIntent, failure: str = "") -> None:
    event: Any = (
        TransactionFailed(intent.id, intent.kind, intent.idempotency_key, failure)
        if failure
        else TransactionConfirmed(intent.id, intent.kind, intent.idempotency_key, "0x" + "22" * 32, 9)
    )
    outbox.publish(event, tenant_id=intent.tenant_id)
    outbox.drain()


def test_a_holder_asks_once_and_each_step_follows_the_one_before(owner: Any, asset: Any, client_for: Any) -> None:
    browser = client_for(owner)
    assert "Release to my wallet" in browser.get(f"/assets/{asset.id}/").content.decode()
    for _ in range(2):
        browser.post(f"/assets/{asset.id}/royalties/")
    [settle] = intents(owner)
    assert (settle.contract, settle.function, settle.args[0]) == ("RoyaltyPool", "settle", str(asset.token_id))
    answer(settle, "execution reverted: RoyaltyPoolNothingPending")
    answer(settle, "told once more")
    release = intents(owner)[-1]
    assert (len(intents(owner)), release.function, release.args) == (2, "release", [str(asset.token_id)])
    answer(release)
    with tenant_scope(owner.organisation_id):
        found = selectors.royalty_release(owner, asset.id)
    assert found is not None
    assert (found.state, found.tx_hash) == (MoveState.CONFIRMED, "0x" + "22" * 32)
    assert "Last released" in browser.get(f"/assets/{asset.id}/").content.decode()


def test_a_holder_of_shares_is_paid_out_last(owner: Any, asset: Any, chain: Chain, make_actor: Any) -> None:
    other = make_actor(name="Other")
    wallet = link_wallet(other)
    chain.creates_shares(asset, custodial_address(owner.organisation_id), 10)
    chain.moves_shares(asset, custodial_address(owner.organisation_id), wallet, 4)
    with pytest.raises(NotInWallet):  # the pool pays the shares now, and the owner's are in custody
        ask(owner, asset)
    ask(other, asset)
    for _ in range(2):
        answer(intents(other)[-1])
    claim = intents(other)[-1]
    assert (claim.contract, claim.function, claim.args) == ("AssetShares", "claim", [str(asset.token_id), wallet])
    answer(claim, "the chain refuses")
    with tenant_scope(other.organisation_id):
        found = selectors.royalty_release(other, asset.id)
    assert found is not None
    assert (found.state, found.failure) == (MoveState.FAILED, "the chain refuses")


def test_nobody_else_asks_and_nothing_goes_into_custody(
    owner: Any, asset: Any, chain: Chain, make_actor: Any, api_for: Any
) -> None:
    assert api_for(make_actor()).post(f"/api/v1/assets/{asset.id}/royalties/").status_code == 404
    with pytest.raises(NotPermitted):
        ask(Actor(owner.user_id, owner.organisation_id, Role.MEMBER), asset)
    assert api_for(owner).post(f"/api/v1/assets/{asset.id}/royalties/").json()["step"] == "settle"
    holder = selectors.holder(asset.id)
    assert holder is not None
    chain.moves_token(asset, holder.address, custodial_address(owner.organisation_id))
    with pytest.raises(NotInWallet):
        ask(owner, asset)
