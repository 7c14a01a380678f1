"""The payment processor's part of /readyz."""

from __future__ import annotations

from apps.billing.processor import client
from apps.core.health import PartDown, check


@check("payments")
def payments() -> str:
    """The processor's API can be reached."""
    if not client.answers():
        raise PartDown("the payment processor does not answer")
    return ""
