"""The HTTP face: Checkout Sessions and the payment page here, the rest passed on to localstripe."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from sahara_platform.embedded.checkout import forms, page, sessions, settlement
from sahara_platform.embedded.checkout.invoicing import Invoicing
from sahara_platform.embedded.checkout.objects import ObjectApi, error, no_such
from sahara_platform.embedded.checkout.payment import AuthenticationNeededError, Card, DeclinedError, Processor
from sahara_platform.embedded.checkout.store import Store, StoredAnswer
from sahara_platform.embedded.checkout.webhooks import Receiver, deliver_forever

_EXPIRY_INTERVAL_S = 1.0
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PASSED_ON = ("Content-Type", "Authorization", "Stripe-Version", "Stripe-Account")


@dataclass(frozen=True)
class Configuration:
    """What the stand-in is told at start."""

    port: int
    state_dir: Path
    processor_url: str
    api_key: str
    receiver: Receiver

    @property
    def public_base(self) -> str:
        """Where payers reach the page."""
        return f"http://127.0.0.1:{self.port}"


class CheckoutServer:
    """Handlers over one store. A lock per session or idempotency key puts parallel requests in a row."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._store = Store(configuration.state_dir / "checkout.sqlite3")
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._client: aiohttp.ClientSession | None = None
        self._objects = ObjectApi(self._store, self._locks)

    def application(self) -> web.Application:
        """The aiohttp application, with its background work."""
        application = web.Application(middlewares=[self._authenticate, self._replay], client_max_size=1_000_000)
        application.cleanup_ctx.append(self._background)
        application.add_routes(
            [
                web.get("/healthcheck", self._health),
                web.get("/checkout.css", self._style),
                web.get("/c/pay/{id}", self._show_page),
                web.post("/c/pay/{id}", self._pay),
                web.post("/c/pay/{id}/authenticate", self._answer_bank),
                web.get("/i/{id}", self._show_invoice),
                web.post("/i/{id}", self._pay_invoice),
                web.get("/i/{id}/pdf", self._receipt),
                web.post("/v1/checkout/sessions", self._create),
                web.get("/v1/checkout/sessions/{id}", self._retrieve),
                web.post("/v1/checkout/sessions/{id}/expire", self._expire),
                *self._objects.routes(),
                web.route("*", "/v1/{path:.*}", self._pass_on),
            ]
        )
        return application

    @property
    def client(self) -> aiohttp.ClientSession:
        """The HTTP client that lives as long as the server."""
        if self._client is None:
            raise RuntimeError("The server is not running.")
        return self._client

    async def _background(self, _application: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as self._client:
            processor = Processor(self.client, self._configuration.processor_url, self._configuration.api_key)
            self._objects.processor = processor
            self._objects.invoicing = Invoicing(self._store, processor, self._configuration.public_base)
            tasks = [
                asyncio.create_task(deliver_forever(self._store, self._configuration.receiver)),
                asyncio.create_task(self._let_time_pass()),
            ]
            yield
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _let_time_pass(self) -> None:
        while True:
            settlement.change_due_refunds(self._store, time.time())
            await self._objects.invoicing.renew_due(int(time.time()))
            for overdue in self._store.overdue_sessions(time.time()):
                async with self._locks[overdue["id"]]:
                    session = self._store.session(overdue["id"])
                    if session is not None and session["status"] == "open":
                        self._close_as_expired(session)
            await asyncio.sleep(_EXPIRY_INTERVAL_S)

    def _close_as_expired(self, session: sessions.Session) -> sessions.Session:
        ended = sessions.expired(session)
        self._store.save(ended, sessions.event("checkout.session.expired", ended))
        return ended

    @web.middleware
    async def _authenticate(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path.startswith("/v1/") and not hmac.compare_digest(_key_of(request), self._configuration.api_key):
            return error(401, "Invalid API Key provided.", kind="invalid_request_error")
        return await handler(request)

    @web.middleware
    async def _replay(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        key = request.headers.get("Idempotency-Key")
        if key is None or request.method != "POST":
            return await handler(request)
        fingerprint = hashlib.sha256(request.path.encode() + b"\n" + await request.read()).hexdigest()
        async with self._locks[f"key {key}"]:
            known = self._store.answer(key)
            if known is None:
                response = await handler(request)
                if isinstance(response, web.Response) and response.status < 500:
                    body = response.body if isinstance(response.body, bytes) else b""
                    self._store.remember(key, StoredAnswer(fingerprint, response.status, body))
                return response
        if known.fingerprint != fingerprint:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with."
            )
            return error(400, message, kind="idempotency_error")
        headers = {"Idempotent-Replayed": "true"}
        return web.Response(status=known.status, body=known.body, content_type="application/json", headers=headers)

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _style(self, _request: web.Request) -> web.Response:
        return web.Response(text=page.STYLE, content_type="text/css", headers={"Cache-Control": "max-age=3600"})

    async def _create(self, request: web.Request) -> web.Response:
        try:
            tree = forms.parse(await request.text())
            is_recurring = forms.text(tree, "mode") == "subscription"
            wanted = forms.text(tree, "line_items", "0", "price")
            price = self._objects.invoicing.price(wanted) if is_recurring else None
            session = sessions.new_session(tree, self._configuration.public_base, price)
        except sessions.BadRequestError as refusal:
            return error(400, str(refusal), param=refusal.param)
        self._store.save(session)
        return web.json_response(session)

    async def _retrieve(self, request: web.Request) -> web.Response:
        session = self._store.session(request.match_info["id"])
        return (
            web.json_response(session) if session is not None else no_such("checkout.session", request.match_info["id"])
        )

    async def _expire(self, request: web.Request) -> web.Response:
        async with self._locks[request.match_info["id"]]:
            session = self._store.session(request.match_info["id"])
            if session is None:
                return no_such("checkout.session", request.match_info["id"])
            if session["status"] != "open":
                return error(400, 'Only Checkout Sessions with a status in ["open"] can be expired.')
            return web.json_response(self._close_as_expired(session))

    async def _show_page(self, request: web.Request) -> web.Response:
        session = self._session(request)
        return _html(page.form(session) if session["status"] == "open" else page.closed(session))

    async def _pay(self, request: web.Request) -> web.Response:
        card = await _card_from(request)
        async with self._locks[request.match_info["id"]]:
            session = self._session(request)
            if session["status"] == "expired":
                return _html(page.closed(session), status=410)
            if session["status"] == "open":
                try:
                    await self._complete(session, card)
                except DeclinedError as refusal:
                    return _html(page.form(session, str(refusal), card.email), status=402)
                except AuthenticationNeededError:
                    return _html(page.authentication(session))
        raise web.HTTPSeeOther(sessions.success_address(session))

    async def _answer_bank(self, request: web.Request) -> web.Response:
        success = (await request.post()).get("success") == "1"
        async with self._locks[request.match_info["id"]]:
            session = self._session(request)
            if session["status"] == "open" and session.get("payment_intent"):
                try:
                    await self._objects.processor.authenticate(session, success=success)
                except DeclinedError as refusal:
                    return _html(page.form(session, str(refusal)), status=402)
                paid = await self._objects.processor.earlier_payment(self._store, session)
                if paid is not None:
                    self._close(session, None, payment_intent=paid.intent, customer=paid.customer)
        raise web.HTTPSeeOther(sessions.success_address(session))

    async def _complete(self, session: sessions.Session, card: Card) -> None:
        if session["mode"] == "payment":
            paid = await self._objects.processor.pay(self._store, session, card)
            self._close(session, card.email, payment_intent=paid.intent, customer=paid.customer)
            return
        customer, method = await self._objects.processor.attach(session["customer"], card)
        kept = await self._objects.processor.get(f"/v1/payment_methods/{method}")
        if session["mode"] == "setup":
            made = await self._objects.processor.post("/v1/setup_intents", {"customer": customer})
            confirm = f"/v1/setup_intents/{made['id']}/confirm"
            await self._objects.processor.post(confirm, {"payment_method": method})
            self._objects.method_event("payment_method.attached", kept)
            self._close(session, card.email, setup_intent=str(made["id"]))
            return
        started = await self._objects.invoicing.subscribe(
            customer=customer,
            price=self._objects.invoicing.price(session["price"]),
            metadata=session["subscription_metadata"],
            method=method,
            days_until_due=None,
        )
        if started["status"] != "active":
            self._objects.invoicing.cancel(started)
            raise DeclinedError("Your card was declined.")
        self._objects.method_event("payment_method.attached", kept)
        self._close(session, card.email, subscription=started["id"], invoice=started["latest_invoice"])

    def _close(self, session: sessions.Session, email: str | None, **made: str | None) -> None:
        done = sessions.completed(session, email=email or None, **made)
        self._store.save(done, sessions.event("checkout.session.completed", done))

    async def _show_invoice(self, request: web.Request) -> web.Response:
        invoice = self._invoice(request)
        shown = _as_session(invoice)
        return _html(page.form(shown) if invoice["status"] == "open" else page.closed(shown))

    async def _pay_invoice(self, request: web.Request) -> web.Response:
        card = await _card_from(request)
        async with self._locks[request.match_info["id"]]:
            invoice = self._invoice(request)
            if invoice["status"] == "open":
                try:
                    _, method = await self._objects.processor.attach(invoice["customer"], card)
                    invoice = await self._objects.invoicing.pay(invoice, method)
                except DeclinedError as refusal:
                    return _html(page.form(_as_session(invoice), str(refusal), card.email), status=402)
        return _html(page.closed(_as_session(invoice)))

    async def _receipt(self, request: web.Request) -> web.Response:
        return web.Response(body=page.receipt(self._invoice(request)), content_type="application/pdf")

    def _session(self, request: web.Request) -> sessions.Session:
        session = self._store.session(request.match_info["id"])
        if session is None:
            raise web.HTTPNotFound
        return session

    def _invoice(self, request: web.Request) -> dict[str, Any]:
        invoice = self._store.get("invoice", request.match_info["id"])
        if invoice is None:
            raise web.HTTPNotFound
        return invoice

    async def _pass_on(self, request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        url = f"{self._configuration.processor_url}{request.rel_url}"
        async with self.client.request(request.method, url, data=await request.read(), headers=headers) as response:
            body = await response.read()
        return web.Response(status=response.status, body=body, content_type=response.content_type)


async def _card_from(request: web.Request) -> Card:
    data = await request.post()

    def typed(name: str) -> str:
        value = data.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    number = typed("number").replace(" ", "").replace("-", "")
    return Card(number, typed("exp_month"), typed("exp_year"), typed("cvc"), typed("email"))


def _key_of(request: web.Request) -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer":
        return value
    if scheme == "Basic":
        try:
            return base64.b64decode(value).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, content_type="text/html", status=status, headers=_PAGE_HEADERS)


def _as_session(invoice: dict[str, Any]) -> sessions.Session:
    """What the payment page needs to know of an invoice."""
    status = "complete" if invoice["status"] == "paid" else invoice["status"]
    total = {"amount_total": invoice["amount_due"], "currency": invoice["currency"], "status": status}
    return {**total, "id": invoice["id"], "description": f"Invoice {invoice['number']}"}
