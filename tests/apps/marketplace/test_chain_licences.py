"""Licences here and licences on chain are the same ones, whoever made them and wherever they went."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from eth_utils.crypto import keccak

from apps.accounts.events import WalletLinked
from apps.assets import selectors as assets
from apps.core import outbox
from apps.core.errors import InvalidInput
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from apps.marketplace import selectors, services
from apps.marketplace.errors import InvalidListing, LicenceNotRevocable, RecordNotRetryable
from apps.marketplace.models import ChainLicence, Licence, Listing, Sale, TermsDocument
from apps.marketplace.terms import TEMPLATES
from apps.marketplace.types import LicenceSource, LicenceState, RecordState, Settlement
from apps.onchain.events import TransactionConfirmed, TransactionFailed
from apps.onchain.holders import address_of, custodial_address
from apps.onchain.models import ChainIntent
from tests.apps.assets.chain_events import NOBODY, Chain, fresh_wallet, know_the_contracts, link_wallet

pytestmark = pytest.mark.django_db

MakeListing = Callable[..., Any]
TX = "0x" + "11" * 32
PRICE_RAW = 10_000_000  # $10 in the token's smallest unit


@pytest.fixture(autouse=True)
def chain(db: None) -> Chain:
    know_the_contracts()
    return Chain()


@pytest.fixture
def seller(make_actor: Callable[..., Any]) -> Any:
    return make_actor(name="Seller")


@pytest.fixture
def buyer(make_actor: Callable[..., Any], fund: Callable[..., None]) -> Any:
    made = make_actor(name="Buyer")
    fund(made.organisation_id, 5_000)
    return made


def buy(buyer: Any, listing: Any) -> Any:
    with tenant_scope(buyer.organisation_id):
        return services.buy_licence(actor=buyer, listing_id=listing.id, idempotency_key=str(uuid7()))


def licences_of(who: Any) -> list[Licence]:
    with tenant_scope(who.organisation_id):
        return list(Licence.objects.order_by("id"))


def intents(who: Any, kind: str) -> list[ChainIntent]:
    with all_tenants(reason="test"):
        rows = (
            ChainIntent.objects.filter(kind=kind, tenant_id=who.organisation_id)
            if who
            else ChainIntent.objects.filter(kind=kind)
        )
        return list(rows.order_by("id"))


def answer(intent: ChainIntent, failure: str = "") -> None:
    event: Any = (
        TransactionFailed(intent.id, intent.kind, intent.idempotency_key, failure)
        if failure
        else TransactionConfirmed(intent.id, intent.kind, intent.idempotency_key, TX, 7)
    )
    outbox.publish(event, tenant_id=intent.tenant_id)
    outbox.drain()


def link(who: Any, address: str) -> None:
    outbox.publish(WalletLinked(who.organisation_id, address), tenant_id=who.organisation_id)
    outbox.drain()


def may_use(who: Any, listing: Any) -> bool:
    return assets.has_right(who.organisation_id, listing.asset_id, "use")


def test_a_sale_asks_for_its_terms_once_and_for_the_licence_at_the_buyers_address(
    seller: Any, buyer: Any, make_actor: Any, fund: Any, make_listing: MakeListing
) -> None:
    listing = make_listing(seller, period_days=37)
    terms_hash = listing.terms_hash
    buy(buyer, listing)
    second = make_actor(name="Second")
    fund(second.organisation_id, 5_000)
    buy(second, listing)
    [terms] = [intent for intent in intents(None, "marketplace.terms") if intent.args[0] == terms_hash]
    assert (terms.contract, terms.function, terms.args) == ("LicenseBook", "addTerms", [terms_hash, 1, False, False])
    [issue] = intents(buyer, "marketplace.licence")
    [licence] = licences_of(buyer)
    asset = assets.asset(listing.asset_id)
    assert issue.args[:3] == [address_of(buyer.organisation_id), str(asset.token_id), terms_hash]
    assert licence.expires_at is not None
    assert issue.args[3] == str(int(licence.expires_at.timestamp()))
    assert licence.chain_state == RecordState.PENDING
    answer(issue)
    [licence] = licences_of(buyer)
    assert (licence.chain_state, licence.chain_tx_hash, licence.chain_block_number) == (RecordState.RECORDED, TX, 7)


def test_the_terms_hash_is_keccak_of_what_is_served_under_it(
    seller: Any, buyer: Any, make_listing: MakeListing, api_for: Any
) -> None:
    listing = make_listing(seller, terms="develop-royalty-1", royalty_bps=1_250)
    response = api_for(buyer).get(f"/api/v1/licence-terms/{listing.terms_hash}/")
    assert response.status_code == 200
    assert "0x" + keccak(response.content).hex() == listing.terms_hash
    facts = response.json()
    assert (facts["rights"], facts["royalty_bps"], facts["derivatives"]) == (["use", "develop"], 1_250, True)
    assert (facts["transferable"], facts["revocable"], facts["period_days"]) == (False, False, None)
    assert api_for(buyer).get(f"/api/v1/licence-terms/0x{64 * '0'}/").status_code == 404


def test_different_royalties_and_periods_are_different_terms() -> None:
    terms = TEMPLATES["develop-royalty-1"]
    found = {terms.agreement(royalty_bps=r, period_days=p).hash for r in (0, 500) for p in (None, 30, 365)}
    assert len(found) == 6


def test_a_record_that_failed_says_why_and_is_asked_for_again_when_the_asset_is_on_chain(
    seller: Any, buyer: Any, make_listing: MakeListing
) -> None:
    listing = make_listing(seller)
    buy(buyer, listing)
    [first] = intents(buyer, "marketplace.licence")
    answer(first, "LicenseBookUnknownAsset")
    [licence] = licences_of(buyer)
    assert (licence.chain_state, licence.chain_failure) == (RecordState.FAILED, "LicenseBookUnknownAsset")
    assert may_use(buyer, listing)
    services.retry_records_of_asset(asset_id=listing.asset_id)
    second = intents(buyer, "marketplace.licence")[-1]
    assert (second.id != first.id, second.args) == (True, first.args)
    answer(first, "a late message of the first attempt")
    [licence] = licences_of(buyer)
    assert licence.chain_state == RecordState.PENDING
    with tenant_scope(buyer.organisation_id), pytest.raises(RecordNotRetryable):
        services.retry_licence_record(actor=buyer, licence_id=licence.id)


def to_wallets(chain: Chain, seller: Any, listing: Any) -> None:
    """The tokens of what is listed, and of what it was built on, are in the seller's own wallet."""
    version = assets.latest_version(listing.asset_id)
    assert version is not None
    wallet = link_wallet(seller)
    for node in assets.lineage(version.id).nodes:
        chain.moves_token(assets.asset(node.asset_id), NOBODY, wallet)


