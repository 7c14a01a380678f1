"""Who holds an asset's token and shares follows the chain, whoever moved them, and money follows the holder."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import pytest

from apps.accounts.events import WalletLinked
from apps.assets import selectors, services
from apps.assets.errors import AssetNotFound, InvalidShares, NotInCustody, NotOnChainYet, SharesExist
from apps.assets.models import ChainFact
from apps.assets.types import ShareRule
from apps.core import outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger import services as ledger_services
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.onchain.events import ChainEventReverted
from apps.onchain.holders import custodial_address
from apps.tenancy.types import PLATFORM_ID
from tests.apps.assets.chain_events import NOBODY, OTHER_WALLET, WALLET, Chain, know_the_contracts, link_wallet

pytestmark = pytest.mark.django_db

Release = Callable[..., Any]


@pytest.fixture
def chain() -> Chain:
    know_the_contracts()
    return Chain()


@pytest.fixture
def asset(actor: Any, release: Release) -> Any:
    return selectors.asset(release(actor).asset_id)


def link(organisation_id: Any, address: str) -> None:
    outbox.publish(WalletLinked(organisation_id, address), tenant_id=organisation_id)
    outbox.drain()


def payees(asset: Any) -> dict[Any, Fraction]:
    """The part of a sale by organisation, or by address where nobody is known."""
    version = selectors.latest_version(asset.id)
    assert version is not None
    return {share.address or share.organisation_id: share.weight for share in selectors.revenue_shares(version.id)}


def test_before_anything_is_minted_the_owner_is_paid(asset: Any, actor: Any) -> None:
    assert selectors.holder(asset.id) is None
    assert payees(asset) == {actor.organisation_id: 1}


def test_a_token_minted_for_an_organisation_stays_its_own_whatever_wallet_it_links_later(
    asset: Any, actor: Any, chain: Chain
) -> None:
    chain.moves_token(asset, NOBODY, WALLET)
    link(actor.organisation_id, OTHER_WALLET)
    held = selectors.holder(asset.id)
    assert held is not None
    assert (held.organisation_id, held.address) == (actor.organisation_id, WALLET)
    assert payees(asset) == {actor.organisation_id: 1}


def test_a_token_moved_to_an_unknown_wallet_takes_the_owners_part_along(asset: Any, actor: Any, chain: Chain) -> None:
    home = custodial_address(actor.organisation_id)
    chain.moves_token(asset, NOBODY, home)
    chain.moves_token(asset, home, WALLET)
    assert payees(asset) == {WALLET: 1}
    held = selectors.holder(asset.id)
    assert held is not None
    assert (held.organisation_id, held.in_custody) == (None, False)


def test_the_wallets_organisation_is_paid_once_it_links_it_and_receives_what_was_kept(
    asset: Any, actor: Any, other_actor: Any, chain: Chain
) -> None:
    chain.moves_token(asset, NOBODY, OTHER_WALLET)
    chain.moves_token(asset, OTHER_WALLET, WALLET)
    keep(WALLET, 700)
    for _ in range(2):
        link(other_actor.organisation_id, WALLET)
    assert payees(asset) == {other_actor.organisation_id: 1}
    assert earnings(other_actor) == 700
    assert ledger.balance(services.escrow_account(WALLET)).posted == Money(0)
    with tenant_scope(other_actor.organisation_id):
        [line] = ledger.statement(other_actor, kind=AccountKind.EARNINGS, currency="USD")
    assert WALLET in line.reason
    assert selectors.visible_asset(other_actor, asset.id).id == asset.id


def test_what_the_chain_undoes_is_undone_here_and_repeats_change_nothing(asset: Any, actor: Any, chain: Chain) -> None:
    home = custodial_address(actor.organisation_id)
    minted = chain.moves_token(asset, NOBODY, home)
    moved = chain.moves_token(asset, home, WALLET)
    chain.says(moved, minted, moved)
    assert ChainFact.objects.filter(asset_id=asset.id).count() == 2
    assert payees(asset) == {WALLET: 1}
    chain.undoes(moved)
    chain.undoes(moved)
    assert payees(asset) == {actor.organisation_id: 1}
    chain.undoes(minted)
    assert selectors.holder(asset.id) is None


def test_old_news_does_not_bring_back_what_the_chain_has_undone_nor_undo_what_it_has_again(
    asset: Any, actor: Any, chain: Chain
) -> None:
    home = custodial_address(actor.organisation_id)
    chain.moves_token(asset, NOBODY, home)
    moved = chain.moves_token(asset, home, WALLET)
    undone = ChainEventReverted(**vars(moved))
    chain.says(undone)
    chain.tells(moved)
    assert payees(asset) == {actor.organisation_id: 1}
    chain.says(moved)
    chain.tells(undone)
    assert payees(asset) == {WALLET: 1}


def test_what_came_to_a_wallet_while_it_was_being_linked_is_settled_later_once(
    asset: Any, actor: Any, other_actor: Any, chain: Chain
) -> None:
    late = link_wallet(other_actor)
    with patch("apps.assets.services.mirroring.organisation_of", return_value=None):
        chain.moves_token(asset, NOBODY, OTHER_WALLET)
        chain.moves_token(asset, OTHER_WALLET, late)
    keep(late, 300)
    assert payees(asset) == {late: 1}
    assert services.settle_linked_wallets() >= 1
    services.settle_linked_wallets()
    assert payees(asset) == {other_actor.organisation_id: 1}
    assert earnings(other_actor) == 300


def test_the_order_in_which_events_arrive_does_not_matter(asset: Any, actor: Any, chain: Chain) -> None:
    home = custodial_address(actor.organisation_id)
    steps = [(NOBODY, home), (home, WALLET), (WALLET, OTHER_WALLET)]
    events = [
        chain.event("AssetRegistry", "Transfer", {"tokenId": asset.token_id, "to": receiver, "from": sender})
        for sender, receiver in steps
    ]
    chain.says(*reversed(events))
    assert payees(asset) == {OTHER_WALLET: 1}


def test_shares_divide_the_owners_part_by_units_wherever_they_go(
    asset: Any, actor: Any, other_actor: Any, chain: Chain
) -> None:
    home = custodial_address(actor.organisation_id)
    chain.moves_token(asset, NOBODY, home)
    chain.creates_shares(asset, home, 1_000)
    assert payees(asset) == {actor.organisation_id: 1}
    chain.moves_shares(asset, home, WALLET, 250)
    batch = {
        "operator": home,
        "from": home,
        "to": OTHER_WALLET,
        "ids": [str(asset.token_id), "7"],
        "values": ["50", "9"],
    }
    chain.says(chain.event("AssetShares", "TransferBatch", batch))
    assert payees(asset) == {
        actor.organisation_id: Fraction(7, 10),
        WALLET: Fraction(1, 4),
        OTHER_WALLET: Fraction(1, 20),
    }
    link(other_actor.organisation_id, WALLET)
    assert payees(asset)[other_actor.organisation_id] == Fraction(1, 4)
    version = selectors.latest_version(asset.id)
    assert version is not None
    assert {share.rule for share in selectors.revenue_shares(version.id)} == {ShareRule.SHAREHOLDER}


def test_shares_that_a_reorganisation_brings_back_are_the_former_holders_again(
    asset: Any, actor: Any, chain: Chain
) -> None:
    home = custodial_address(actor.organisation_id)
    chain.creates_shares(asset, home, 10)
    moved = chain.moves_shares(asset, home, WALLET, 10)
    assert payees(asset) == {WALLET: 1}
    chain.undoes(moved)
    assert payees(asset) == {actor.organisation_id: 1}
    assert [holding.units for holding in selectors.share_holdings(asset.id)] == [10]


def test_shares_are_created_once_by_the_holder_of_a_registered_asset(asset: Any, actor: Any, chain: Chain) -> None:
    with pytest.raises(NotOnChainYet):
        services.create_shares(actor=actor, asset_id=asset.id, supply=100)
    registered(asset, chain, custodial_address(actor.organisation_id))
    with pytest.raises(InvalidShares):
        services.create_shares(actor=actor, asset_id=asset.id, supply=0)
    issue = services.create_shares(actor=actor, asset_id=asset.id, supply=100)
    assert (issue.supply, issue.state, issue.holder_address) == (
        100,
        "pending",
        custodial_address(actor.organisation_id),
    )
    with pytest.raises(SharesExist):
        services.create_shares(actor=actor, asset_id=asset.id, supply=100)


def test_who_no_longer_holds_the_token_cannot_create_shares_or_move_it(asset: Any, actor: Any, chain: Chain) -> None:
    registered(asset, chain, WALLET)
    with pytest.raises(NotInCustody):
        services.move_token_to_wallet(actor=actor, asset_id=asset.id)
    chain.moves_token(asset, WALLET, OTHER_WALLET)
    with pytest.raises(AssetNotFound):
        services.create_shares(actor=actor, asset_id=asset.id, supply=100)
    with pytest.raises(AssetNotFound):
        services.move_token_to_wallet(actor=actor, asset_id=asset.id)


def test_events_about_assets_that_nobody_here_knows_are_ignored(actor: Any, chain: Chain) -> None:
    before = ChainFact.objects.count()
    chain.says(chain.event("AssetRegistry", "Transfer", {"tokenId": 5, "to": WALLET, "from": NOBODY}))
    chain.says(chain.event("AssetRegistry", "Approval", {"tokenId": 5, "owner": WALLET, "approved": WALLET}))
    assert ChainFact.objects.count() == before


def registered(asset: Any, chain: Chain, holder: str) -> None:
    """As after the confirmation of the first registration."""
    version = selectors.latest_version(asset.id)
    assert version is not None
    chain.moves_token(asset, NOBODY, holder)
    args = {
        "id": asset.token_id,
        "version": 1,
        "contentRoot": version.content_root,
        "metadataHash": version.metadata_hash,
    }
    chain.says(chain.event("AssetRegistry", "VersionAdded", args))


def keep(address: str, cents: int) -> None:
    ledger_services.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        credit=services.escrow_account(address),
        amount=Money(cents),
        idempotency_key=f"test:{address}:{cents}:{ChainFact.objects.count()}",
        reason="Kept",
        source=SourceRef("test", "escrow"),
    )


def earnings(actor: Any) -> int:
    return int(ledger.balance(AccountRef(actor.organisation_id, AccountKind.EARNINGS, "USD")).posted.minor)  # type: ignore[union-attr]
