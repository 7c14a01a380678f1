"""What a transaction may cost: prices per unit of gas, in wei, never above the configured cap."""

from __future__ import annotations

from chain_bridge.errors import FeeAboveCap
from chain_bridge.types import Fees

#: Nodes refuse a replacement that pays less than 10 % more; a little above, because they round.
BUMP_PERCENT = 12
GWEI = 10**9


def first_fees(market: Fees, cap: int) -> Fees:
    """Fees of a first attempt: what the node asks for, with as much room for a rising base fee as the cap allows.

    Raises:
        FeeAboveCap: not even the next block is to be had for the cap.
    """
    _require_within(_least(market), cap)
    return Fees(max_fee=min(market.max_fee, cap), priority_fee=min(market.priority_fee, cap))


def replacement_fees(last: Fees, market: Fees, cap: int) -> Fees:
    """Fees of a replacement: at least a tenth above the last attempt's, and what the node asks for now.

    Raises:
        FeeAboveCap: a tenth more is above the cap, or the next block is not to be had for it.
    """
    raised = raised_fees(last, market)
    _require_within(max(raised_fees(last, Fees(0, 0)).max_fee, _least(market)), cap)
    return Fees(max_fee=min(raised.max_fee, cap), priority_fee=min(raised.priority_fee, cap))


def raised_fees(last: Fees, market: Fees) -> Fees:
    """At least a tenth above the last attempt's, and what the node asks for now; without a cap."""

    def raised(fee: int) -> int:
        return -(-fee * (100 + BUMP_PERCENT) // 100) + 1

    return Fees(
        max_fee=max(raised(last.max_fee), market.max_fee),
        priority_fee=max(raised(last.priority_fee), market.priority_fee),
    )


def _least(market: Fees) -> int:
    """What the next block takes: the node's prices leave room for twice the base fee."""
    return market.priority_fee + (market.max_fee - market.priority_fee) // 2


def _require_within(price: int, cap: int) -> None:
    if price > cap:
        raise FeeAboveCap(
            f"gas costs {price / GWEI:.4g} gwei, above the cap of {cap / GWEI:.4g} (CHAIN_MAX_FEE_WEI): "
            "waiting until the price falls"
        )
