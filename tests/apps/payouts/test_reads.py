"""What the dashboard, the live pages and the API say of earnings, withdrawals and rounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.accounts.models import User
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger.types import SourceRef
from apps.payouts import consumers, dashboard, selectors, services
from apps.payouts.models import Epoch, PayoutFreeze, Recovery, Withdrawal, WithdrawalDecision
from apps.payouts.reconciliation import reconcile
from apps.payouts.sources import source_url
from apps.payouts.types import WithdrawalState
from apps.tenancy.types import PLATFORM_ID, Actor
from tests.apps.payouts.chain_index import ChainIndex

pytestmark = pytest.mark.django_db
Earner = Callable[..., Actor]
ClientFor = Callable[[Any], Any]
PLATFORM = Actor.system(PLATFORM_ID)


def withdraw(actor: Actor, cents: int) -> Any:
    with tenant_scope(actor.organisation_id):
        return services.request_withdrawal(actor=actor, amount=Money(cents))


def next_payout(actor: Actor) -> str:
    with tenant_scope(actor.organisation_id):
        return selectors.earnings_summary(actor).next_payout


def test_the_dashboard_shows_earnings_once_there_are_some_and_ticks_the_wallet_off(earner: Earner, make_actor: Any):
    rich, new = earner(1_000), make_actor()
    with tenant_scope(rich.organisation_id):
        shown = dashboard.earnings(rich)
    assert ([figure.value for figure in shown.figures], shown.done) == (["$10.00"], frozenset({"wallet"}))
    with tenant_scope(new.organisation_id):
        assert dashboard.earnings(new) == type(shown)()


def test_only_members_follow_an_organisations_earnings(earner: Earner):
    one, two = earner(), earner()
    assert consumers.follow_earnings(one, one.organisation_id)
    assert not consumers.follow_earnings(one, two.organisation_id)


def test_the_summary_says_what_happens_next(earner: Earner, index: ChainIndex, limits: Any):
    limits(approval_minor=500)
    actor = earner(10_000)
    assert next_payout(actor) == "When you withdraw"
    withdraw(actor, 500)
    assert next_payout(actor) == "When it is approved"
    with all_tenants(reason="tests"):
        Withdrawal.objects.filter(tenant_id=actor.organisation_id).update(state=WithdrawalState.WAITING)
    assert next_payout(actor) == "Within a minute"
    services.publish_due_epoch()
    assert next_payout(actor) == "Being published now"
    index.publish()
    assert next_payout(actor) == "Published; being sent to your wallet"


def test_the_live_part_and_a_second_claim_work_by_page_and_api(
    earner: Earner, client_for: ClientFor, api_for: ClientFor, index: ChainIndex
):
    actor = earner(1_000)
    made = withdraw(actor, 400)
    services.publish_epoch(actor=PLATFORM)
    index.publish()
    client = client_for(actor)
    assert "Ready to claim" in client.get("/earnings/live/").content.decode()
    index.refuse("payouts.claim", "EnforcedPause")
    assert "The automatic claim failed" in client.get(f"/earnings/withdrawals/{made.id}/live/").content.decode()
    page = client.post(f"/earnings/withdrawals/{made.id}/claim/", follow=True)
    assert "The claim is on its way" in page.content.decode()
    index.refuse("payouts.claim", "EnforcedPause")
    assert api_for(actor).post(f"/api/v1/withdrawals/{made.id}/claim/").status_code == 202


def test_staff_publishes_by_api_and_hears_when_nothing_waits(
    earner: Earner, staff: Any, api_for: ClientFor, index: ChainIndex
):
    person = staff()
    User.objects.filter(id=person.user_id).update(is_staff=True)
    api = api_for(person)
    assert api.post("/api/v1/epochs/").status_code == 204
    withdraw(earner(1_000), 100)
    made = api.post("/api/v1/epochs/")
    assert (made.status_code, made.json()["number"]) == (201, 1)


def test_an_empty_form_and_a_visitor_are_answered(earner: Earner, client_for: ClientFor, client: Any):
    assert client_for(earner()).post("/earnings/wallet/", {}).status_code == 422
    assert client.get("/earnings/", follow=False)["Location"].startswith("/accounts/login/")


def test_whoever_is_paid_more_than_promised_is_named(earner: Earner, index: ChainIndex):
    made = withdraw(earner(1_000), 400)
    services.publish_epoch(actor=PLATFORM)
    index.publish()
    index.pay(made.address, 4_000_001)
    found = [(row.expected, row.found) for row in reconcile().differences if row.what == f"paid to {made.address}"]
    assert found == [(4_000_000, 4_000_001)]


def test_a_source_without_a_page_or_without_its_facts_has_no_address():
    assert source_url(SourceRef("unknown", "1")) == ""
    assert source_url(SourceRef("labeling.annotation", "1")) == ""
    assert source_url(SourceRef("labeling.annotation", "1", {"order_id": "7"})) == "/work/7/"


def test_rows_name_themselves_for_people_who_read_logs():
    assert str(Epoch(number=3, state="published")) == "epoch 3 published"
    assert str(Withdrawal(amount_minor=5, address="0x1", state="waiting")) == "5 to 0x1 waiting"
    assert str(WithdrawalDecision(withdrawal_id=PLATFORM_ID, approved=True)) == f"approved {PLATFORM_ID}"
    assert str(PayoutFreeze(tenant_id=PLATFORM_ID)) == f"{PLATFORM_ID} frozen"
    assert str(Recovery(payee="0x1", state="announced")) == "0x1 announced"
