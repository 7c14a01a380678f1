"""Epochs: all waiting withdrawals, whatever their number, in one Merkle root and one transaction."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from apps.core import clock, live
from apps.core.ids import uuid7
from apps.core.tenant import all_tenants
from apps.ledger.services import make_checkpoint
from apps.onchain import selectors as chain
from apps.onchain import services as onchain
from apps.payouts import tree
from apps.payouts.errors import AnotherRootInForce, EpochUnderWay
from apps.payouts.locks import lock_epochs, lock_waiting, waiting
from apps.payouts.models import Epoch, Withdrawal
from apps.payouts.selectors import epoch_info
from apps.payouts.services.claiming import CONTRACT, request_claims
from apps.payouts.services.settling import unbook_claim
from apps.payouts.types import UNDER_WAY, EpochInfo, EpochState, WithdrawalState
from apps.tenancy.policies import require_staff
from apps.tenancy.services import record_audit
from apps.tenancy.types import PLATFORM_ID, Actor

EPOCH_KIND = "payouts.epoch"
NO_ROOT = "0x" + "00" * 32
#: After a refused epoch (an empty treasury, a paused contract) the schedule gives the cause time to go away.
PAUSE_AFTER_FAILURE = timedelta(minutes=5)
REASON = "an epoch pays every organisation"
#: What the contracts' errors mean for the people who read them.
EXPLAINED = {
    "PayoutDistributorRootChanged": "another root is in force on the chain than the platform published last",
    "PayoutDistributorFundsMissing": "fewer tokens arrived than the round pays",
    "ERC20InsufficientBalance": "the platform's treasury holds fewer tokens than the round pays",
    "ERC20InsufficientAllowance": "the distributor may not take the tokens that the round pays",
    "EnforcedPause": "the distributor is paused",
}


def publish_epoch(*, actor: Actor) -> EpochInfo | None:
    """Publish an epoch now, on demand of the platform's staff; None when no withdrawal waits.

    Raises:
        NotFound, EpochUnderWay, AnotherRootInForce, ChainNotReady
    """
    require_staff(actor)
    return make_epoch(actor)


def publish_due_epoch() -> EpochInfo | None:
    """Publish an epoch when withdrawals wait, none is under way, and the last was not refused just now (schedule)."""
    last = Epoch.objects.filter(chain_id=chain.chain_id()).order_by("-id").first()
    if last is not None:
        failed_lately = last.state == EpochState.FAILED and clock.now() - last.updated_at < PAUSE_AFTER_FAILURE
        if failed_lately or last.state in UNDER_WAY:
            return None
    with all_tenants(reason=REASON):
        if not waiting().exists():
            return None
    return make_epoch(Actor.system(PLATFORM_ID))


@transaction.atomic
def make_epoch(actor: Actor, *, even_if_empty: bool = False) -> EpochInfo | None:
    """Put all that waits into one root and ask for its publication; None when nothing waits.

    Args:
        even_if_empty: publish what was promised before once more, to replace a root that is not the platform's.
    """
    lock_epochs()
    distributor, chain_id = chain.contract_address(CONTRACT), chain.chain_id()
    mine = Epoch.objects.filter(chain_id=chain_id, distributor=distributor)
    under_way = mine.filter(state__in=UNDER_WAY).first()
    if under_way is not None:
        raise EpochUnderWay(under_way.number)
    last = mine.filter(state=EpochState.PUBLISHED).order_by("-number").first()
    foreign = root_of_another(chain_id, distributor)
    if foreign is not None:
        raise AnotherRootInForce(found=foreign, expected=last.root if last is not None else NO_ROOT)
    with all_tenants(reason=REASON):
        rows = lock_waiting()
        amounts = _promised(chain_id, distributor, last, rows)
        if not amounts or not (rows or even_if_empty):
            return None
        make_checkpoint()  # the books that the round follows from are committed on chain before its root
        epoch = _create(chain_id, distributor, last, rows, amounts)
        Withdrawal.objects.filter(id__in=[row.id for row in rows]).update(
            state=WithdrawalState.PUBLISHING, epoch=epoch, updated_at=clock.now()
        )
    onchain.request_transaction(
        organisation_id=PLATFORM_ID,
        kind=EPOCH_KIND,
        contract=CONTRACT,
        function="setRoot",
        args=[epoch.previous_root, epoch.root, str(epoch.added)],
        idempotency_key=f"{EPOCH_KIND}:{epoch.id}",
    )
    _tell(rows)
    record_audit(
        Actor(actor.user_id, PLATFORM_ID, actor.role),
        action="epoch.published",
        target_type="epoch",
        target_id=epoch.id,
        detail={"number": epoch.number, "payees": epoch.payees, "added_raw": str(epoch.added)},
    )
    return epoch_info(epoch)


def root_of_another(chain_id: int, distributor: str) -> str | None:
    """The confirmed root in force where it is none of the platform's published ones, else None.

    The index may lag behind a round that is known to be published: an older root of ours is no reason to stop.
    """
    published = chain.confirmed_events(distributor, "RootPublished", chain_id=chain_id)
    if not published:
        return None
    root: str = published[-1]["root"]
    ours = Epoch.objects.filter(chain_id=chain_id, distributor=distributor, root=root).exclude(state=EpochState.FAILED)
    return None if ours.exists() else root


def _promised(chain_id: int, distributor: str, last: Epoch | None, rows: list[Withdrawal]) -> Counter[str]:
    """What each address is promised with these withdrawals, since the beginning."""
    before = last.number if last is not None else 0
    amounts = Counter(tree.cumulative_amounts(chain_id=chain_id, distributor=distributor, up_to=before))
    for row in rows:
        amounts[row.address] += row.token_raw
    return amounts


def _create(
    chain_id: int, distributor: str, last: Epoch | None, rows: list[Withdrawal], amounts: Counter[str]
) -> Epoch:
    built = tree.build(chain_id=chain_id, distributor=distributor, amounts=amounts)
    added = sum(row.token_raw for row in rows)
    return Epoch.objects.create(
        id=uuid7(),
        chain_id=chain_id,
        distributor=distributor,
        number=last.number + 1 if last is not None else 1,
        previous_root=last.root if last is not None else NO_ROOT,
        root=built.root,
        payees=len({row.address for row in rows}),
        added=added,
        cumulative_total=(last.cumulative_total if last is not None else 0) + added,
    )


@transaction.atomic
def confirm_epoch(*, idempotency_key: str, tx_hash: str, block_number: int) -> None:
    """The root is on chain at depth: its withdrawals can be claimed, and the platform claims them for the payees."""
    lock_epochs()
    epoch = _epoch_of(idempotency_key)
    if epoch.state == EpochState.PUBLISHING:
        put_into_force(epoch, tx_hash, block_number)


def put_into_force(epoch: Epoch, tx_hash: str, block_number: int) -> None:
    """The locked epoch's root is on chain: claims are asked for, except those that are under way already."""
    back = epoch.state == EpochState.VANISHED
    epoch.state = EpochState.PUBLISHED
    epoch.tx_hash = tx_hash
    epoch.block_number = block_number
    epoch.reason = ""
    epoch.save()
    with all_tenants(reason=REASON):
        rows = list(epoch.withdrawals.select_for_update(of=("self",)).order_by("id"))
        epoch.withdrawals.filter(state=WithdrawalState.PUBLISHING).update(
            state=WithdrawalState.CLAIMABLE, updated_at=clock.now()
        )
        if not back:  # else the bridge sends the same claims again
            request_claims(epoch)
    _tell(rows)


