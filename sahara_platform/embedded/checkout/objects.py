"""The API of what localstripe lacks or knows only in an older form: prices, subscriptions, invoices, disputes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from sahara_platform.embedded.checkout import forms, settlement
from sahara_platform.embedded.checkout.invoicing import Invoicing
from sahara_platform.embedded.checkout.payment import DeclinedError, Processor
from sahara_platform.embedded.checkout.sessions import BadRequestError, event
from sahara_platform.embedded.checkout.settlement import Body
from sahara_platform.embedded.checkout.store import Store

_DEFAULT_PAGE = 10
_ALL = 1_000_000
#: What lists are filtered by: parameter -> the object's field.
_FILTERS = {
    key: key for key in ("customer", "payment_intent", "charge", "status", "collection_method", "source", "type")
}
_LISTED = {
    "prices": "price",
    "subscriptions": "subscription",
    "invoices": "invoice",
    "refunds": "refund",
    "disputes": "dispute",
    "balance_transactions": "balance_transaction",
}
Handler = Callable[[web.Request], Awaitable[web.Response]]


class ObjectApi:
    """Handlers over the stand-in's own objects."""

    def __init__(self, store: Store, locks: defaultdict[str, asyncio.Lock]) -> None:
        self._store = store
        self._locks = locks
        self.processor: Processor
        self.invoicing: Invoicing

    def routes(self) -> list[web.RouteDef]:
        """What is served here; the rest goes to localstripe."""
        routes = [web.get(f"/v1/{plural}", self._list) for plural in _LISTED]
        routes += [web.get("/v1/payment_intents", self._list_payments)]
        routes += [web.get("/v1/checkout/sessions", self._list_sessions)]
        routes += [web.get(f"/v1/{plural}/{{id}}", self._retrieve) for plural in _LISTED]
        writes: list[tuple[str, Handler]] = [
            ("/v1/prices", self._create_price),
            ("/v1/subscriptions", self._subscribe),
            ("/v1/subscriptions/{id}", self._update_subscription),
            ("/v1/invoices/{id}/pay", self._pay_invoice),
            ("/v1/refunds", self._refund),
            ("/v1/disputes/{id}", self._answer_dispute),
            ("/v1/disputes/{id}/close", self._answer_dispute),
            ("/v1/payment_intents", self._charge),
        ]
        routes += [web.post(path, _guarded(handler)) for path, handler in writes]
        return [*routes, web.delete("/v1/subscriptions/{id}", _guarded(self._cancel))]

    async def _list(self, request: web.Request) -> web.Response:
        kind = _LISTED[request.path.rpartition("/")[2]]
        shown, has_more = _page(request, self._store.every(kind))
        if kind == "balance_transaction" and "data.source" in request.rel_url.query.values():
            shown = [{**row, "source": await self._source(row["source"])} for row in shown]
        return _listing(request, shown, has_more=has_more)

    async def _list_payments(self, request: web.Request) -> web.Response:
        """localstripe has them, but filters by nothing."""
        every = await self.processor.get(f"/v1/payment_intents?limit={_ALL}")
        shown, has_more = _page(request, every["data"][::-1])
        return _listing(request, shown, has_more=has_more)

    async def _list_sessions(self, request: web.Request) -> web.Response:
        shown, has_more = _page(request, self._store.sessions())
        return _listing(request, shown, has_more=has_more)

    async def _source(self, source: str) -> Body:
        """What a balance transaction is about, expanded."""
        own = self._store.get("refund", source) or self._store.get("dispute", source)
        return own if own is not None else await self.processor.get(f"/v1/charges/{source}")

    async def _retrieve(self, request: web.Request) -> web.Response:
        kind = _LISTED[request.path.split("/")[2]]
        found = self._store.get(kind, request.match_info["id"])
        return web.json_response(found) if found is not None else no_such(kind, request.match_info["id"])

    async def _create_price(self, request: web.Request) -> web.Response:
        return web.json_response(self.invoicing.create_price(forms.parse(await request.text())))

    async def _subscribe(self, request: web.Request) -> web.Response:
        tree = forms.parse(await request.text())
        days = forms.text(tree, "days_until_due")
        made = await self.invoicing.subscribe(
            customer=forms.text(tree, "customer") or "",
            price=self.invoicing.price(forms.text(tree, "items", "0", "price")),
            metadata=forms.mapping(tree, "metadata"),
            method=forms.text(tree, "default_payment_method"),
            days_until_due=int(days) if days and forms.text(tree, "collection_method") == "send_invoice" else None,
        )
        return web.json_response(made)

    async def _update_subscription(self, request: web.Request) -> web.Response:
        async with self._locks[request.match_info["id"]]:
            found = self._found("subscription", request)
            return web.json_response(await self.invoicing.update(found, forms.parse(await request.text())))

    async def _cancel(self, request: web.Request) -> web.Response:
        async with self._locks[request.match_info["id"]]:
            return web.json_response(self.invoicing.cancel(self._found("subscription", request)))

    async def _pay_invoice(self, request: web.Request) -> web.Response:
        async with self._locks[request.match_info["id"]]:
            method = forms.text(forms.parse(await request.text()), "payment_method")
            return web.json_response(await self.invoicing.pay(self._found("invoice", request), method))

    async def _refund(self, request: web.Request) -> web.Response:
        tree = forms.parse(await request.text())
        intent_id = forms.text(tree, "payment_intent") or ""
        async with self._locks[intent_id]:
            intent = await self.processor.get(f"/v1/payment_intents/{intent_id}")
            if "id" not in intent:
                return no_such("payment_intent", intent_id)
            form = {"amount": value} if (value := forms.text(tree, "amount")) is not None else {}
            last4 = await self.processor.last4(intent)
            made = settlement.refund(self._store, form, forms.mapping(tree, "metadata"), intent, last4)
        return web.json_response(made)

    async def _answer_dispute(self, request: web.Request) -> web.Response:
        tree = forms.parse(await request.text())
        dispute = self._found("dispute", request)
        words = forms.text(tree, "evidence", "uncategorized_text") or ""
        return web.json_response(settlement.answer_dispute(self._store, dispute, words))

    async def _charge(self, request: web.Request) -> web.Response:
        """A payment with a kept card, its owner away: the only kind that the platform makes without a page."""
        tree = forms.parse(await request.text())
        if forms.text(tree, "confirm") != "true" or forms.text(tree, "off_session") != "true":
            raise BadRequestError("This stand-in takes intents with confirm and off_session only.", "confirm")
        made = await self.processor.charge(
            self._store,
            amount=int(forms.text(tree, "amount") or 0),
            currency=forms.text(tree, "currency") or "",
            customer=forms.text(tree, "customer") or "",
            method=forms.text(tree, "payment_method") or "",
            metadata=forms.mapping(tree, "metadata"),
        )
        return web.json_response(made)

    def _found(self, kind: str, request: web.Request) -> Body:
        found = self._store.get(kind, request.match_info["id"])
        if found is None:
            raise BadRequestError(f"No such {kind}: {request.match_info['id']!r}", "id")
        return found

    def method_event(self, kind: str, body: Body) -> None:
        """Tell that a card was kept or removed."""
        self._store.put(events=[event(kind, body)])


