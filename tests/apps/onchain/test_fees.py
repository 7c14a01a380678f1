"""What transactions may cost: replacements pay enough more for every node, and nothing goes above the cap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.onchain.fees import first_fees, raised_fees, replacement_fees
from chain_bridge.errors import FeeAboveCap
from chain_bridge.types import Fees

WEI = st.integers(min_value=1, max_value=10**15)


@st.composite
def fees(draw: st.DrawFn) -> Fees:
    """Prices as a node gives them: room for twice the base fee."""
    tip = draw(WEI)
    return Fees(max_fee=2 * draw(WEI) + tip, priority_fee=tip)


@given(last=fees(), market=fees())
def test_replacement_pays_at_least_a_tenth_more_and_what_the_market_asks(last: Fees, market: Fees) -> None:
    raised = raised_fees(last, market)
    assert raised.max_fee * 10 >= last.max_fee * 11
    assert raised.priority_fee * 10 >= last.priority_fee * 11
    assert raised.max_fee >= market.max_fee
    assert raised.priority_fee >= market.priority_fee


@given(last=fees(), market=fees(), cap=WEI)
def test_replacement_is_within_the_cap_a_tenth_above_and_enough_for_the_next_block_or_is_not_made(
    last: Fees, market: Fees, cap: int
) -> None:
    try:
        chosen = replacement_fees(last, market, cap)
    except FeeAboveCap:
        base_fee = (market.max_fee - market.priority_fee) // 2
        assert raised_fees(last, Fees(0, 0)).max_fee > cap or base_fee + market.priority_fee > cap
        return
    assert chosen.max_fee <= cap
    assert chosen.priority_fee <= chosen.max_fee
    assert chosen.max_fee * 10 >= last.max_fee * 11
    assert chosen.priority_fee * 10 >= last.priority_fee * 11


@given(market=fees(), cap=WEI)
def test_first_attempt_is_within_the_cap_and_enough_for_the_next_block_or_is_not_made(market: Fees, cap: int) -> None:
    least = market.priority_fee + (market.max_fee - market.priority_fee) // 2
    try:
        chosen = first_fees(market, cap)
    except FeeAboveCap:
        assert least > cap
        return
    assert least <= chosen.max_fee <= cap
    assert chosen.priority_fee <= chosen.max_fee


def test_the_message_names_price_cap_and_setting() -> None:
    with pytest.raises(FeeAboveCap, match=r"gas costs 11 gwei, above the cap of 5 \(CHAIN_MAX_FEE_WEI\): waiting"):
        first_fees(Fees(max_fee=21 * 10**9, priority_fee=10**9), 5 * 10**9)
