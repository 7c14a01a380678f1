"""Paying a session by card through localstripe's payment methods and intents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aiohttp

from sahara_platform.embedded.checkout.sessions import Session
from sahara_platform.embedded.checkout.store import Store


@dataclass(frozen=True)
class Card:
    """What the payer typed."""

    number: str
    exp_month: str
    exp_year: str
    cvc: str
    email: str


@dataclass(frozen=True)
class Payment:
    """A payment that went through."""

    intent: str
    customer: str


class DeclinedError(Exception):
    """The payment was refused; the message is for the payer."""


class Processor:
    """localstripe, as far as paying needs it."""

    def __init__(self, client: aiohttp.ClientSession, base_url: str, api_key: str) -> None:
        self._client = client
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {api_key}"}

    async def pay(self, store: Store, session: Session, card: Card) -> Payment:
        """Charge the session's amount; safe to repeat after a crash: a payment that went through is found again."""
        earlier = await self._earlier_payment(session)
        if earlier is not None:
            return earlier
        method = await self._create_method(card)
        customer = await self._post("/v1/customers", {"email": card.email, "name": card.email or "Guest"})
        # Attaching runs the issuer's check, as Checkout does when it confirms a card.
        await self._post(f"/v1/payment_methods/{method['id']}/attach", {"customer": customer["id"]})
        intent = await self._post("/v1/payment_intents", _intent_form(session, method["id"], customer["id"]))
        # Remembered before the charge, so that a crash in between cannot charge twice.
        session["payment_intent"], session["customer"] = intent["id"], customer["id"]
        store.save(session)
        confirmed = await self._post(f"/v1/payment_intents/{intent['id']}/confirm", {})
        if confirmed["status"] != "succeeded":
            raise DeclinedError("This card asks for 3-D Secure, which the test payment page does not offer.")
        return Payment(intent=intent["id"], customer=customer["id"])

    async def _earlier_payment(self, session: Session) -> Payment | None:
        intent_id = session.get("payment_intent")
        if intent_id is None:
            return None
        url = f"{self._base_url}/v1/payment_intents/{intent_id}"
        async with self._client.get(url, headers=self._headers) as response:
            intent = await response.json()
        return Payment(intent=intent_id, customer=session["customer"]) if intent.get("status") == "succeeded" else None

    async def _create_method(self, card: Card) -> dict[str, Any]:
        details = {"number": card.number, "exp_month": card.exp_month, "exp_year": card.exp_year, "cvc": card.cvc}
        form = {"type": "card", **{f"card[{key}]": value for key, value in details.items()}}
        try:
            return await self._post("/v1/payment_methods", form)
        except DeclinedError as error:
            raise DeclinedError(
                "Check the card number (16 digits), the expiry date and the three-digit code."
            ) from error

    async def _post(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        async with self._client.post(self._base_url + path, data=form, headers=self._headers) as response:
            body: dict[str, Any] = await response.json()
        if response.status >= 500:
            raise DeclinedError("The payment could not be made. Nothing was charged; try again.")
        if response.status >= 400:
            raise DeclinedError(body.get("error", {}).get("message") or "Your card was declined.")
        return body


def _intent_form(session: Session, method: str, customer: str) -> dict[str, str]:
    return {
        "amount": str(session["amount_total"]),
        "currency": session["currency"],
        "payment_method": method,
        "customer": customer,
        "metadata[checkout_session]": session["id"],
        **{f"metadata[{key}]": value for key, value in session["metadata"].items()},
    }
