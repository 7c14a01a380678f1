"""What one API key may do and how often: checked and counted in one statement, so that no two calls slip through.

Windows are fixed (a UTC minute, day and month). Tokens are set aside before an answer, as many as it can take, and
corrected afterwards: a cap holds under any number of calls at once. What an answer that was killed had set aside stays
counted until the month ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from apps.core import clock
from apps.core.errors import NotPermitted, RateLimited
from apps.core.ids import uuid7
from apps.core.tenant import tenant_scope
from apps.tenancy.models import ApiKeyWindow
from apps.tenancy.types import Actor, KeyScope

USED_PRECISION = timedelta(minutes=1)
UNLIMITED = 2**62
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
#: What a key that is for certain agents only reaches of the management API.
_ABOUT_AGENTS = ("/api/v1/agents/", "/api/v1/me/")
_FOR_ALL = ("/api/v1/me/", "/api/v1/schema/")

_UPSERT = """
INSERT INTO tenancy_apikeywindow AS w (id, tenant_id, key_id, period, starts_at, requests, tokens)
SELECT %({name}_id)s, %(tenant)s, %(key)s, '{name}', %({name})s, 1, 0 {condition}
ON CONFLICT (tenant_id, key_id, period, starts_at)
DO UPDATE SET requests = w.requests + 1 WHERE w.requests < %({name}_limit)s
RETURNING 1
"""
_COUNT = f"""
WITH minute AS ({_UPSERT.format(name="minute", condition="")}),
     day AS ({_UPSERT.format(name="day", condition="WHERE EXISTS (SELECT 1 FROM minute)")}),
     month AS ({_UPSERT.format(name="month", condition="WHERE EXISTS (SELECT 1 FROM day)")}),
     used AS (UPDATE tenancy_apikey SET last_used_at = %(now)s
               WHERE id = %(key)s AND (last_used_at IS NULL OR last_used_at < %(recent)s))
SELECT EXISTS (SELECT 1 FROM minute), EXISTS (SELECT 1 FROM day)
"""  # noqa: S608  # names of periods
_SET_ASIDE = """
INSERT INTO tenancy_apikeywindow AS w (id, tenant_id, key_id, period, starts_at, requests, tokens)
SELECT %(id)s, %(tenant)s, %(key)s, 'month', %(month)s, 0, %(tokens)s WHERE %(tokens)s <= %(cap)s
ON CONFLICT (tenant_id, key_id, period, starts_at)
DO UPDATE SET tokens = w.tokens + %(tokens)s WHERE w.tokens + %(tokens)s <= %(cap)s
RETURNING 1
"""


class QuotaExceeded(RateLimited):
    """The key has made all the calls, or used all the tokens, that it may; `retry_after_s` says when it may again."""


@dataclass(frozen=True)
class Reservation:
    """Tokens that were set aside for one answer."""

    actor: Actor
    month: datetime
    tokens: int


def admit(actor: Actor, path: str) -> None:
    """Let a call of a key in: by its scope, then by its quota, and count it.

    Raises:
        NotPermitted: the key is not for this part of the API.
        QuotaExceeded: too many calls in this minute or day.
    """
    key = actor.key
    if key is None:
        return
    _require_scope(actor, path)
    now = clock.now()
    starts = _starts(now)
    values: dict[str, Any] = {
        "tenant": actor.organisation_id,
        "key": key.id,
        "now": now,
        "recent": now - USED_PRECISION,
        "minute_limit": _or_unlimited(key.requests_per_minute),
        "day_limit": _or_unlimited(key.requests_per_day),
        "month_limit": UNLIMITED,
        **starts,
        **{f"{name}_id": uuid7() for name in starts},
    }
    with tenant_scope(actor.organisation_id), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        minute, day = cursor.fetchone()
    if not minute:
        raise _exceeded(
            f"This key has made its {key.requests_per_minute} calls of this minute.", starts["minute"] + MINUTE, now
        )
    if not day:
        message = f"This key has made its {key.requests_per_day} calls of this day."
        raise _exceeded(message, starts["day"] + DAY, now)


def set_aside(actor: Actor, tokens: int) -> Reservation | None:
    """Set tokens aside for an answer that may take so many; None for a caller without a key.

    Raises:
        QuotaExceeded: the key's tokens of this month do not suffice.
    """
    key = actor.key
    if key is None:
        return None
    now = clock.now()
    month = _starts(now)["month"]
    values: dict[str, Any] = {
        "id": uuid7(),
        "tenant": actor.organisation_id,
        "key": key.id,
        "month": month,
        "tokens": tokens,
        "cap": _or_unlimited(key.tokens_per_month),
    }
    with tenant_scope(actor.organisation_id), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SET_ASIDE, values)
        if cursor.fetchone() is None:
            message = f"What is left of this key's {key.tokens_per_month} tokens a month does not suffice."
            raise _exceeded(message, _next_month(month), now, code="key_spend_cap")
    return Reservation(actor, month, tokens)


def settle(reservation: Reservation | None, used: int) -> None:
    """Replace what was set aside by what was used."""
    if reservation is None or reservation.actor.key is None:
        return
    with tenant_scope(reservation.actor.organisation_id), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {ApiKeyWindow._meta.db_table} SET tokens = greatest(0, tokens + %s)"  # noqa: S608  # a table's name
            " WHERE tenant_id = %s AND key_id = %s AND period = 'month' AND starts_at = %s",
            (
                used - reservation.tokens,
                reservation.actor.organisation_id,
                reservation.actor.key.id,
                reservation.month,
            ),
        )


def month_of(now: datetime) -> datetime:
    """The beginning of the UTC month."""
    return _starts(now)["month"]


def _require_scope(actor: Actor, path: str) -> None:
    key = actor.key
    if key is None or path.startswith(_FOR_ALL):
        return
    needed = KeyScope.MANAGE if path.startswith("/api/") else KeyScope.CHAT
    if needed not in key.scopes:
        raise NotPermitted("key_scope", f"This key does not have the scope {needed}.", scope=str(needed))
    if needed is KeyScope.MANAGE and key.agent_ids is not None and not path.startswith(_ABOUT_AGENTS):
        raise NotPermitted("key_scope", "This key is for certain agents only; it does not manage anything else.")


def _starts(now: datetime) -> dict[str, datetime]:
    minute = now.astimezone(UTC).replace(second=0, microsecond=0)
    day = minute.replace(hour=0, minute=0)
    return {"minute": minute, "day": day, "month": day.replace(day=1)}


def _next_month(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)


def _or_unlimited(limit: int | None) -> int:
    return UNLIMITED if limit is None else limit


def _exceeded(message: str, free_at: datetime, now: datetime, code: str = "key_quota_exceeded") -> QuotaExceeded:
    seconds = max(1, int((free_at - now).total_seconds()) + 1)
    return QuotaExceeded(code, f"{message} It is reset at {free_at:%Y-%m-%d %H:%M} UTC.", retry_after_s=seconds)
