"""The earnings page: every amount with its reason, forms that say what is wrong, and a proof to take away."""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.payouts import selectors
from apps.payouts.models import Epoch, Withdrawal
from apps.payouts.types import EpochState, WithdrawalState
from apps.tenancy.types import PLATFORM_ID, Actor

pytestmark = pytest.mark.django_db
Earner = Callable[..., Actor]
ClientFor = Callable[[Any], Any]


def _published(actor: Actor, cents: int) -> Withdrawal:
    """A withdrawal of a published epoch, without a chain."""
    from apps.payouts import services, tree

    with tenant_scope(actor.organisation_id):
        made = services.request_withdrawal(actor=actor, amount=Money(cents))
    distributor = str(to_checksum_address("0x" + secrets.token_hex(20)))
    built = tree.build(chain_id=31337, distributor=distributor, amounts={made.address: made.tokens.raw})
    with all_tenants(reason="tests"):
        epoch = Epoch.objects.create(
            chain_id=31337, distributor=distributor, number=1, root=built.root, payees=1, added=made.tokens.raw,
            cumulative_total=made.tokens.raw, state=EpochState.PUBLISHED, tx_hash="0x" + "ab" * 32, block_number=7,
        )  # fmt: skip
        Withdrawal.objects.filter(id=made.id).update(state=WithdrawalState.CLAIMABLE, epoch=epoch)
        return Withdrawal.objects.get(id=made.id)


def test_page_names_what_each_amount_was_for(earner: Earner, client_for: ClientFor) -> None:
    actor = earner(1_234)
    ledger.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        credit=AccountRef(actor.organisation_id, AccountKind.EARNINGS, "USD"),
        amount=Money(4),
        idempotency_key=secrets.token_hex(8),
        reason="Label accepted: spam",
        source=SourceRef("labeling.annotation", "9", {"order_id": "17", "rule": "consensus"}),
    )
    page = client_for(actor).get("/earnings/").content.decode()
    assert "$12.38" in page
    assert '<a class="link" href="/work/17/">Label accepted: spam</a>' in page
    assert f'topic="earnings:{actor.organisation_id}"' in page


def test_page_without_earnings_says_what_to_do_first(make_actor: Callable[..., Any], client_for: ClientFor) -> None:
    page = client_for(make_actor()).get("/earnings/").content.decode()
    assert "Nothing earned yet" in page
    assert 'href="/work/"' in page


def test_visitor_is_sent_to_sign_in(client: Any, db: None) -> None:
    assert client.get("/earnings/").status_code == 302


def test_withdraw_form_makes_a_withdrawal(earner: Earner, client_for: ClientFor) -> None:
    actor = earner(1_000)
    answer = client_for(actor).post("/earnings/withdraw/", {"amount": "7.50"})
    with tenant_scope(actor.organisation_id):
        row = Withdrawal.objects.get()
        assert selectors.earnings_summary(actor).available == Money(250)
    assert (answer.status_code, answer["Location"]) == (302, f"/earnings/withdrawals/{row.id}/")
    assert row.amount_minor == 750


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("10.01", "You asked for $10.01, and $10.00 is available."),
        ("0.05", "A withdrawal is at least $0.10."),
        ("-3", "greater than or equal to"),
        ("1.234", "2 decimal places"),
        ("ten", "Enter a number"),
        ("NaN", "Enter a number"),
        ("", "required"),
    ],
)
def test_refused_amount_is_said_at_the_field(earner: Earner, client_for: ClientFor, amount: str, said: str) -> None:
    actor = earner(1_000)
    answer = client_for(actor).post("/earnings/withdraw/", {"amount": amount})
    assert answer.status_code == 422
    assert said in answer.content.decode().replace("&#x27;", "'")
    with tenant_scope(actor.organisation_id):
        assert not Withdrawal.objects.exists()


def test_wallet_form_refuses_a_wrong_checksum(earner: Earner, client_for: ClientFor) -> None:
    client = client_for(earner(1_000, wallet=False))
    address = to_checksum_address("0x" + "ab" * 20)
    wrong = "0x" + address[2:].swapcase()
    answer = client.post("/earnings/wallet/", {"address": wrong})
    assert answer.status_code == 422
    assert "checksum" in answer.content.decode()
    assert client.post("/earnings/wallet/", {"address": address}).status_code == 302
    assert address in client.get("/earnings/").content.decode()


