"""Forms of the wallet page."""

from __future__ import annotations

from django import forms


class AddressForm(forms.Form):
    """The wallet that is about to sign."""

    address = forms.CharField(
        label="Your wallet's address",
        max_length=64,
        help_text="0x and 40 characters.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class SignatureForm(forms.Form):
    """The text as it was issued, and what the wallet made of it."""

    message = forms.CharField(max_length=4_000, strip=False, widget=forms.HiddenInput)
    signature = forms.CharField(
        label="Signature",
        max_length=200,
        help_text="0x and 130 characters, as your wallet shows it after signing.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
    )
