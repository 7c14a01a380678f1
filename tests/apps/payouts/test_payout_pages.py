"""The staff's page, the claim page's steps, and the file for tax."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.core import clock
from apps.core.money import Money, TokenAmount
from apps.core.tenant import tenant_scope
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.payouts import services, tax
from apps.payouts.timeline import timeline
from apps.payouts.types import DecisionInfo, EpochInfo, EpochState, WithdrawalInfo, WithdrawalState
from apps.tenancy.types import PLATFORM_ID, Actor
from tests.apps.payouts.chain_index import ChainIndex, some_hash

pytestmark = pytest.mark.django_db
Earner = Callable[..., Actor]
ClientFor = Callable[[Any], Any]
PLATFORM = Actor.system(PLATFORM_ID)
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def withdraw(actor: Actor, cents: int) -> Any:
    with tenant_scope(actor.organisation_id):
        return services.request_withdrawal(actor=actor, amount=Money(cents))


@pytest.fixture
def desk(staff: Any, client_for: ClientFor) -> Any:
    """A signed-in member of the staff."""
    person = staff()
    User.objects.filter(id=person.user_id).update(is_staff=True)
    return client_for(person)


def said(answer: Any) -> str:
    return " ".join(answer.content.decode().split()).replace("&#x27;", "'").replace("&quot;", '"')


def test_staff_approves_and_rejects_on_the_page(earner: Earner, desk: Any, limits: Any, index: ChainIndex):
    limits(approval_minor=500, second_approval_minor=900)
    two, refused = withdraw(earner(10_000), 950), withdraw(earner(10_000), 500)
    assert "1 of 1" in said(desk.get("/staff/payouts/"))
    approve, reject = (
        f"/staff/payouts/withdrawals/{two.id}/approve/",
        f"/staff/payouts/withdrawals/{refused.id}/reject/",
    )
    assert "You approved $9.50: waiting for approval." in said(desk.post(approve, follow=True))
    assert "You have decided on this already" in said(desk.post(approve, follow=True))
    assert "Say why" in said(desk.post(reject, follow=True))
    assert "You rejected $5.00" in said(desk.post(reject, {"reason": "No invoice."}, follow=True))
    assert "waits for no approval" in said(desk.post(reject, {"reason": "No invoice."}, follow=True))


def test_staff_freezes_and_releases_on_the_page(
    earner: Earner, desk: Any, client_for: ClientFor, make_actor: Any, index: ChainIndex
):
    actor = earner(10_000)
    freeze = {"organisation_id": str(actor.organisation_id), "reason": "A chargeback is open."}
    assert desk.post("/staff/payouts/freezes/", {"organisation_id": "x"}).status_code == 422
    assert "The account is frozen" in said(desk.post("/staff/payouts/freezes/", freeze, follow=True))
    again = desk.post("/staff/payouts/freezes/", freeze)
    assert (again.status_code, "frozen already" in said(again)) == (422, True)
    earnings = client_for(actor)
    assert "Withdrawals of this account are stopped: A chargeback is open." in said(earnings.get("/earnings/"))
    released = desk.post(f"/staff/payouts/freezes/{actor.organisation_id}/lift/", follow=True)
    assert "can withdraw again" in said(released)
    assert "stopped" not in said(earnings.get("/earnings/"))
    assert client_for(make_actor()).get("/staff/payouts/").status_code == 404


def test_staff_publishes_adopts_and_recovers_on_the_page(
    earner: Earner, desk: Any, limits: Any, index: ChainIndex, monkeypatch: pytest.MonkeyPatch
):
    assert "Nothing waits for a round" in said(desk.post("/staff/payouts/rounds/", follow=True))
    assert "is the one that the platform published last" in said(desk.post("/staff/payouts/rounds/adopt/", follow=True))
    actor = earner(1_000)
    made = withdraw(actor, 400)
    assert "Round 1 is on its way" in said(desk.post("/staff/payouts/rounds/", follow=True))
    assert "is being published" in said(desk.post("/staff/payouts/rounds/", follow=True))
    root = index.publish()
    payee = {"payee": made.address}
    assert "unclaimed for long enough" in said(desk.post("/staff/payouts/recoveries/", payee, follow=True))
    limits(unclaimed_after=timedelta(0))
    assert "Announce" in said(desk.get("/staff/payouts/"))
    assert "announcement is on its way" in said(desk.post("/staff/payouts/recoveries/", payee, follow=True))
    due = int((clock.now() - timedelta(days=1)).timestamp())
    index.happen("RecoveryAnnounced", payee=made.address, recoverableAt=due)
    assert "Take back to its earnings" in said(desk.get("/staff/payouts/"))
    assert "recovery is on its way" in said(desk.post("/staff/payouts/recoveries/recover/", payee, follow=True))
    index.happen("RootPublished", previousRoot=root.args["root"], root=some_hash(), amount="1")
    assert "They differ" in said(desk.get("/staff/payouts/"))
    assert "goes on from the root in force" in said(desk.post("/staff/payouts/rounds/adopt/", follow=True))


def test_staff_recovers_and_adopts_by_api(earner: Earner, staff: Any, api_for: Any, limits: Any, index: ChainIndex):
    person = staff()
    User.objects.filter(id=person.user_id).update(is_staff=True)
    api = api_for(person)
    limits(unclaimed_after=timedelta(0))
    made = withdraw(earner(1_000), 400)
    services.publish_epoch(actor=PLATFORM)
    root = index.publish()
    assert api.post("/api/v1/staff/payouts/recoveries/", {"payee": made.address}, format="json").status_code == 202
    index.happen("RecoveryAnnounced", payee=made.address, recoverableAt=1)
    (row,) = [
        row for row in api.get("/api/v1/staff/payouts/recoveries/").json()["results"] if row["payee"] == made.address
    ]
    assert (row["state"], row["amount"]["amount_minor"], row["recoverable_at"][:4]) == ("announced", "400", "1970")
    done = api.post("/api/v1/staff/payouts/recoveries/recover/", {"payee": made.address}, format="json")
    assert done.status_code == 202
    index.happen("RootPublished", previousRoot=root.args["root"], root=some_hash(), amount="1")
    assert api.post("/api/v1/staff/payouts/adopt-root/").status_code == 202


def test_the_claim_page_shows_each_step_and_cancels(earner: Earner, client_for: ClientFor, index: ChainIndex):
    actor = earner(1_000)
    made = withdraw(actor, 400)
    client, path = client_for(actor), f"/earnings/withdrawals/{made.id}/"
    page = said(client.get(path))
    assert "Cancel the withdrawal" in page
    assert "The next round takes all that waits" in page
    services.publish_epoch(actor=PLATFORM)
    assert "in a payout round already" in said(client.post(path + "cancel/", follow=True))
    root = index.publish()
    page = said(client.get(path))
    assert f"Root published at block {root.block_number}" in page
    assert "Claim it yourself" in page
    claim = index.claim(made.address)
    page = said(client.get(path))
    assert f"In your wallet at block {claim.block_number}" in page
    assert claim.tx_hash in page
    other = withdraw(actor, 100)
    answer = client.post(f"/earnings/withdrawals/{other.id}/cancel/", follow=True)
    assert "$1.00 is back in your earnings" in said(answer)


def test_the_earnings_page_says_when_the_wallet_changes(earner: Earner, client_for: ClientFor, settings: Any):
    actor = earner(1_000)
    settings.WALLETS = {"change_wait": timedelta(hours=24)}
    client = client_for(actor)
    asked = client.post("/earnings/wallet/", {"address": "0x" + "1" * 40}, follow=True)
    assert "The change waits" in said(asked)
    assert "Until then nothing can be withdrawn" in said(asked)
    again = client.post("/earnings/wallet/", {"address": "0x" + "2" * 40})
    assert (again.status_code, "takes effect on" in said(again)) == (422, True)
    with tenant_scope(actor.organisation_id):
        accounts.cancel_wallet_change(actor=actor)


def facts(state: WithdrawalState, **changed: Any) -> WithdrawalInfo:
    values: dict[str, Any] = {
        "id": PLATFORM_ID, "organisation_id": PLATFORM_ID, "amount": Money(400),
        "tokens": TokenAmount(4_000_000, "TUSD"), "address": "0x1", "state": state, "epoch_id": None,
        "epoch_number": None, "tx_hash": "", "block_number": None, "claim_problem": "", "created_at": NOW,
        "claimed_at": None,
    }  # fmt: skip
    return WithdrawalInfo(**values | changed)


ROUND = EpochInfo(
    PLATFORM_ID, 3, EpochState.PUBLISHED, "0x1", "0x0", "0x2", 1, TokenAmount(1, "TUSD"), TokenAmount(1, "TUSD"),
    "0xaa", 7, "", NOW,
)  # fmt: skip
APPROVED = DecisionInfo(PLATFORM_ID, approved=True, reason="", at=NOW)


@pytest.mark.parametrize(
    ("withdrawal", "epoch", "decisions", "steps"),
    [
        (facts(WithdrawalState.APPROVAL, approvals_needed=2), None, [APPROVED], "110000"),
        (facts(WithdrawalState.WAITING), None, [], "1000"),
        (facts(WithdrawalState.PUBLISHING), ROUND, [], "1100"),
        (facts(WithdrawalState.CLAIMABLE, approvals_needed=1), ROUND, [APPROVED], "11110"),
        (facts(WithdrawalState.CLAIMED, tx_hash="0x1"), ROUND, [], "1111"),
        (facts(WithdrawalState.CANCELLED), None, [], "11"),
        (facts(WithdrawalState.REJECTED, approvals_needed=2, reason="No."), None, [APPROVED], "111"),
        (facts(WithdrawalState.RECOVERED), ROUND, [], "1111"),
    ],
)
def test_each_state_shows_what_is_done_and_what_comes(withdrawal, epoch, decisions, steps):
    found = "".join("1" if step.done else "0" for step in timeline(withdrawal, epoch, decisions))
    assert found == steps


def test_a_frozen_withdrawal_says_why_it_waits():
    notes = [step.note for step in timeline(facts(WithdrawalState.WAITING), None, [], frozen="Stopped: checks")]
    assert "Stopped: checks" in notes


def earn(actor: Actor, cents: int, reason: str = "Label accepted") -> None:
    ledger.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        credit=AccountRef(actor.organisation_id, AccountKind.EARNINGS, "USD"),
        amount=Money(cents),
        idempotency_key=secrets.token_hex(8),
        reason=reason,
        source=SourceRef("labeling.annotation", "1"),
    )


def test_the_file_for_tax_has_a_years_income_and_withdrawals_with_totals(
    earner: Earner, client_for: ClientFor, api_for: Any, index: ChainIndex
):
    actor = earner(1_000)
    earn(actor, 7, '=HYPERLINK("http://example.org")')
    ledger.transfer(
        debit=AccountRef(actor.organisation_id, AccountKind.EARNINGS, "USD"),
        credit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        amount=Money(2),
        idempotency_key=secrets.token_hex(8),
        reason="Label withdrawn",
        source=SourceRef("labeling.annotation", "1"),
    )
    paid, cancelled = withdraw(actor, 400), withdraw(actor, 100)
    with tenant_scope(actor.organisation_id):
        services.cancel_withdrawal(actor=actor, withdrawal_id=cancelled.id)
    services.publish_epoch(actor=PLATFORM)
    index.publish()
    claim = index.claim(paid.address)
    year = clock.now().year
    client = client_for(actor)
    page = said(client.get("/earnings/tax/"))
    assert "$10.05" in page
    assert "$4.00" in page
    answer = client.get(f"/earnings/tax-{year}.csv")
    assert f'filename="earnings-{year}.csv"' in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [(row["kind"], row["amount_minor"]) for row in rows] == [
        ("income", "1000"), ("income", "7"), ("correction", "-2"), ("withdrawal", "400"),
        ("total earned", "1005"), ("total withdrawn", "400"),
    ]  # fmt: skip
    assert rows[1]["what_for"].startswith("'=HYPERLINK")
    assert (rows[3]["tx_hash"], rows[3]["tokens_raw"]) == (claim.tx_hash, "4000000")
    assert rows[0]["counterparty"]
    report = api_for(actor).get(f"/api/v1/payouts/tax/{year}/").json()
    assert (report["gross"]["amount_minor"], len(report["lines"])) == ("1005", 4)
    assert api_for(actor).get("/api/v1/payouts/tax/1066/").json()["code"] == "year_unknown"
    with tenant_scope(actor.organisation_id):
        assert tax.report(actor, year - 1).lines == ()


def test_who_has_earned_nothing_has_no_years(make_actor: Any, client_for: ClientFor):
    assert "Nothing earned yet" in said(client_for(make_actor()).get("/earnings/tax/"))
