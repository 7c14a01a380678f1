"""The client, its failures, and small readers of what it answers."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError
from uuid import UUID

import stripe
from django.conf import settings

from apps.billing.errors import PaymentDeclined, PaymentsUnavailable
from apps.core.turns import away

logger = logging.getLogger(__name__)

TIMEOUT_S = 20
HEALTH_TIMEOUT_S = 4


def api() -> stripe.V1Services:
    """The processor's API, with the configured key and address."""
    configured: Mapping[str, str] = settings.STRIPE
    client = stripe.StripeClient(
        configured["api_key"],
        base_addresses={"api": configured["api_base"]},
        http_client=stripe.RequestsClient(timeout=TIMEOUT_S),
        max_network_retries=2,
    )
    return client.v1


@contextmanager
def failures() -> Iterator[None]:
    """The processor's errors as ours: a refused card is PaymentDeclined, everything else PaymentsUnavailable."""
    try:
        with away():
            yield
    except stripe.CardError as error:
        raise PaymentDeclined(reason=str(error.user_message or ""), processor_code=str(error.code or "")) from error
    except stripe.StripeError as error:
        logger.exception("the payment processor failed: %s", type(error).__name__)
        raise PaymentsUnavailable from error


def answers() -> bool:
    """Whether the processor's API can be reached (a plain request, not on the account)."""
    request = urllib.request.Request(f"{settings.STRIPE['api_base']}/healthcheck")  # noqa: S310  # our configured address
    try:
        with urllib.request.urlopen(request, timeout=HEALTH_TIMEOUT_S) as response:  # noqa: S310
            return bool(response.status == 200)
    except HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def id_of(value: Any) -> str:
    """The id of an object that may be expanded."""
    return str(value["id"]) if isinstance(value, Mapping) else str(value or "")


def uuid_of(text: object) -> UUID | None:
    """An id of ours from metadata, if it is one."""
    try:
        return UUID(str(text))
    except ValueError:
        return None


def time_of(seconds: Any) -> datetime:
    """A point in time from the processor's seconds."""
    return datetime.fromtimestamp(int(seconds), UTC)