def sell_on_chain(seller: Any, listing: Any, **offer: Any) -> Any:
    with tenant_scope(seller.organisation_id):
        return services.list_asset(
            actor=seller, asset_id=listing.asset_id, price=listing.price, terms=listing.terms, on_chain=True, **offer
        )


def test_the_contract_sells_only_what_it_pays_to_wallets_and_to_nobody_else(
    seller: Any, buyer: Any, make_listing: MakeListing, chain: Chain, client_for: Any
) -> None:
    kept, shared = make_listing(seller), make_listing(seller, (buyer,), name="Shared")
    for listing, reason in ((kept, "is not recorded on chain yet"), (shared, "is not recorded on chain yet")):
        with pytest.raises(InvalidListing) as refused:
            sell_on_chain(seller, listing)
        [problem] = refused.value.errors
        assert problem["field"] == "on_chain"
        assert reason in problem["message"]
    asset = assets.asset(kept.asset_id)
    chain.moves_token(asset, NOBODY, custodial_address(seller.organisation_id))
    assert "kept by the platform" in selectors.chain_sale_problem(asset.id, seller.organisation_id)
    page = client_for(seller).get(f"/marketplace/assets/{asset.id}/offer/").content.decode()
    assert "Not possible for now. The token of Helpdesk is kept by the platform" in page
    to_wallets(chain, seller, shared)
    assert "contributors" in selectors.chain_sale_problem(shared.asset_id, seller.organisation_id)
    with pytest.raises(InvalidListing):
        sell_on_chain(seller, shared)

    to_wallets(chain, seller, kept)
    answer_offer = sell_on_chain(seller, kept)
    assert answer_offer.on_chain
    chain.creates_shares(asset, custodial_address(seller.organisation_id), 100)
    assert not selectors.listing(kept.id).on_chain  # the pool pays into custody from now on
    assert intents(seller, "marketplace.offer")[-1].function == "removeOffer"


def test_a_listing_is_offered_on_chain_only_where_its_seller_wants_it(
    seller: Any, make_listing: MakeListing, chain: Chain
) -> None:
    quiet = make_listing(seller)
    loud = make_listing(seller, name="Loud", period_days=30)
    assert intents(seller, "marketplace.offer") == []
    to_wallets(chain, seller, loud)
    loud = sell_on_chain(seller, loud, period_days=30)
    [offer] = intents(seller, "marketplace.offer")
    token_id = str(assets.asset(loud.asset_id).token_id)
    assert (offer.function, offer.args) == (
        "setOffer",
        [token_id, 1, loud.terms_hash, str(PRICE_RAW), str(30 * 86_400)],
    )
    answer(offer)
    assert selectors.listing(loud.id).offer_state == RecordState.RECORDED
    with tenant_scope(seller.organisation_id):
        services.unlist(actor=seller, listing_id=loud.id)
        services.unlist(actor=seller, listing_id=quiet.id)
    removal = intents(seller, "marketplace.offer")[-1]
    assert (removal.function, removal.args) == ("removeOffer", [token_id, 1])
    answer(removal)
    assert selectors.listing(loud.id).offer_state == RecordState.NONE


