"""Dividing a price: the platform's fee, then every payee by the exact shares of the sold version."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from apps.assets.attribution import integer_weights
from apps.assets.types import RevenueShare
from apps.core.money import Money
from apps.marketplace.types import PriceSplit, SplitLine


def split_price(*, price: Money, fee_bps: int, version_id: UUID, shares: Sequence[RevenueShare]) -> PriceSplit:
    """Divide a price to the last unit.

    The fee is rounded up; what is left goes to the shares by largest remainder, so every line is within one unit of
    its exact part and fee and lines sum to the price. Lines of nothing are kept: they show who would be paid.
    """
    fee = price.fraction_bps(fee_bps)
    amounts = (price - fee).split(integer_weights(shares))
    lines = tuple(
        SplitLine(
            payee_id=share.organisation_id,
            amount=amount,
            rule=share.rule,
            role=share.role,
            path=share.path,
            numerator=share.weight.numerator,
            denominator=share.weight.denominator,
            address=share.address,
        )
        for share, amount in zip(shares, amounts, strict=True)
    )
    return PriceSplit(price, fee, version_id, lines)
