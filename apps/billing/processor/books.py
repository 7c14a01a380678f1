"""The processor's own books: every line of the platform's account there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from apps.billing.facts import Movement
from apps.billing.processor.client import api, failures, id_of, time_of
from apps.core.money import Money

_PAGE = 100


def movements(since: datetime, until: datetime) -> Iterator[Movement]:
    """The lines of [since, until). Raises PaymentsUnavailable."""
    window: Any = {
        "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())},
        "limit": _PAGE,
        "expand": ["data.source"],
    }
    with failures():
        for one in api().balance_transactions.list(window).auto_paging_iter():
            yield _movement(one.to_dict())


def _movement(body: Mapping[str, Any]) -> Movement:
    currency, source = str(body["currency"]).upper(), body.get("source")
    return Movement(
        id=str(body["id"]),
        kind=str(body["type"]),
        amount=Money(int(body["amount"]), currency),
        fee=Money(int(body["fee"]), currency),
        source=id_of(source),
        payment_intent=id_of(source.get("payment_intent")) if isinstance(source, Mapping) else "",
        created=time_of(body["created"]),
    )
