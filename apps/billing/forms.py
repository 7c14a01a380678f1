"""The top-up form."""

from __future__ import annotations

from decimal import Decimal

from django import forms

from apps.billing.types import LARGEST_TOP_UP, SMALLEST_TOP_UP
from apps.core.money import Money

_MINOR = 100


class TopUpForm(forms.Form):
    """An amount in dollars, typed, or one of the preset buttons."""

    amount = forms.DecimalField(
        label="Other amount (USD)",
        min_value=Decimal(SMALLEST_TOP_UP) / _MINOR,
        max_value=Decimal(LARGEST_TOP_UP) / _MINOR,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def money(self) -> Money:
        """The amount, once the form is valid."""
        return Money(int(self.cleaned_data["amount"] * _MINOR))


def suggested(raw_minor: str | None) -> Decimal | None:
    """An amount that another page asks for (`?amount_minor=`), as the form shows it; None where it makes no sense."""
    if raw_minor is None or not raw_minor.isdecimal() or len(raw_minor) > len(str(LARGEST_TOP_UP)):
        return None
    return Decimal(min(max(int(raw_minor), SMALLEST_TOP_UP), LARGEST_TOP_UP)) / _MINOR
