"""The chain's record of what is agreed here: terms once, a licence each sale, an offer where the seller wants it."""

from __future__ import annotations

from eth_utils.crypto import keccak

from apps.assets import selectors as assets
from apps.assets.chain_facts import LICENCES
from apps.assets.types import AccessRight
from apps.core.money import TOKEN_UNITS_PER_MINOR
from apps.marketplace.chain_licences import CHAIN_CURRENCY, RIGHT_NUMBERS
from apps.marketplace.models import Licence, Listing, TermsDocument
from apps.marketplace.terms import Agreement
from apps.marketplace.types import ListingState, RecordState
from apps.onchain import selectors as onchain_facts
from apps.onchain import services as onchain
from apps.tenancy.selectors import platform_organisation_id

TERMS_KIND = "marketplace.terms"
LICENCE_KIND = "marketplace.licence"
REVOCATION_KIND = "marketplace.revocation"
OFFER_KIND = "marketplace.offer"
KINDS = (TERMS_KIND, LICENCE_KIND, REVOCATION_KIND, OFFER_KIND)
SECONDS_A_DAY = 86_400
CHAIN_NOT_READY = "The chain was not ready: its contracts were not deployed yet."


def keep_terms(agreement: Agreement) -> TermsDocument:
    """The stored document of an agreement, under its hash (in the caller's transaction)."""
    terms = agreement.terms
    row, _ = TermsDocument.objects.get_or_create(
        hash=agreement.hash,
        defaults={
            "content": agreement.canonical.decode(),
            "right": terms.right,
            "transferable": terms.transferable,
            "revocable": terms.revocable,
        },
    )
    return row


def request_terms(terms_hash: str) -> None:
    """Ask for the registration of kept terms on chain, unless it was asked for (in a transaction)."""
    address = onchain_facts.contract_addresses().get(LICENCES, "")
    if _is_requested(TermsDocument.objects.get(hash=terms_hash), address):
        return
    row = TermsDocument.objects.select_for_update().get(hash=terms_hash)
    if _is_requested(row, address):
        return
    row.chain_state, row.chain_failure, row.chain_address = RecordState.PENDING, "", address
    row.chain_attempt += 1
    row.save(update_fields=["chain_state", "chain_failure", "chain_address", "chain_attempt", "updated_at"])
    onchain.request_transaction(
        organisation_id=platform_organisation_id(),
        kind=TERMS_KIND,
        contract=LICENCES,
        function="addTerms",
        args=[row.hash, RIGHT_NUMBERS[AccessRight(row.right)], row.transferable, row.revocable],
        idempotency_key=f"{TERMS_KIND}:{row.hash}:{row.chain_attempt}",
    )


def request_licence(licence: Licence) -> None:
    """Ask for a licence's record on chain (in a transaction that has made or locked its row)."""
    licence.chain_state, licence.chain_failure = RecordState.PENDING, ""
    if not licence.holder_address:
        licence.chain_state, licence.chain_failure = RecordState.FAILED, CHAIN_NOT_READY
    licence.save(update_fields=["holder_address", "chain_state", "chain_failure", "chain_attempt", "updated_at"])
    if not licence.holder_address:
        return
    request_terms(licence.terms_hash)
    onchain.request_transaction(
        organisation_id=licence.tenant_id,
        kind=LICENCE_KIND,
        contract=LICENCES,
        function="issue",
        args=[
            licence.holder_address,
            str(assets.asset(licence.asset_id).token_id),
            licence.terms_hash,
            str(int(licence.expires_at.timestamp())) if licence.expires_at else "0",
        ],
        idempotency_key=f"{LICENCE_KIND}:{licence.id}:{licence.chain_attempt}",
    )


def request_revocation(licence: Licence) -> None:
    """Ask for the end of a licence on chain (its row is locked); again after a failure, under a key of its own."""
    licence.revocation_state, licence.revocation_failure = RecordState.PENDING, ""
    licence.revocation_attempt += 1
    licence.save(update_fields=["revocation_state", "revocation_failure", "revocation_attempt", "updated_at"])
    onchain.request_transaction(
        organisation_id=licence.seller_id,
        kind=REVOCATION_KIND,
        contract=LICENCES,
        function="revoke",
        args=[
            licence.holder_address,
            str(assets.asset(licence.asset_id).token_id),
            RIGHT_NUMBERS[AccessRight(licence.right)],
            "0x" + keccak(text=licence.end_reason).hex(),
        ],
        idempotency_key=f"{REVOCATION_KIND}:{licence.id}:{licence.revocation_attempt}",
    )


def request_offer(listing: Listing, agreement: Agreement) -> None:
    """Make the contract's offer follow a listing (which is locked): set, or removed."""
    offered = listing.on_chain and listing.state == ListingState.ACTIVE
    if not offered and listing.offer_state in (RecordState.NONE, RecordState.REMOVING):
        return
    token_id, right = str(assets.asset(listing.asset_id).token_id), RIGHT_NUMBERS[AccessRight(listing.right)]
    listing.offer_revision += 1
    listing.offer_state, listing.offer_failure = (RecordState.PENDING if offered else RecordState.REMOVING), ""
    listing.save(update_fields=["offer_revision", "offer_state", "offer_failure", "updated_at"])
    if offered:
        request_terms(keep_terms(agreement).hash)
        price = str(listing.price_minor * TOKEN_UNITS_PER_MINOR[CHAIN_CURRENCY])
        function, args = "setOffer", [token_id, right, agreement.hash, price, _period_s(listing.period_days)]
    else:
        function, args = "removeOffer", [token_id, right]
    onchain.request_transaction(
        organisation_id=listing.seller_id,
        kind=OFFER_KIND,
        contract=LICENCES,
        function=function,
        args=args,
        idempotency_key=f"{OFFER_KIND}:{listing.id}:{listing.offer_revision}",
    )


def _is_requested(row: TermsDocument, address: str) -> bool:
    """Whether terms are, or will be, in the contract that is in force (a new deployment knows none of them)."""
    return row.chain_state in (RecordState.PENDING, RecordState.RECORDED) and address in ("", row.chain_address)


def _period_s(period_days: int | None) -> str:
    return str((period_days or 0) * SECONDS_A_DAY)