@transaction.atomic
def settle_root(*, distributor: str, root: str) -> None:
    """Bring the round of a root to what the index of confirmed events says now: published, or vanished for a while."""
    lock_epochs()
    mine = Epoch.objects.select_for_update().filter(chain_id=chain.chain_id(), distributor=distributor, root=root)
    epoch = mine.exclude(state=EpochState.FAILED).order_by("-number").first()
    if epoch is None:
        return
    key = {"root": root} | ({"previousRoot": epoch.previous_root} if epoch.previous_root else {})
    found = chain.confirmed_logs(distributor, "RootPublished", chain_id=chain.chain_id(), **key)
    if found and epoch.state in UNDER_WAY:
        _, tx_hash, block_number = found[-1]
        put_into_force(epoch, tx_hash, block_number)
    elif not found and epoch.state == EpochState.PUBLISHED:
        _take_out_of_force(epoch)


def _take_out_of_force(epoch: Epoch) -> None:
    epoch.state = EpochState.VANISHED
    epoch.reason = "The chain was reorganised; the same transaction is sent again."
    epoch.save()
    with all_tenants(reason=REASON):
        rows = list(epoch.withdrawals.select_for_update(of=("self",)).order_by("id"))
        epoch.withdrawals.filter(state=WithdrawalState.CLAIMABLE).update(
            state=WithdrawalState.PUBLISHING, updated_at=clock.now()
        )
    _tell(rows)


@transaction.atomic
def fail_epoch(*, idempotency_key: str, reason: str) -> None:
    """The chain refused the root: its withdrawals wait for the next epoch."""
    lock_epochs()
    epoch = _epoch_of(idempotency_key)
    if epoch.state not in UNDER_WAY:
        return
    epoch.state = EpochState.FAILED
    epoch.reason = next((f"{words} ({reason})" for name, words in EXPLAINED.items() if name in reason), reason)
    epoch.save(update_fields=["state", "reason", "updated_at"])
    with all_tenants(reason=REASON):
        rows = list(epoch.withdrawals.select_for_update(of=("self",)).order_by("id"))
        for row in rows:
            if row.state == WithdrawalState.CLAIMED:  # what took the root off the chain took the claim with it
                unbook_claim(row)
        epoch.withdrawals.update(state=WithdrawalState.WAITING, epoch=None, failed_epoch=epoch, updated_at=clock.now())
    _tell(rows)


def _epoch_of(idempotency_key: str) -> Epoch:
    return Epoch.objects.select_for_update().get(id=UUID(idempotency_key.removeprefix(f"{EPOCH_KIND}:")))


def _tell(rows: list[Withdrawal]) -> None:
    for organisation_id in {row.tenant_id for row in rows}:
        live.notify(f"earnings:{organisation_id}")
