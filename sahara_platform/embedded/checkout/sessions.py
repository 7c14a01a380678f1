"""The Checkout Session object and its rules, after Stripe's API reference."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from sahara_platform.embedded.checkout import forms

LIFETIME_S = 24 * 3600
SMALLEST_CHARGE_MINOR = 50  # Stripe's minimum for USD and most currencies
MODES = ("payment", "setup", "subscription")
Session = dict[str, Any]


class BadRequestError(Exception):
    """The request breaks Stripe's rules; `param` names the field."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


def new_session(form: Mapping[str, forms.Node], public_base: str, price: Mapping[str, Any] | None = None) -> Session:
    """Check a create request and build the open session.

    Args:
        price: the recurring price that `mode=subscription` names.
    """
    tree = dict(form)
    mode = forms.text(tree, "mode")
    if mode not in MODES:
        raise BadRequestError(f"Invalid mode: must be one of {', '.join(MODES)}", "mode")
    success_url = forms.text(tree, "success_url")
    if not success_url:
        raise BadRequestError("Missing required param: success_url.", "success_url")
    if mode != "payment" and not forms.text(tree, "customer"):
        raise BadRequestError(f"This stand-in wants a customer in mode {mode}.", "customer")
    if mode == "setup":
        amount, currency, description = 0, forms.text(tree, "currency") or "usd", "Save a card"
    elif price is not None:
        amount, currency, description = price["unit_amount"], price["currency"], price["nickname"] or "Subscription"
    else:
        amount, currency, description = _total(tree)
    now = int(time.time())
    session_id = f"cs_test_{secrets.token_hex(29)}"
    return {
        "id": session_id,
        "object": "checkout.session",
        "amount_subtotal": amount,
        "amount_total": amount,
        "cancel_url": forms.text(tree, "cancel_url"),
        "client_reference_id": forms.text(tree, "client_reference_id"),
        "created": now,
        "currency": currency,
        "customer": forms.text(tree, "customer"),
        "customer_details": None,
        "customer_email": forms.text(tree, "customer_email"),
        "expires_at": _expiry(tree, now),
        "livemode": False,
        "metadata": forms.mapping(tree, "metadata"),
        "mode": mode,
        "payment_intent": None,
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "status": "open",
        "success_url": success_url,
        "url": f"{public_base}/c/pay/{session_id}",
        "description": description,
        "invoice": None,
        "price": price["id"] if price is not None else None,
        "setup_intent": None,
        "subscription": None,
        "subscription_metadata": forms.mapping(tree, "subscription_data", "metadata"),
    }


def completed(session: Session, *, email: str | None, **made: str | None) -> Session:
    """The session after its payment; `made` are the objects it led to (payment_intent, subscription, ...)."""
    return {
        **session,
        **made,
        "status": "complete",
        "payment_status": "no_payment_required" if session["mode"] == "setup" else "paid",
        "customer_details": {"email": email},
        "url": None,
    }


def expired(session: Session) -> Session:
    """The session after its time, or after `expire`."""
    return {**session, "status": "expired", "url": None}


def event(kind: str, session: Session) -> dict[str, Any]:
    """The webhook event that tells of a session's change."""
    return {
        "id": f"evt_{secrets.token_hex(12)}",
        "object": "event",
        "api_version": "2026-10-28",
        "created": int(time.time()),
        "data": {"object": session},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def success_address(session: Session) -> str:
    """Where the payer goes after paying; Stripe's template is filled in."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _total(tree: dict[str, forms.Node]) -> tuple[int, str, str]:
    items = tree.get("line_items")
    if not isinstance(items, dict) or not items:
        raise BadRequestError("Missing required param: line_items.", "line_items")
    total, currencies, names = 0, set(), []
    for position in items:
        path = ("line_items", position)
        currencies.add(str(forms.text(tree, *path, "price_data", "currency")).lower())
        names.append(forms.text(tree, *path, "price_data", "product_data", "name") or "Payment")
        total += _natural(tree, *path, "price_data", "unit_amount") * _natural(tree, *path, "quantity", default="1")
    if len(currencies) != 1:
        raise BadRequestError("All line items must have the same currency.", "line_items")
    if total < SMALLEST_CHARGE_MINOR:
        raise BadRequestError("The total is below the smallest amount that can be charged.", "line_items")
    return total, currencies.pop(), ", ".join(names)


def _natural(tree: dict[str, forms.Node], *path: str, default: str = "") -> int:
    raw = forms.text(tree, *path) or default
    if not raw.isdecimal():
        raise BadRequestError(f"Invalid integer: {raw!r}", f"{path[0]}[{']['.join(path[1:])}]")
    return int(raw)


def _expiry(tree: dict[str, forms.Node], now: int) -> int:
    raw = forms.text(tree, "expires_at")
    if raw is None:
        return now + LIFETIME_S
    if not raw.isdecimal() or not now < int(raw) <= now + LIFETIME_S:
        raise BadRequestError("expires_at must be within the next 24 hours.", "expires_at")
    return int(raw)
