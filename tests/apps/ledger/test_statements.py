"""Statements: complete, in order, with the balance after each line, however they are read."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from apps.core import clock
from apps.core.money import Money
from apps.ledger import selectors, services
from apps.ledger.errors import AccountNotFound, StatementQueryInvalid
from apps.ledger.export import csv_lines
from apps.ledger.models import Account
from apps.ledger.queries import StatementQuery
from apps.ledger.selectors import statements
from apps.ledger.types import AccountKind, SourceRef, units_of
from tests.apps.ledger.accounts import cash, earnings


@pytest.fixture
def busy(actor, other_actor, fund, pay):
    """An account with 31 lines in and out; its row."""
    fund(actor.organisation_id, 1_000)
    for n in range(20):
        pay(cash(actor.organisation_id), earnings(other_actor.organisation_id), n + 1, rule="majority")
    for _ in range(10):
        fund(actor.organisation_id, 7)
    return Account.objects.get(tenant_id=actor.organisation_id)


def pages(actor, account, **query):
    before = None
    while True:
        page = selectors.account_statement(actor, account.id, before=before, limit=7, **query)
        yield from page.lines
        if page.next is None:
            return
        before = page.next


def signed(line):
    return units_of(line.amount) if line.incoming else -units_of(line.amount)


def test_pages_give_every_line_once_and_each_balance_follows_from_the_one_before(actor, busy):
    lines = list(pages(actor, busy))
    assert [line.sequence for line in lines] == list(range(31, 0, -1))
    running = 0
    for line in reversed(lines):
        running += signed(line)
        assert line.balance == Money(running)
    assert running == busy.posted


def test_lines_added_while_paging_do_not_shift_the_pages(actor, busy, fund):
    first = selectors.account_statement(actor, busy.id, limit=10)
    fund(actor.organisation_id, 1)
    second = selectors.account_statement(actor, busy.id, before=first.next, limit=10)
    assert second.lines[0].sequence == first.lines[-1].sequence - 1


def test_a_range_of_days_is_inclusive(actor, other_actor, fund, pay, monkeypatch):
    start = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    for day in range(4):
        monkeypatch.setattr(clock, "now", lambda day=day: start + timedelta(days=day))
        fund(actor.organisation_id, 10 + day)
    account = Account.objects.get(tenant_id=actor.organisation_id)
    since, until = (start + timedelta(days=1)).date(), (start + timedelta(days=2)).date()
    within = selectors.account_statement(actor, account.id, since=since, until=until)
    assert [units_of(line.amount) for line in within.lines] == [12, 11]
    assert [units_of(line.amount) for line in selectors.account_lines(actor, account.id, since=since)] == [11, 12, 13]


def test_another_organisation_s_account_is_not_found(other_actor, busy):
    from apps.core.tenant import tenant_scope

    with tenant_scope(other_actor.organisation_id), pytest.raises(AccountNotFound):
        selectors.account_statement(other_actor, busy.id)


def test_the_file_has_every_line_oldest_first_and_runs_no_formula(actor, other_actor, busy, monkeypatch):
    monkeypatch.setattr(statements, "EXPORT_CHUNK", 4)
    services.transfer(
        debit=cash(actor.organisation_id),
        credit=earnings(other_actor.organisation_id),
        amount=Money(1),
        idempotency_key=str(uuid4()),
        reason='=HYPERLINK("http://evil.example")',
        source=SourceRef("t", "1"),
    )
    text = "".join(csv_lines(selectors.account_lines(actor, busy.id)))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["number"]) for row in rows] == list(range(1, 33))
    assert rows[-1]["what_for"].startswith("'=")
    balance = 0
    for row in rows:
        balance += int(row["amount"])
        assert int(row["balance"]) == balance
    assert rows[1]["rule"] == "majority"


def test_a_line_without_a_running_balance_leaves_the_cell_empty(actor, busy):
    [line, *_] = selectors.statement(actor, kind=AccountKind.CASH, currency="USD")
    assert csv.reader(csv_lines([line])).__next__()[0] == "number"
    assert next(iter(csv.DictReader(csv_lines([line]))))["balance"] == ""


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-02-30"}, "to"),
        ({"from": "2026-02-02", "to": "2026-02-01"}, "to"),
        ({"cursor": "-1"}, "cursor"),
        ({"cursor": "9" * 30}, "cursor"),
        ({"limit": "many"}, "limit"),
        ({"limit": "0"}, "limit"),
    ],
)
def test_what_cannot_be_read_is_named(given, field):
    with pytest.raises(StatementQueryInvalid) as refused:
        StatementQuery.read(given)
    assert refused.value.context["errors"][0]["field"] == field


def test_a_page_is_capped():
    assert StatementQuery.read({"limit": "5000"}).limit == 100


class TestApi:
    def test_pages_through_a_statement(self, actor, busy, api_for):
        api = api_for(actor)
        path = f"/api/v1/ledger/accounts/{busy.id}/statement/"
        first = api.get(path, {"limit": 20}).json()
        second = api.get(path, {"limit": 20, "cursor": first["next"]}).json()
        numbers = [line["number"] for line in first["results"] + second["results"]]
        assert numbers == list(range(31, 0, -1))
        assert second["next"] is None
        assert first["results"][0]["balance"] == {"amount_minor": str(busy.posted), "currency": "USD"}

    def test_refuses_unknown_days_and_foreign_accounts(self, actor, other_actor, busy, api_for):
        assert api_for(actor).get(f"/api/v1/ledger/accounts/{busy.id}/statement/?from=x").status_code == 422
        assert api_for(other_actor).get(f"/api/v1/ledger/accounts/{busy.id}/statement/").status_code == 404

    def test_lists_accounts_and_transfers_and_refuses_an_unknown_kind(self, actor, busy, api_for):
        api = api_for(actor)
        [account] = api.get("/api/v1/ledger/accounts/").json()
        assert account["posted"]["amount_minor"] == str(busy.posted)
        listed = api.get("/api/v1/ledger/transfers/?kind=cash&currency=USD").json()
        assert len(listed["results"]) == 25
        assert "balance" not in listed["results"][0]
        assert api.get("/api/v1/ledger/transfers/?kind=gold").status_code == 422

    def test_the_trial_balance_is_public_to_members(self, actor, busy, api_for):
        assert set(api_for(actor).get("/api/v1/ledger/trial-balance/").json()["sums"].values()) == {"0"}


class TestPage:
    def test_shows_the_busiest_account_and_its_balance(self, actor, busy, client_for):
        page = client_for(actor).get("/statements/").content.decode()
        assert "Prepaid" in page
        assert str(Money(busy.posted)) in page
        assert f"/statements/{busy.id}/?cursor=" not in page
        assert "?cursor=7" in page

    def test_says_what_is_wrong_with_a_day(self, actor, busy, client_for):
        answer = client_for(actor).get(f"/statements/{busy.id}/?from=soon")
        assert answer.status_code == 422
        assert "A day is written like" in answer.content.decode()

    def test_an_organisation_without_money_is_told_what_to_do(self, actor, client_for):
        assert "No movements yet" in client_for(actor).get("/statements/").content.decode()

    def test_empty_days_say_so(self, actor, busy, client_for):
        answer = client_for(actor).get(f"/statements/{busy.id}/?from=2001-01-01&to=2001-01-02")
        assert "Nothing moved" in answer.content.decode()

    def test_the_file_streams(self, actor, busy, client_for):
        answer = client_for(actor).get(f"/statements/{busy.id}/statement.csv")
        assert answer["Content-Type"].startswith("text/csv")
        assert len(b"".join(answer.streaming_content).splitlines()) == 32

    def test_a_foreign_account_is_not_found(self, other_actor, busy, client_for):
        assert client_for(other_actor).get(f"/statements/{busy.id}/").status_code == 404
        assert client_for(other_actor).get(f"/statements/{busy.id}/statement.csv").status_code == 404
