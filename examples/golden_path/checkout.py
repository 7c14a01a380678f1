"""Paying on the processor's hosted page, as a person with a browser would."""

from __future__ import annotations

import httpx

from sahara import Client
from sahara.models import TopUp
from sahara.waiting import wait_for

TEST_CARD = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2034", "cvc": "123"}


def top_up(client: Client, amount_minor: int, *, email: str) -> TopUp:
    """Prepay: open a payment page, fill in its form with the test card, wait for the signed webhook to credit it."""
    opened = client.billing.top_up(amount_minor)
    if opened.checkout_url is None:
        raise RuntimeError("the top-up has no payment page")
    with httpx.Client(timeout=30, follow_redirects=False) as browser:
        browser.get(opened.checkout_url).raise_for_status()
        answer = browser.post(opened.checkout_url, data={"email": email, **TEST_CARD})
        if not answer.is_redirect:
            raise RuntimeError(f"the payment page answered {answer.status_code}: {answer.text[:300]}")
    return wait_for(
        lambda: client.billing.get_top_up(opened.id),
        lambda found: found.state in ("paid", "credited", "succeeded"),
        timeout_s=60,
        what="the credit of the payment",
    )
