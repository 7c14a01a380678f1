"""Signed webhooks, sent until the receiver answers 2xx."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from dataclasses import dataclass

import aiohttp

from sahara_platform.embedded.checkout.store import PendingWebhook, Store

LONGEST_WAIT_S = 60.0
_IDLE_S = 0.25
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Receiver:
    """Where events go and the secret that signs them."""

    url: str
    secret: str


def signature(payload: str, secret: str, timestamp: int) -> str:
    """Stripe-Signature header, scheme v1: HMAC-SHA256 over `timestamp.payload`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


async def deliver_forever(store: Store, receiver: Receiver) -> None:
    """Send what is due, again and again, with growing pauses after failures."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as client:
        while True:
            for webhook in store.due_webhooks(time.time()):
                await _deliver(client, store, receiver, webhook)
            await asyncio.sleep(_IDLE_S)


async def _deliver(client: aiohttp.ClientSession, store: Store, receiver: Receiver, webhook: PendingWebhook) -> None:
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature(webhook.payload, receiver.secret, int(time.time())),
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    try:
        async with client.post(receiver.url, data=webhook.payload.encode(), headers=headers) as response:
            if 200 <= response.status < 300:
                store.acknowledge(webhook.id)
                _logger.info("event %s delivered", webhook.id)
                return
            outcome = f"answered {response.status}"
    except (aiohttp.ClientError, TimeoutError) as error:
        outcome = f"could not be reached ({error})"
    wait_s = min(2.0**webhook.attempts, LONGEST_WAIT_S)
    store.postpone(webhook.id, time.time() + wait_s)
    _logger.warning("event %s: %s %s; again in %.0f s", webhook.id, receiver.url, outcome, wait_s)
