"""Ledger and chain compared, to the unit: what was promised, what was published, what was paid."""

from __future__ import annotations

from collections.abc import Iterator

from apps.core.money import TOKEN_UNITS_PER_MINOR
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind
from apps.onchain import selectors as chain
from apps.onchain.types import DistributorState
from apps.payouts.models import Epoch
from apps.payouts.selectors import withdrawn_so_far
from apps.payouts.tree import claimed_amounts, cumulative_amounts
from apps.payouts.types import CURRENCY, TOKEN, Difference, EpochState, Reconciliation


def reconcile() -> Reconciliation:
    """Compare every figure that exists twice.

    A claim that the chain has and whose event still is on its way through the outbox shows as a difference for the
    moment that takes.
    """
    payable = ledger.total(AccountKind.PAYABLE, TOKEN)
    paid_out = ledger.total(AccountKind.CHAIN, TOKEN)
    on_chain = list(_distributors())
    claimed = sum(state.claimed for _, state in on_chain)
    return Reconciliation(
        payable=payable,
        paid_out=paid_out,
        claimed_on_chain=claimed,
        published_on_chain=sum(state.published for _, state in on_chain),
        differences=tuple(
            difference
            for difference in (*_totals(payable, paid_out, claimed), *_epochs(on_chain), *_payees(on_chain))
            if difference.expected != difference.found
        ),
    )


def _distributors() -> Iterator[tuple[Epoch, DistributorState]]:
    """The newest published epoch of each distributor, beside what the chain says of it."""
    newest = Epoch.objects.filter(state=EpochState.PUBLISHED).order_by("chain_id", "distributor", "-number")
    for epoch in newest.distinct("chain_id", "distributor"):
        yield epoch, chain.distributor_state(epoch.distributor, chain_id=epoch.chain_id)


def _totals(payable: int, paid_out: int, claimed: int) -> Iterator[Difference]:
    on_its_way, withdrawn = withdrawn_so_far()
    yield Difference("ledger PAYABLE and withdrawals on their way", on_its_way, payable)
    yield Difference("ledger CHAIN and withdrawals claimed", withdrawn, paid_out)
    yield Difference("ledger CHAIN and claims on chain", claimed, paid_out)
    yield Difference("tokens issued by the ledger", -ledger.total(AccountKind.CONVERSION, TOKEN), payable + paid_out)
    converted = ledger.total(AccountKind.CONVERSION, CURRENCY) * TOKEN_UNITS_PER_MINOR[TOKEN]
    yield Difference("money converted and tokens issued", converted, payable + paid_out)


def _epochs(on_chain: list[tuple[Epoch, DistributorState]]) -> Iterator[Difference]:
    for epoch, state in on_chain:
        yield Difference(f"epoch of distributor {epoch.distributor}", epoch.number, state.epoch)
        yield Difference(f"total of distributor {epoch.distributor}", epoch.cumulative_total, state.published)
        known = Epoch.objects.filter(distributor=epoch.distributor, root=state.root).exclude(state=EpochState.FAILED)
        yield Difference(f"rounds behind the root in force on distributor {epoch.distributor}", 1, int(known.exists()))


def _payees(on_chain: list[tuple[Epoch, DistributorState]]) -> Iterator[Difference]:
    """Nobody has been paid more than promised, and every payment is booked."""
    for epoch, state in on_chain:
        booked = claimed_amounts(chain_id=epoch.chain_id, distributor=epoch.distributor)
        for payee in sorted(booked.keys() | state.claimed_by_payee.keys()):
            what = f"claimed by {payee} from distributor {epoch.distributor}"
            yield Difference(what, booked.get(payee, 0), state.claimed_by_payee.get(payee, 0))
        promised = cumulative_amounts(chain_id=epoch.chain_id, distributor=epoch.distributor, up_to=epoch.number)
        for payee, amount in state.claimed_by_payee.items():
            if amount > promised.get(payee, 0):
                yield Difference(f"paid to {payee}", promised.get(payee, 0), amount)
