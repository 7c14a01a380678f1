"""Paying by card through localstripe's payment methods and intents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from sahara_platform.embedded.checkout import settlement
from sahara_platform.embedded.checkout.sessions import Session
from sahara_platform.embedded.checkout.store import Store

_BAD_CARD = "Check the card number (16 digits), the expiry date and the three-digit code."


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
    """The payment was refused; the message is for the payer, the code for the API's caller."""

    def __init__(self, message: str, code: str = "card_declined", intent: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.intent = intent


class AuthenticationNeededError(Exception):
    """The card's bank asks the payer to confirm (3-D Secure)."""


class Processor:
    """localstripe, as far as paying needs it."""

    def __init__(self, client: aiohttp.ClientSession, base_url: str, api_key: str) -> None:
        self._client = client
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {api_key}"}

    async def pay(self, store: Store, session: Session, card: Card) -> Payment:
        """Charge the session's amount; safe to repeat after a crash: a payment that went through is found again.

        Raises:
            DeclinedError, AuthenticationNeededError
        """
        earlier = await self.earlier_payment(store, session)
        if earlier is not None:
            return earlier
        customer, method = await self.attach(session.get("customer"), card)
        form = {
            "amount": str(session["amount_total"]),
            "currency": session["currency"],
            "payment_method": method,
            "customer": customer,
            "metadata[checkout_session]": session["id"],
            **{f"metadata[{key}]": value for key, value in session["metadata"].items()},
        }
        intent = await self.post("/v1/payment_intents", form)
        # Remembered before the charge, so that a crash in between cannot charge twice.
        session["payment_intent"], session["paying_customer"] = intent["id"], customer
        store.save(session)
        confirmed = await self.post(f"/v1/payment_intents/{intent['id']}/confirm", {})
        if confirmed["status"] == "requires_action":
            raise AuthenticationNeededError
        await self.settle(store, confirmed)
        return Payment(intent=intent["id"], customer=customer)

    async def earlier_payment(self, store: Store, session: Session) -> Payment | None:
        """The payment that a session has already made."""
        if session.get("payment_intent") is None:
            return None
        intent = await self.get(f"/v1/payment_intents/{session['payment_intent']}")
        if intent.get("status") != "succeeded":
            return None
        await self.settle(store, intent)
        return Payment(intent=intent["id"], customer=session["paying_customer"])

    async def authenticate(self, session: Session, *, success: bool) -> None:
        """Answer the bank's question as the payer did. Raises DeclinedError."""
        intent = await self.get(f"/v1/payment_intents/{session['payment_intent']}")
        form = {"client_secret": intent["client_secret"], "success": "true" if success else "false"}
        await self.post(f"/v1/payment_intents/{intent['id']}/_authenticate", form)
        if not success:
            raise DeclinedError("Your bank could not confirm that it is you.", "payment_intent_authentication_failure")

    async def attach(self, customer: str | None, card: Card) -> tuple[str, str]:
        """Keep a card with a customer (a new one where None); its issuer is asked. Raises DeclinedError."""
        details = {"number": card.number, "exp_month": card.exp_month, "exp_year": card.exp_year, "cvc": card.cvc}
        try:
            form = {"type": "card", **{f"card[{key}]": value for key, value in details.items()}}
            method = await self.post("/v1/payment_methods", form)
        except DeclinedError as error:
            raise DeclinedError(_BAD_CARD) from error
        if customer is None:
            made = await self.post("/v1/customers", {"email": card.email, "name": card.email or "Guest"})
            customer = str(made["id"])
        await self.post(f"/v1/payment_methods/{method['id']}/attach", {"customer": customer})
        return customer, str(method["id"])

    async def charge(
        self, store: Store, *, amount: int, currency: str, customer: str, method: str, metadata: Mapping[str, str]
    ) -> dict[str, Any]:
        """Charge a kept card while its owner is away. Raises DeclinedError."""
        form = {
            "amount": str(amount),
            "currency": currency,
            "customer": customer,
            "payment_method": method,
            **{f"metadata[{key}]": value for key, value in metadata.items()},
        }
        intent = await self.post("/v1/payment_intents", form)
        try:
            confirmed = await self._confirm_without_owner(intent["id"])
        except DeclinedError as error:
            failed = await self.get(f"/v1/payment_intents/{intent['id']}")
            settlement.refused(store, failed)
            raise DeclinedError(str(error), error.code, failed) from error
        await self.settle(store, confirmed)
        return confirmed

    async def _confirm_without_owner(self, intent_id: str) -> dict[str, Any]:
        confirmed = await self.post(f"/v1/payment_intents/{intent_id}/confirm", {})
        if confirmed["status"] == "requires_action":
            await self.post(f"/v1/payment_intents/{intent_id}/cancel", {})
            raise DeclinedError("The card's bank wants its owner to confirm.", "authentication_required")
        return confirmed

    async def settle(self, store: Store, intent: dict[str, Any]) -> None:
        """Book a payment that went through, once."""
        settlement.paid(store, intent, await self.last4(intent))

    async def last4(self, intent: dict[str, Any]) -> str:
        """The last four digits of the card that paid."""
        method = await self.get(f"/v1/payment_methods/{intent['payment_method']}")
        return str(method.get("card", {}).get("last4", ""))

    async def get(self, path: str) -> dict[str, Any]:
        """One of localstripe's objects, or its error's body."""
        async with self._client.get(self._base_url + path, headers=self._headers) as response:
            body: dict[str, Any] = await response.json()
        return body

    async def post(self, path: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Ask localstripe for a change. Raises DeclinedError."""
        async with self._client.post(self._base_url + path, data=dict(form), headers=self._headers) as response:
            body: dict[str, Any] = await response.json()
        if response.status >= 500:
            raise DeclinedError("The payment could not be made. Nothing was charged; try again.")
        if response.status >= 400:
            error = body.get("error", {})
            raise DeclinedError(error.get("message") or "Your card was declined.", error.get("code") or "card_declined")
        return body
