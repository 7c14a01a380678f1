"""The payment processor's part of /readyz."""

from __future__ import annotations

from apps.billing import processor
from apps.core.health import PartDown, check


@check("payments")
def payments() -> str:
    """The processor's API can be reached."""
    if not processor.answers():
        raise PartDown("the payment processor does not answer")
    return ""
