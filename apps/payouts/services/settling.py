"""What the chain says now, carried over to withdrawals and ledger.

Events come at least once and in any order, and a deep reorganisation takes back what had counted. So no event is
applied by itself: each only says where to look, and the withdrawals of a payee, or the round of a root, are brought to
what the index of confirmed events says at that moment. Whatever comes twice or late then changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from apps.core import clock, live
from apps.core.money import TokenAmount
from apps.core.outbox import publish
from apps.core.tenant import all_tenants
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef, TransferSpec
from apps.onchain import selectors as chain
from apps.payouts.events import WithdrawalClaimed
from apps.payouts.models import Withdrawal
from apps.payouts.services.returning import give_back
from apps.payouts.types import TOKEN, EpochState, WithdrawalState
from apps.tenancy.types import PLATFORM_ID

SOURCE = "payouts.withdrawal"
CLAIM_KIND = "payouts.claim"
REASON = "a payee address may belong to several organisations"


@dataclass(frozen=True, slots=True)
class Payment:
    """The confirmed event under which a payee's cumulative amount was reached."""

    cumulative_amount: int
    state: WithdrawalState
    tx_hash: str
    block_number: int


@transaction.atomic
def settle_payee(*, distributor: str, payee: str) -> None:
    """Bring a payee's withdrawals and their bookings to what the chain has paid it by now."""
    with all_tenants(reason=REASON):
        rows = list(
            Withdrawal.objects.select_for_update(of=("self",))
            .select_related("epoch")
            .filter(epoch__chain_id=chain.chain_id(), epoch__distributor=distributor, address=payee)
            .exclude(epoch__state=EpochState.FAILED)
            .order_by("epoch__number", "id")
        )
        payments = sorted(_payments(distributor, payee), key=lambda payment: payment.cumulative_amount)
        running = 0
        for row in rows:
            running += row.token_raw
            covering = (payment for payment in payments if payment.cumulative_amount >= running)
            _settle(row, next(covering, None))


def unbook_claim(row: Withdrawal) -> None:
    """A booked claim is no longer on the chain: undo the booking by a correcting transfer, once for each booking."""
    ledger.post_batch([_booking(row, undone=True)])
    row.claim_reversals += 1
    on_chain = row.epoch is not None and row.epoch.state == EpochState.PUBLISHED
    row.state = WithdrawalState.CLAIMABLE if on_chain else WithdrawalState.PUBLISHING
    row.tx_hash, row.block_number, row.claimed_at = "", None, None
    row.save()
    live.notify(f"earnings:{row.tenant_id}")


def _payments(distributor: str, payee: str) -> Iterator[Payment]:
    for event, state in (("Claimed", WithdrawalState.CLAIMED), ("Recovered", WithdrawalState.RECOVERED)):
        for args, tx_hash, block in chain.confirmed_logs(distributor, event, chain_id=chain.chain_id(), payee=payee):
            yield Payment(int(args["cumulativeAmount"]), state, tx_hash, block)


def _settle(row: Withdrawal, payment: Payment | None) -> None:
    """One withdrawal. What was taken back unclaimed stays so: the payee may have spent it, the chain sends it again."""
    if row.state == WithdrawalState.RECOVERED:
        return
    if row.state == WithdrawalState.CLAIMED:
        if payment is None:
            unbook_claim(row)
        elif (row.tx_hash, row.block_number) != (payment.tx_hash, payment.block_number):
            row.tx_hash, row.block_number = payment.tx_hash, payment.block_number
            row.save(update_fields=["tx_hash", "block_number", "updated_at"])
        return
    if payment is None:
        return
    row.tx_hash, row.block_number, row.claim_problem = payment.tx_hash, payment.block_number, ""
    if payment.state == WithdrawalState.RECOVERED:
        give_back(row, WithdrawalState.RECOVERED, "Taken back unclaimed from the chain")
    else:
        _close(row, payment)


def _close(row: Withdrawal, payment: Payment) -> None:
    row.state = WithdrawalState.CLAIMED
    row.claimed_at = clock.now()
    row.save()
    ledger.post_batch([_booking(row)])
    publish(WithdrawalClaimed(row.id, payment.tx_hash, payment.block_number), tenant_id=row.tenant_id)
    live.notify(f"earnings:{row.tenant_id}")


def _booking(row: Withdrawal, *, undone: bool = False) -> TransferSpec:
    """The booking of a claim or, undone, its exact opposite; each has a key for each time the claim was on chain."""
    payable = AccountRef(row.tenant_id, AccountKind.PAYABLE, TOKEN)
    paid_out = AccountRef(PLATFORM_ID, AccountKind.CHAIN, TOKEN)
    again = f":{row.claim_reversals}" if row.claim_reversals else ""
    detail = {"tx_hash": row.tx_hash, "block_number": row.block_number}
    return TransferSpec(
        debit=paid_out if undone else payable,
        credit=payable if undone else paid_out,
        amount=TokenAmount(row.token_raw, TOKEN),
        idempotency_key=f"{CLAIM_KIND}:{row.id}{again}" + (":undone" if undone else ""),
        reason="The chain took the payment back" if undone else "Paid to your wallet",
        source=SourceRef(SOURCE, str(row.id), detail),
    )
