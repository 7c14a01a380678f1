"""What became of the calls that the marketplace asked for on chain, and asking again."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.assets.chain_addresses import address_of
from apps.core import clock
from apps.core.errors import NotFound
from apps.core.live import notify
from apps.core.tenant import all_tenants
from apps.marketplace.errors import RecordNotRetryable
from apps.marketplace.models import MAX_FAILURE, Licence, Listing, TermsDocument
from apps.marketplace.policies import MarketplacePermission, require
from apps.marketplace.selectors.trades import licence_info
from apps.marketplace.services.recording import LICENCE_KIND, OFFER_KIND, REVOCATION_KIND, TERMS_KIND, request_licence
from apps.marketplace.types import LicenceInfo, LicenceState, RecordState
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

TERMS_EXIST = "LicenseBookTermsExist"
NOT_HELD = "LicenseBookNotHeld"


@transaction.atomic
def record_outcome(
    *, kind: str, idempotency_key: str, tx_hash: str = "", block_number: int | None = None, failure: str = ""
) -> None:
    """Note what became of a call; `failure` is empty where it is confirmed. Repeats are harmless."""
    raw_id, _, number = idempotency_key.removeprefix(f"{kind}:").partition(":")
    if kind == TERMS_KIND:
        _note_terms(raw_id, int(number), failure)
    elif kind == LICENCE_KIND:
        _note_licence(UUID(raw_id), int(number), tx_hash, block_number, failure)
    elif kind == REVOCATION_KIND:
        _note_revocation(UUID(raw_id), int(number or 0), failure)
    elif kind == OFFER_KIND:
        _note_offer(UUID(raw_id), int(number), failure)


@transaction.atomic
def retry_licence_record(*, actor: Actor, licence_id: UUID) -> LicenceInfo:
    """Ask again for the record of a licence that failed.

    Raises:
        NotFound: the licence is another organisation's.
        RecordNotRetryable: it did not fail, or the licence is over.
    """
    require(actor, MarketplacePermission.BUY)
    rows = Licence.objects.select_for_update(of=("self",))
    row = rows.filter(id=licence_id, tenant_id=actor.organisation_id).first()
    if row is None:
        raise NotFound("licence_not_found", "There is no such licence.", licence_id=str(licence_id))
    if row.chain_state != RecordState.FAILED or licence_info(row).state != LicenceState.ACTIVE:
        raise RecordNotRetryable(row.chain_state or "not on chain")
    _ask_again(row)
    record_audit(actor, action="licence.record_retried", target_type="licence", target_id=licence_id)
    return licence_info(row)


@transaction.atomic
def retry_records_of_asset(*, asset_id: UUID) -> None:
    """The asset is on chain now: ask again for the licences that could not be recorded before."""
    with all_tenants(reason="licences of every buyer of the asset"):
        rows = Licence.objects.select_for_update(of=("self",)).filter(
            asset_id=asset_id, chain_state=RecordState.FAILED, state=LicenceState.ACTIVE
        )
        for row in rows.order_by("id"):
            if row.expires_at is None or row.expires_at > clock.now():
                _ask_again(row)


def _ask_again(row: Licence) -> None:
    row.chain_attempt += 1
    row.holder_address = row.holder_address or address_of(row.tenant_id)
    request_licence(row)


def _note_terms(terms_hash: str, attempt: int, failure: str) -> None:
    row = TermsDocument.objects.select_for_update().filter(hash=terms_hash, chain_attempt=attempt).first()
    if row is None:
        return
    known = not failure or TERMS_EXIST in failure
    row.chain_state = RecordState.RECORDED if known else RecordState.FAILED
    row.chain_failure = "" if known else failure[:MAX_FAILURE]
    row.save(update_fields=["chain_state", "chain_failure", "updated_at"])


def _note_licence(licence_id: UUID, attempt: int, tx_hash: str, block_number: int | None, failure: str) -> None:
    row = Licence.objects.select_for_update(of=("self",)).filter(id=licence_id, chain_attempt=attempt).first()
    if row is None:
        return
    if not failure:
        row.chain_state, row.chain_failure = RecordState.RECORDED, ""
        row.chain_tx_hash, row.chain_block_number = tx_hash, block_number
    elif row.chain_state == RecordState.PENDING:
        row.chain_state, row.chain_failure = RecordState.FAILED, failure[:MAX_FAILURE]
    row.save(update_fields=["chain_state", "chain_failure", "chain_tx_hash", "chain_block_number", "updated_at"])
    notify(f"licences:{row.tenant_id}", {"chain_state": row.chain_state})


def _note_revocation(licence_id: UUID, attempt: int, failure: str) -> None:
    """Found by the seller's intent, noted on the buyer's licence. What is not held there is ended."""
    with all_tenants(reason="the seller ends a licence of the buyer"):
        rows = Licence.objects.select_for_update(of=("self",))
        row = rows.filter(id=licence_id, revocation_attempt=attempt).first()
        if row is None:
            return
        if not failure or NOT_HELD in failure:
            row.revocation_state, row.revocation_failure = RecordState.RECORDED, ""
        elif row.revocation_state == RecordState.PENDING:
            row.revocation_state, row.revocation_failure = RecordState.FAILED, failure[:MAX_FAILURE]
        row.save(update_fields=["revocation_state", "revocation_failure", "updated_at"])
    notify(f"licences:{row.tenant_id}", {"revocation_state": row.revocation_state})


def _note_offer(listing_id: UUID, revision: int, failure: str) -> None:
    row = Listing.objects.select_for_update(of=("self",)).filter(id=listing_id, offer_revision=revision).first()
    if row is None or row.offer_state not in (RecordState.PENDING, RecordState.REMOVING):
        return
    if failure:
        row.offer_state, row.offer_failure = RecordState.FAILED, failure[:MAX_FAILURE]
    else:
        row.offer_state = RecordState.RECORDED if row.offer_state == RecordState.PENDING else RecordState.NONE
    row.save(update_fields=["offer_state", "offer_failure", "updated_at"])
    notify(f"asset:{row.asset_id}", {"offer_state": row.offer_state})
