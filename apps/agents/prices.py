"""Small amounts of money. One answer costs less than a cent, so it is counted in millionths of a dollar."""

from __future__ import annotations

from decimal import Decimal

MILLION = 1_000_000


def dollars(micro_usd: float) -> str:
    """`$0.0012`, with as many digits as are needed to see something; `$0` for nothing."""
    if not micro_usd:
        return "$0"
    amount = Decimal(str(micro_usd)) / MILLION
    if amount >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.6f}".rstrip("0")


def micro_of(amount: Decimal) -> int:
    """Dollars as a form gives them."""
    return int((amount * MILLION).to_integral_value())


def decimal_of(micro_usd: int) -> Decimal:
    """Micro-dollars as a form shows them."""
    return Decimal(f"{Decimal(micro_usd) / MILLION:f}")
