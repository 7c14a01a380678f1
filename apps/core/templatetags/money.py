"""Amounts in templates: ``{% load money %}{{ balance|money }}``."""

from __future__ import annotations

from django import template

from apps.core.money import Money, TokenAmount

register = template.Library()


@register.filter
def money(value: Money | TokenAmount | None) -> str:
    """Write an amount for people: "$1.23"; an em dash for no amount."""
    return "—" if value is None else str(value)
