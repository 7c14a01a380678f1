"""Forms of the earnings page."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from apps.core.money import Money

_MINOR = 100


class WithdrawForm(forms.Form):
    """An amount in dollars."""

    amount = forms.DecimalField(
        label="Amount (USD)",
        min_value=Decimal("0.01"),
        max_digits=12,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, minimum: Money, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].help_text = f"At least {minimum}. It arrives as TUSD, one for each dollar."

    def money(self) -> Money:
        """The amount, once the form is valid."""
        return Money(int(self.cleaned_data["amount"] * _MINOR))


class WalletForm(forms.Form):
    """The address that withdrawals go to."""

    address = forms.CharField(
        label="Wallet address",
        max_length=64,
        help_text="0x and 40 characters, on an Ethereum-compatible chain. Money sent to a wrong address is lost.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


def as_decimal(amount: Money) -> Decimal:
    """An amount as the form shows it."""
    return (Decimal(amount.minor) / _MINOR).quantize(Decimal("0.01"))