def _page(request: web.Request, newest_first: list[Body]) -> tuple[list[Body], bool]:
    """The part of a list that is asked for, and whether there is more."""
    query = forms.parse(request.rel_url.query_string)
    rows = [row for row in newest_first if _matches(row, query)]
    after, limit = forms.text(query, "starting_after"), int(forms.text(query, "limit") or _DEFAULT_PAGE)
    if after is not None:
        ids = [row["id"] for row in rows]
        rows = rows[ids.index(after) + 1 :] if after in ids else []
    return rows[:limit], len(rows) > limit


def _listing(request: web.Request, shown: list[Body], *, has_more: bool) -> web.Response:
    return web.json_response({"object": "list", "url": request.path, "data": shown, "has_more": has_more})


def _matches(row: Body, query: Mapping[str, forms.Node]) -> bool:
    tree = dict(query)
    for parameter, field in _FILTERS.items():
        wanted = forms.text(tree, parameter)
        if wanted is not None and wanted != "all" and row.get(field) != wanted:
            return False
    keys = tree.get("lookup_keys")
    if isinstance(keys, dict) and row.get("lookup_key") not in keys.values():
        return False
    since, until = forms.text(tree, "created", "gte"), forms.text(tree, "created", "lt")
    return (since is None or row["created"] >= int(since)) and (until is None or row["created"] < int(until))


def _guarded(handler: Handler) -> Handler:
    """Refusals in Stripe's error format."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except BadRequestError as refusal:
            return error(400, str(refusal), param=refusal.param)
        except DeclinedError as refusal:
            return error(402, str(refusal), kind="card_error", code=refusal.code, payment_intent=refusal.intent)

    return handle


def error(status: int, message: str, *, kind: str = "invalid_request_error", **facts: Any) -> web.Response:
    """An error as Stripe words it."""
    body = {"type": kind, "message": message, **{key: value for key, value in facts.items() if value}}
    return web.json_response({"error": body}, status=status)


def no_such(kind: str, object_id: str) -> web.Response:
    """404 for an object that does not exist."""
    return error(404, f"No such {kind}: {object_id!r}", param="id", code="resource_missing")