def bought_on_chain(chain: Chain, listing: Any, holder: str, **more: Any) -> list[Any]:
    asset = assets.asset(listing.asset_id)
    return chain.issues_licence(asset, holder, listing.terms_hash, bought_for=PRICE_RAW, **more)


def test_a_licence_bought_from_the_contract_gives_access_once_and_is_no_line_of_the_ledger(
    seller: Any, buyer: Any, make_listing: MakeListing, chain: Chain
) -> None:
    listing = make_listing(seller)
    earned = ledger.balance(AccountRef(seller.organisation_id, AccountKind.EARNINGS, "USD")).posted
    events = bought_on_chain(chain, listing, address_of(buyer.organisation_id))
    chain.says(*events)
    [licence] = licences_of(buyer)
    assert (licence.source, licence.state, licence.price_minor) == (LicenceSource.CHAIN, LicenceState.ACTIVE, 1_000)
    assert may_use(buyer, listing)
    with tenant_scope(seller.organisation_id):
        [sale] = Sale.objects.all()
    assert (sale.settlement, sale.price_minor, sale.fee_minor) == (Settlement.CHAIN, 1_000, 0)
    assert ledger.balance(AccountRef(seller.organisation_id, AccountKind.EARNINGS, "USD")).posted == earned
    assert ledger.balance(AccountRef(buyer.organisation_id, AccountKind.CASH, "USD")).posted == Money(5_000)


def test_a_licence_of_an_unknown_wallet_becomes_the_organisations_that_links_it(
    seller: Any, buyer: Any, make_listing: MakeListing, chain: Chain
) -> None:
    wallet = fresh_wallet()
    listing = make_listing(seller)
    bought_on_chain(chain, listing, wallet)
    with tenant_scope(seller.organisation_id):
        [external] = ChainLicence.objects.all()
        assert (external.address, external.organisation_id) == (wallet, None)
        assert not Sale.objects.exists()
    for _ in range(2):
        link(buyer, wallet)
    assert may_use(buyer, listing)
    with tenant_scope(seller.organisation_id):
        assert Sale.objects.count() == 1


def test_a_purchase_that_the_chain_undoes_ends_the_licence_and_marks_the_sale(
    seller: Any, buyer: Any, make_listing: MakeListing, chain: Chain
) -> None:
    listing = make_listing(seller)
    events = bought_on_chain(chain, listing, address_of(buyer.organisation_id))
    for event in events:
        chain.undoes(event)
    [licence] = licences_of(buyer)
    assert licence.state == LicenceState.UNDONE
    assert not may_use(buyer, listing)
    with tenant_scope(seller.organisation_id):
        [row] = selectors.sales(seller)
        assert hasattr(row, "reversal")
    chain.says(*events)
    [licence] = licences_of(buyer)
    assert licence.state == LicenceState.ACTIVE
    assert may_use(buyer, listing)
    with tenant_scope(seller.organisation_id):
        [row] = selectors.sales(seller)
        assert not hasattr(row, "reversal")


def test_a_sold_licence_whose_record_is_undone_holds_on_and_waits_for_its_record(
    seller: Any, buyer: Any, make_listing: MakeListing, chain: Chain
) -> None:
    listing = make_listing(seller)
    buy(buyer, listing)
    asset = assets.asset(listing.asset_id)
    [issued] = chain.issues_licence(asset, address_of(buyer.organisation_id), listing.terms_hash)
    [licence] = licences_of(buyer)
    assert licence.chain_state == RecordState.RECORDED
    chain.undoes(issued)
    [licence] = licences_of(buyer)
    assert (licence.state, licence.chain_state) == (LicenceState.ACTIVE, RecordState.PENDING)
    assert may_use(buyer, listing)


def test_a_licence_that_is_passed_on_is_the_receivers_and_no_longer_the_senders(
    seller: Any, buyer: Any, make_actor: Any, make_listing: MakeListing, chain: Chain
) -> None:
    receiver, wallet = make_actor(name="Receiver"), fresh_wallet()
    listing = make_listing(seller, terms="use-transferable-1")
    buy(buyer, listing)
    asset, home = assets.asset(listing.asset_id), address_of(buyer.organisation_id)
    chain.issues_licence(asset, home, listing.terms_hash)
    moved = chain.moves_licence(asset, home, wallet)
    assert [licence.state for licence in licences_of(buyer)] == [LicenceState.PASSED_ON]
    assert not may_use(buyer, listing)
    link(receiver, wallet)
    assert may_use(receiver, listing)
    assert [licence.source for licence in licences_of(receiver)] == [LicenceSource.PASSED_ON]
    chain.undoes(moved)
    assert may_use(buyer, listing)
    assert not may_use(receiver, listing)


