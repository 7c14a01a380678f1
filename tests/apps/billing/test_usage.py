"""Usage: counted once by its key, held against the plan, charged beyond it where the plan says so."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from apps.billing import selectors, services
from apps.billing.errors import QuotaExceeded
from apps.billing.models import UsageTotal
from apps.billing.plans import PLANS
from apps.billing.types import PlanKey, readable
from apps.core import clock, outbox
from apps.core.errors import DomainError
from apps.core.money import Money
from apps.ledger.selectors import transfers_of_source
from apps.ledger.types import units_of
from apps.tenancy import limits
from apps.tenancy import services as tenancy
from apps.tenancy.limits import Limit
from apps.tenancy.types import Role

pytestmark = pytest.mark.django_db
MILLION = 1_000_000
FREE, TEAM = PLANS[PlanKey.FREE].limits, PLANS[PlanKey.TEAM].limits


def note(organisation_id: UUID, limit: Limit, amount: int, key: str) -> None:
    limits.note_usage(organisation_id=organisation_id, limit=limit, amount=amount, key=key)
    outbox.drain()


def test_a_measurement_counts_once_whatever_its_events(actor: Any) -> None:
    for key in ("a", "a", "b", "a"):
        note(actor.organisation_id, Limit.MODEL_TOKENS, 100, key)
    note(actor.organisation_id, Limit.STORAGE_BYTES, 50, "a")
    note(actor.organisation_id, Limit.STORAGE_BYTES, -20, "a-removed")
    note(actor.organisation_id, Limit.STORAGE_BYTES, 0, "nothing")
    assert {one.limit: one.used for one in selectors.usage(actor)} == {
        Limit.SEATS: 1,
        Limit.MODEL_TOKENS: 200,
        Limit.STORAGE_BYTES: 30,
    }


def test_tokens_begin_anew_each_month_and_bytes_stay(actor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in (Limit.MODEL_TOKENS, Limit.STORAGE_BYTES):
        services.record_usage(organisation_id=actor.organisation_id, limit=limit, amount=7, key="x")
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now.replace(year=now.year + 1))
    used = {one.limit: one.used for one in selectors.usage(actor)}
    assert (used[Limit.MODEL_TOKENS], used[Limit.STORAGE_BYTES]) == (0, 7)


def test_beyond_the_free_plan_it_stops_and_says_which_limit(actor: Any) -> None:
    room = {"organisation_id": actor.organisation_id, "limit": Limit.STORAGE_BYTES}
    limits.require_room(**room, wanted=FREE[Limit.STORAGE_BYTES])
    services.record_usage(
        organisation_id=actor.organisation_id, limit=Limit.STORAGE_BYTES, amount=FREE[Limit.STORAGE_BYTES], key="all"
    )
    with pytest.raises(QuotaExceeded) as refusal:
        limits.require_room(**room)
    assert refusal.value.code == "quota_exceeded"
    assert "The Free plan allows 5 GiB (storage), and 5 GiB is used." in refusal.value.message
    assert refusal.value.context["plan_url"] == "/billing/plan/"


def test_seats_are_held_against_the_plan_at_the_invitation(actor: Any) -> None:
    for number in range(FREE[Limit.SEATS] - 1):
        tenancy.invite_member(actor=actor, email=f"member-{number}@example.org", role=Role.MEMBER)
    tenancy.invite_member(actor=actor, email="member-0@example.org", role=Role.VIEWER)
    with pytest.raises(DomainError) as refusal:
        tenancy.invite_member(actor=actor, email="one-more@example.org", role=Role.MEMBER)
    assert refusal.value.context["limit"] == "seats"


def test_tokens_beyond_a_paid_plan_cost_whole_cents_of_the_prepaid_balance(
    actor: Any, subscribed: Any, fund: Any
) -> None:
    subscribed(actor)
    room = {"organisation_id": actor.organisation_id, "limit": Limit.MODEL_TOKENS}
    count = {"organisation_id": actor.organisation_id, "limit": Limit.MODEL_TOKENS}
    services.record_usage(**count, amount=TEAM[Limit.MODEL_TOKENS] - 1000, key="most")
    limits.require_room(**room, wanted=1000)
    with pytest.raises(QuotaExceeded) as refusal:
        limits.require_room(**room, wanted=1001)
    assert "$2.00 a million" in refusal.value.message
    fund(actor.organisation_id, 300)
    limits.require_room(**room, wanted=1001)
    services.record_usage(**count, amount=1000 + 4999, key="crosses")
    assert selectors.balance(actor).available == Money(300)
    services.record_usage(**count, amount=1, key="one-cent")
    assert selectors.balance(actor).available == Money(299)
    services.record_usage(**count, amount=MILLION, key="two-dollars")
    services.record_usage(**count, amount=MILLION, key="two-dollars")
    assert selectors.balance(actor).available == Money(99)
    # What the balance lacks stays due and is taken from the next money.
    services.record_usage(**count, amount=MILLION, key="more-than-there-is")
    assert selectors.balance(actor).available == Money(0)
    fund(actor.organisation_id, 1000)
    services.record_usage(**count, amount=1, key="next")
    assert selectors.balance(actor).available == Money(1000 - 101)
    total = UsageTotal.objects.get()
    assert (total.overage, total.charged) == (4999 + 1 + 2 * MILLION + 1, 401)
    source = f"{Limit.MODEL_TOKENS} {total.period}"
    assert sum(units_of(t.amount) for t in transfers_of_source("billing.usage", source)) >= 401


@pytest.mark.parametrize(
    ("limit", "amount", "words"),
    [
        (Limit.STORAGE_BYTES, 512, "512 bytes"),
        (Limit.STORAGE_BYTES, 3 << 29, "1.5 GiB"),
        (Limit.STORAGE_BYTES, 5000 << 40, "5,000 TiB"),
        (Limit.MODEL_TOKENS, 2_000_000, "2,000,000"),
    ],
)
def test_amounts_are_readable(limit: Limit, amount: int, words: str) -> None:
    assert readable(limit, amount) == words
