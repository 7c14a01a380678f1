"""The steps of a withdrawal, as its page shows them: what is done and when, what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.payouts.types import DecisionInfo, EpochInfo, WithdrawalInfo, WithdrawalState

_ORDER = (
    WithdrawalState.APPROVAL,
    WithdrawalState.WAITING,
    WithdrawalState.PUBLISHING,
    WithdrawalState.CLAIMABLE,
    WithdrawalState.CLAIMED,
)
_ENDED = {
    WithdrawalState.CANCELLED: "Cancelled; the money is earnings again",
    WithdrawalState.REJECTED: "Rejected; the money is earnings again",
    WithdrawalState.RECOVERED: "Taken back unclaimed; the money is earnings again",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `block` and `tx_hash` say where on chain it can be looked up."""

    title: str
    done: bool
    at: datetime | None = None
    note: str = ""
    block: int | None = None
    tx_hash: str = ""


def timeline(
    withdrawal: WithdrawalInfo, epoch: EpochInfo | None, decisions: Sequence[DecisionInfo], *, frozen: str = ""
) -> list[Step]:
    """All steps, first to last."""
    return [
        Step("Requested", done=True, at=withdrawal.created_at, note=f"{withdrawal.amount} to {withdrawal.address}"),
        *_approvals(withdrawal, decisions),
        *_rest(withdrawal, epoch, frozen),
    ]


def _approvals(withdrawal: WithdrawalInfo, decisions: Sequence[DecisionInfo]) -> Iterator[Step]:
    approved = [decision for decision in decisions if decision.approved]
    for number in range(withdrawal.approvals_needed):
        title = "Approved by the platform's staff" if number == 0 else "Approved by a second person"
        if number < len(approved):
            yield Step(title, done=True, at=approved[number].at)
        elif withdrawal.state == WithdrawalState.APPROVAL:
            yield Step(title, done=False, note="Large amounts are looked at by people")


def _rest(withdrawal: WithdrawalInfo, epoch: EpochInfo | None, frozen: str) -> Iterator[Step]:
    ended = _ENDED.get(withdrawal.state)
    if ended is not None and epoch is None:
        yield Step(ended, done=True, note=withdrawal.reason)
        return
    reached = _ORDER.index(WithdrawalState.CLAIMABLE if ended is not None else withdrawal.state)
    waits = withdrawal.state == WithdrawalState.WAITING
    yield Step(
        f"In payout round {epoch.number}" if epoch is not None else "In a payout round",
        done=epoch is not None,
        at=epoch.created_at if epoch is not None else None,
        note=frozen if frozen and waits else "The next round takes all that waits" if waits else "",
    )
    published = reached >= _ORDER.index(WithdrawalState.CLAIMABLE) and epoch is not None
    yield Step(
        "Root published",
        done=published,
        block=epoch.block_number if published and epoch is not None else None,
        tx_hash=epoch.tx_hash if published and epoch is not None else "",
        note="" if published else "One transaction for everybody in the round",
    )
    if ended is not None:
        yield Step(ended, done=True, note=withdrawal.reason)
        return
    yield Step(
        "In your wallet",
        done=withdrawal.state == WithdrawalState.CLAIMED,
        at=withdrawal.claimed_at,
        block=withdrawal.block_number,
        tx_hash=withdrawal.tx_hash,
        note="The platform claims it for you and pays the fee" if published and not withdrawal.tx_hash else "",
    )