def test_csv_has_every_line_and_no_formulas(earner: Earner, client_for: ClientFor) -> None:
    actor = earner(1_000)
    ledger.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        credit=AccountRef(actor.organisation_id, AccountKind.EARNINGS, "USD"),
        amount=Money(5),
        idempotency_key=secrets.token_hex(8),
        reason='=HYPERLINK("http://example.org")',
        source=SourceRef("test", "1"),
    )
    client = client_for(actor)
    client.post("/earnings/withdraw/", {"amount": "3.00"})
    answer = client.get("/earnings/earnings.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [row["amount_minor"] for row in rows] == ["1000", "5", "-300"]
    assert rows[1]["what_for"].startswith("'=HYPERLINK")


def test_withdrawal_page_shows_and_hands_out_the_proof(earner: Earner, client_for: ClientFor) -> None:
    actor = earner(1_000)
    row = _published(actor, 1_000)
    client = client_for(actor)
    page = client.get(f"/earnings/withdrawals/{row.id}/").content.decode()
    assert "Ready to claim" in page
    assert row.epoch is not None
    assert row.epoch.root in page
    answer = client.get(f"/earnings/withdrawals/{row.id}/proof.json")
    assert "attachment" in answer["Content-Disposition"]
    proof = json.loads(answer.content)
    assert (proof["payee"], proof["cumulative_amount_raw"], proof["root"]) == (row.address, "10000000", row.epoch.root)


def test_another_organisation_gets_404_everywhere(earner: Earner, client_for: ClientFor, api_for: ClientFor) -> None:
    row = _published(earner(1_000), 1_000)
    other = earner(1_000)
    client, api = client_for(other), api_for(other)
    for path in ("", "live/", "proof.json"):
        assert client.get(f"/earnings/withdrawals/{row.id}/{path}").status_code == 404
    for path in ("", "proof/"):
        assert api.get(f"/api/v1/withdrawals/{row.id}/{path}").status_code == 404
    assert api.post(f"/api/v1/withdrawals/{row.id}/claim/").status_code == 404
    assert client.post(f"/earnings/withdrawals/{row.id}/claim/").status_code == 404


def test_api_withdraws_lists_and_refuses(earner: Earner, api_for: ClientFor) -> None:
    actor = earner(1_000)
    api = api_for(actor)
    made = api.post("/api/v1/withdrawals/", {"amount_minor": "400"}, format="json")
    assert made.status_code == 201
    assert made.json()["amount"] == {"amount_minor": "400", "currency": "USD"}
    assert made.json()["tokens"] == {"amount_raw": "4000000", "token": "TUSD"}
    assert [row["id"] for row in api.get("/api/v1/withdrawals/").json()["results"]] == [made.json()["id"]]
    assert api.get(f"/api/v1/withdrawals/{made.json()['id']}/").json() == made.json()
    above = api.post("/api/v1/withdrawals/", {"amount_minor": "601"}, format="json")
    assert (above.status_code, above.json()["code"]) == (422, "withdrawal_above_balance")
    assert above.json()["errors"][0]["field"] == "amount"
    assert api.post("/api/v1/withdrawals/", {"amount_minor": "x"}, format="json").status_code in (400, 422)
    early = api.get(f"/api/v1/withdrawals/{made.json()['id']}/proof/")
    assert (early.status_code, early.json()["code"]) == (409, "not_claimable")
    earnings = api.get("/api/v1/earnings/").json()
    assert earnings["available"] == {"amount_minor": "600", "currency": "USD"}
    assert earnings["next_payout"] == "Within a minute"


def test_api_shows_epochs_and_totals_to_everyone_and_publishes_for_staff(earner: Earner, api_for: ClientFor) -> None:
    actor = earner(1_000)
    row = _published(actor, 1_000)
    api = api_for(earner(10))
    assert row.epoch_id is not None
    assert api.get(f"/api/v1/epochs/{row.epoch_id}/").json()["state"] == "published"
    assert str(row.epoch_id) in [epoch["id"] for epoch in api.get("/api/v1/epochs/").json()["results"]]
    refused = api.post("/api/v1/epochs/")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert set(api.get("/api/v1/payouts/reconciliation/").json()) >= {"agrees", "claimed_on_chain_raw", "differences"}
