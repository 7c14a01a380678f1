"""Amounts of the chain's own coin, for people: stored in wei, shown in coins and in gwei."""

from __future__ import annotations

from decimal import Decimal

from django import template

register = template.Library()


@register.filter
def gwei(wei: int | None) -> str:
    """A price per unit of gas, given in wei."""
    return "unknown" if wei is None else f"{Decimal(wei) / 10**9:.3f} gwei"


@register.filter
def coins(wei: int | None) -> str:
    """A balance, given in wei, in the coin that gas is paid with."""
    return "unknown" if wei is None else f"{Decimal(wei) / 10**18:.4f}"
