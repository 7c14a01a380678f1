"""Money is integers; a split loses nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.money import Money, TokenAmount, split_integer

weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=50).filter(lambda found: sum(found) > 0)


@given(st.integers(0, 10**15), weights)
def test_a_split_preserves_the_total_and_is_within_one_unit_of_exact(total, parts):
    split = split_integer(total, parts)
    assert sum(split) == total
    assert all(abs(part * sum(parts) - total * weight) < sum(parts) for part, weight in zip(split, parts, strict=True))


@given(st.integers(0, 10**9), weights)
def test_a_weight_of_nothing_gets_nothing(total, parts):
    assert all(part == 0 for part, weight in zip(split_integer(total, parts), parts, strict=True) if weight == 0)


def test_a_split_without_weight_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        Money(10).split([0, 0])


def test_currencies_and_tokens_never_mix():
    with pytest.raises(TypeError):
        Money(1, "USD") + Money(1, "EUR")
    with pytest.raises(TypeError):
        Money(1) + TokenAmount(1, "TUSD")
    with pytest.raises(TypeError):
        Money(1) * 1.5  # type: ignore[operator]  # what the test is about


def test_a_cent_is_ten_thousand_units_of_the_payout_token():
    assert Money(123).to_token("TUSD") == TokenAmount(1_230_000, "TUSD")


def test_a_fee_is_rounded_up_to_the_next_cent():
    assert Money(101).fraction_bps(1000) == Money(11)


def test_amounts_read_as_people_write_them():
    assert str(Money(-123456)) == "-$1,234.56"
    assert str(TokenAmount(1_500_000, "TUSD")) == "1.50 TUSD"
    assert Money(5).as_json() == {"amount_minor": "5", "currency": "USD"}
