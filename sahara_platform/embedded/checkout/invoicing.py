"""Prices, subscriptions and invoices after Stripe's API reference: renewed, prorated, paid by the default card."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sahara_platform.embedded.checkout import forms
from sahara_platform.embedded.checkout.payment import DeclinedError, Processor
from sahara_platform.embedded.checkout.sessions import BadRequestError, event
from sahara_platform.embedded.checkout.settlement import Body, new_id
from sahara_platform.embedded.checkout.store import Store

_DAY_S = 24 * 3600
_INTERVAL_S = {"day": _DAY_S, "week": 7 * _DAY_S, "month": 30 * _DAY_S, "year": 365 * _DAY_S}
Tree = dict[str, forms.Node]


class Invoicing:
    """Subscriptions over one store; every payment goes through the processor."""

    def __init__(self, store: Store, processor: Processor, public_base: str) -> None:
        self._store = store
        self._processor = processor
        self._public_base = public_base

    def create_price(self, tree: Tree) -> Body:
        """A recurring price with a product of its own. Raises BadRequestError."""
        amount, interval = forms.text(tree, "unit_amount") or "", forms.text(tree, "recurring", "interval")
        key, currency = forms.text(tree, "lookup_key"), forms.text(tree, "currency")
        if not amount.isdecimal() or interval not in _INTERVAL_S or not currency:
            raise BadRequestError("A price needs unit_amount, currency and recurring[interval].", "unit_amount")
        holders = [one for one in self._store.every("price") if key and one["lookup_key"] == key]
        if holders and forms.text(tree, "transfer_lookup_key") != "true":
            raise BadRequestError(f"A price (`{holders[0]['id']}`) already uses that lookup key.", "lookup_key")
        made: Body = {
            "id": new_id("price"),
            "object": "price",
            "active": True,
            "created": int(time.time()),
            "currency": currency.lower(),
            "lookup_key": key,
            "metadata": forms.mapping(tree, "metadata"),
            "product": new_id("prod"),
            "nickname": forms.text(tree, "product_data", "name"),
            "recurring": {"interval": interval, "interval_count": 1, "usage_type": "licensed"},
            "type": "recurring",
            "unit_amount": int(amount),
        }
        self._store.put(*({**one, "lookup_key": None} for one in holders), made)
        return made

    def price(self, price_id: str | None) -> Body:
        """A price that a request names. Raises BadRequestError."""
        found = self._store.get("price", price_id or "")
        if found is None:
            raise BadRequestError(f"No such price: {price_id!r}", "items[0][price]")
        return found

    async def subscribe(
        self, *, customer: str, price: Body, metadata: Mapping[str, str], method: str | None, days_until_due: int | None
    ) -> Body:
        """A new subscription and its first invoice; a declined card leaves it incomplete."""
        now = int(time.time())
        made: Body = {
            "id": new_id("sub"),
            "object": "subscription",
            "cancel_at_period_end": False,
            "canceled_at": None,
            "collection_method": "charge_automatically" if days_until_due is None else "send_invoice",
            "created": now,
            "currency": price["currency"],
            "customer": customer,
            "days_until_due": days_until_due,
            "default_payment_method": method,
            "ended_at": None,
            "items": {"object": "list", "data": [_item(price, now)], "has_more": False},
            "latest_invoice": None,
            "metadata": dict(metadata),
            "status": "incomplete",
        }
        invoice = self._invoice(made, price["unit_amount"], "subscription_create", price["nickname"])
        if days_until_due is None:
            await self._collect(made, invoice)
        made["status"] = "active" if invoice["status"] == "paid" or days_until_due is not None else "incomplete"
        self._store.put(made, events=[event("customer.subscription.created", made)])
        return made

    async def update(self, subscription: Body, tree: Tree) -> Body:
        """Change plan, cancel or resume, another card, a new cycle now. Raises BadRequestError, DeclinedError."""
        changed = {**subscription, "metadata": {**subscription["metadata"], **forms.mapping(tree, "metadata")}}
        if (ending := forms.text(tree, "cancel_at_period_end")) is not None:
            changed["cancel_at_period_end"] = ending == "true"
            changed["canceled_at"] = int(time.time()) if ending == "true" else None
        if method := forms.text(tree, "default_payment_method"):
            changed["default_payment_method"] = method
        if wanted := forms.text(tree, "items", "0", "price"):
            await self._change_price(changed, self.price(wanted), strict=_is_strict(tree))
        if forms.text(tree, "billing_cycle_anchor") == "now":
            await self._renew(changed, int(time.time()))
        self._store.put(changed, events=[event("customer.subscription.updated", changed)])
        return changed

    def cancel(self, subscription: Body) -> Body:
        """End it now."""
        now = int(time.time())
        ended = {**subscription, "status": "canceled", "canceled_at": now, "ended_at": now}
        self._store.put(ended, events=[event("customer.subscription.deleted", ended)])
        return ended

    async def renew_due(self, now: int) -> None:
        """Begin the next period of every subscription whose period is over."""
        for row in self._store.every("subscription"):
            if row["status"] not in ("active", "past_due") or row["items"]["data"][0]["current_period_end"] > now:
                continue
            if row["cancel_at_period_end"]:
                self.cancel(row)
                continue
            await self._renew(row, now)
            self._store.put(row, events=[event("customer.subscription.updated", row)])

    async def pay(self, invoice: Body, method: str | None = None) -> Body:
        """Pay an open invoice. Raises BadRequestError, DeclinedError."""
        if invoice["status"] != "open":
            raise BadRequestError("Invoice is already paid.", "invoice")
        subscription_id = invoice["parent"]["subscription_details"]["subscription"]
        subscription = self._store.get("subscription", subscription_id)
        if subscription is None:
            raise BadRequestError(f"No such subscription: {subscription_id!r}", "invoice")
        refusal = await self._collect(subscription, invoice, method)
        if refusal is not None:
            raise refusal
        if subscription["status"] in ("incomplete", "past_due", "unpaid"):
            subscription["status"] = "active"
            self._store.put(subscription, events=[event("customer.subscription.updated", subscription)])
        return invoice

    async def _change_price(self, subscription: Body, price: Body, *, strict: bool) -> None:
        item = subscription["items"]["data"][0]
        old, now = item["price"], int(time.time())
        start, end = item["current_period_start"], item["current_period_end"]
        if old["id"] == price["id"]:
            return
        if old["recurring"] != price["recurring"]:
            start, end = now, now + _INTERVAL_S[price["recurring"]["interval"]]
        unused = old["unit_amount"] * max(0, item["current_period_end"] - now)
        credit = unused // max(1, item["current_period_end"] - item["current_period_start"])
        due = price["unit_amount"] * (end - max(now, start)) // (end - start) - credit
        item.update(price=price, current_period_start=start, current_period_end=end)
        invoice = self._invoice(subscription, due, "subscription_update", f"Change to {price['nickname']}")
        refusal = await self._collect(subscription, invoice)
        if refusal is not None and strict:
            self._store.put({**invoice, "status": "void"})
            raise refusal

    async def _renew(self, subscription: Body, now: int) -> None:
        item = subscription["items"]["data"][0]
        item.update(_item(item["price"], now), id=item["id"])
        invoice = self._invoice(
            subscription, item["price"]["unit_amount"], "subscription_cycle", item["price"]["nickname"]
        )
        if subscription["collection_method"] == "charge_automatically":
            subscription["status"] = "active" if await self._collect(subscription, invoice) is None else "past_due"

    def _invoice(self, subscription: Body, amount: int, reason: str, text: str) -> Body:
        """A finalised invoice; the customer's credit is used first, and what is negative becomes credit."""
        now, customer = int(time.time()), subscription["customer"]
        purse = self._store.get("credit", f"credit_{customer}") or {"amount": 0}
        due = max(0, amount - purse["amount"])
        left = purse["amount"] - (amount - due)
        invoice_id = new_id("in")
        made: Body = {
            "id": invoice_id,
            "object": "invoice",
            "amount_due": due,
            "amount_paid": 0,
            "amount_remaining": due,
            "billing_reason": reason,
            "collection_method": subscription["collection_method"],
            "created": now,
            "currency": subscription["currency"],
            "customer": customer,
            "due_date": now + subscription["days_until_due"] * _DAY_S if subscription["days_until_due"] else None,
            "hosted_invoice_url": f"{self._public_base}/i/{invoice_id}",
            "invoice_pdf": f"{self._public_base}/i/{invoice_id}/pdf",
            "lines": {"object": "list", "data": [{"object": "line_item", "amount": amount, "description": text}]},
            "metadata": {},
            "number": f"TEST-{len(self._store.every('invoice')) + 1:04d}",
            "parent": {
                "type": "subscription_details",
                "subscription_details": {"subscription": subscription["id"], "metadata": subscription["metadata"]},
            },
            "payments": {"object": "list", "data": []},
            "status": "open",
            "status_transitions": {"finalized_at": now, "paid_at": None},
            "total": amount,
        }
        subscription["latest_invoice"] = invoice_id
        credit = {"id": f"credit_{customer}", "object": "credit", "amount": left}
        self._store.put(made, credit, events=[event("invoice.finalized", made)])
        return made

    async def _collect(self, subscription: Body, invoice: Body, method: str | None = None) -> DeclinedError | None:
        """Charge an invoice; returns why not."""
        if invoice["amount_due"]:
            method = method or subscription["default_payment_method"]
            metadata = {**subscription["metadata"], "invoice": invoice["id"]}
            try:
                intent = await self._processor.charge(
                    self._store,
                    amount=invoice["amount_due"],
                    currency=invoice["currency"],
                    customer=subscription["customer"],
                    method=method or "",
                    metadata=metadata,
                )
            except DeclinedError as refusal:
                self._store.put(invoice, events=[event("invoice.payment_failed", invoice)])
                return refusal
            payment = {"type": "payment_intent", "payment_intent": intent["id"]}
            invoice["payments"]["data"] = [{"object": "invoice_payment", "payment": payment, "status": "paid"}]
        invoice["status"], invoice["amount_paid"], invoice["amount_remaining"] = "paid", invoice["amount_due"], 0
        invoice["status_transitions"]["paid_at"] = int(time.time())
        self._store.put(invoice, events=[event("invoice.paid", invoice)])
        return None


def _item(price: Body, now: int) -> Body:
    end = now + _INTERVAL_S[price["recurring"]["interval"]]
    return {
        "id": new_id("si"),
        "object": "subscription_item",
        "current_period_start": now,
        "current_period_end": end,
        "price": price,
        "quantity": 1,
    }


def _is_strict(tree: Mapping[str, Any]) -> bool:
    return tree.get("payment_behavior") == "error_if_incomplete"
