"""Dividing a price: to the last unit, each line within one unit of its exact part."""

from __future__ import annotations

from fractions import Fraction
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from apps.assets.types import RevenueShare, ShareRule
from apps.core.money import Money
from apps.marketplace.splits import split_price

VERSION = UUID(int=1)

weights = st.lists(st.integers(1, 10**12), min_size=1, max_size=30)


@given(st.integers(0, 10**9), st.integers(0, 5_000), weights)
def test_fee_and_lines_sum_to_the_price_and_stay_within_a_unit(price: int, fee_bps: int, parts: list[int]) -> None:
    shares = [
        RevenueShare(UUID(int=i + 2), Fraction(part, sum(parts)), ShareRule.OWNER, (VERSION,))
        for i, part in enumerate(parts)
    ]
    split = split_price(price=Money(price), fee_bps=fee_bps, version_id=VERSION, shares=shares)
    assert split.fee.minor + sum(line.amount.minor for line in split.lines) == price
    assert 0 <= split.fee.minor - Fraction(price * fee_bps, 10_000) < 1
    rest = price - split.fee.minor
    for line in split.lines:
        assert abs(line.amount.minor - rest * Fraction(line.numerator, line.denominator)) < 1