def test_a_seller_ends_a_licence_where_its_terms_say_so_and_nowhere_else(
    seller: Any, buyer: Any, make_listing: MakeListing, chain: Chain
) -> None:
    trial, firm = make_listing(seller, terms="use-trial-1"), make_listing(seller, name="Firm")
    for listing in (trial, firm):
        buy(buyer, listing)
    trial_licence, firm_licence = licences_of(buyer)
    with tenant_scope(seller.organisation_id):
        with pytest.raises(LicenceNotRevocable):
            services.revoke_licence(actor=seller, licence_id=firm_licence.id, reason="No")
        with pytest.raises(InvalidInput):
            services.revoke_licence(actor=seller, licence_id=trial_licence.id, reason=" ")
        for _ in range(2):
            ended = services.revoke_licence(actor=seller, licence_id=trial_licence.id, reason="The trial is over")
    assert (ended.state, ended.end_reason) == (LicenceState.REVOKED, "The trial is over")
    assert (may_use(buyer, trial), may_use(buyer, firm)) == (False, True)
    [revocation] = intents(seller, "marketplace.revocation")
    assert revocation.args[3] == "0x" + keccak(text="The trial is over").hex()
    asset = assets.asset(trial.asset_id)
    home = address_of(buyer.organisation_id)
    chain.issues_licence(asset, home, trial.terms_hash)  # it was on its way
    assert not may_use(buyer, trial)
    chain.revokes_licence(asset, home)
    assert not may_use(buyer, trial)


def test_a_revocation_that_the_chain_refuses_is_told_to_the_seller_and_asked_for_again(
    seller: Any, buyer: Any, make_listing: MakeListing, chain: Chain, client_for: Any, api_for: Any
) -> None:
    listing = make_listing(seller, terms="use-trial-1")
    buy(buyer, listing)
    asset, home = assets.asset(listing.asset_id), address_of(buyer.organisation_id)
    chain.issues_licence(asset, home, listing.terms_hash)
    [licence] = licences_of(buyer)
    with tenant_scope(seller.organisation_id):
        services.revoke_licence(actor=seller, licence_id=licence.id, reason="Over")
    [first] = intents(seller, "marketplace.revocation")
    assert first.idempotency_key.endswith(f"{licence.id}:1")
    answer(first, "out of gas")
    [licence] = licences_of(buyer)
    assert (licence.revocation_state, licence.revocation_failure) == (RecordState.FAILED, "out of gas")
    assert [one.id for one in selectors.revoked_but_held(asset.id)] == [licence.id]
    browser = client_for(seller)
    assert "out of gas" in browser.get("/marketplace/sales/").content.decode()
    browser.post(f"/marketplace/licences/{licence.id}/revoke/again/")
    again = api_for(seller).post(f"/api/v1/licences/{licence.id}/revocation/record/")
    assert (again.status_code, again.json()["code"]) == (409, "record_not_failed")  # it is under way
    assert api_for(seller).get(f"/api/v1/licences/{licence.id}/").json()["revocation"] == "pending"
    second = intents(seller, "marketplace.revocation")[-1]
    assert (len(intents(seller, "marketplace.revocation")), second.args) == (2, first.args)
    answer(first, "a late message of the first attempt")
    assert licences_of(buyer)[0].revocation_state == RecordState.PENDING
    answer(second)
    chain.revokes_licence(asset, home)
    assert licences_of(buyer)[0].revocation_state == RecordState.RECORDED
    assert selectors.revoked_but_held(asset.id) == []
    assert "End it on chain" not in browser.get("/marketplace/sales/").content.decode()


def test_what_the_contract_does_not_have_needs_no_revocation(
    seller: Any, buyer: Any, make_listing: MakeListing
) -> None:
    listing = make_listing(seller, terms="use-trial-1")
    buy(buyer, listing)
    [licence] = licences_of(buyer)
    with tenant_scope(seller.organisation_id):
        services.revoke_licence(actor=seller, licence_id=licence.id, reason="Over")
    answer(intents(seller, "marketplace.revocation")[0], "LicenseBookNotHeld")
    assert licences_of(buyer)[0].revocation_state == RecordState.RECORDED


def test_terms_documents_are_never_changed(seller: Any, make_listing: MakeListing) -> None:
    listing = make_listing(seller)
    row = TermsDocument.objects.get(hash=listing.terms_hash)
    row.content = "{}"
    with pytest.raises(DatabaseError), transaction.atomic():
        row.save()
    assert Listing.objects.get(id=listing.id).terms == "use-internal-1"
