"""Why was I paid this: cause, rule, and the way of every unit until it left."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.money import Money, TokenAmount
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import explanations, selectors, services
from apps.ledger.errors import TransferNotFound
from apps.ledger.models import Transfer
from apps.ledger.types import AccountKind, AccountRef, Facts, SourceRef
from apps.tenancy.types import PLATFORM_ID
from tests.apps.ledger.accounts import cash, earnings

CONVERSION = AccountRef(PLATFORM_ID, AccountKind.CONVERSION, "USD")


def withdraw(organisation_id, cents, withdrawal="w"):
    return services.transfer(
        debit=earnings(organisation_id),
        credit=CONVERSION,
        amount=Money(cents),
        idempotency_key=str(uuid4()),
        reason="Withdrawal",
        source=SourceRef("test.withdrawal", withdrawal, {"address": "0xabc"}),
    )


def parts(shares):
    return [(share.transfer_id, share.units) for share in shares]


def test_what_came_first_leaves_first(actor, other_actor, fund, pay):
    fund(actor.organisation_id, 100)
    payee = other_actor.organisation_id
    one, two = (pay(cash(actor.organisation_id), earnings(payee), cents).id for cents in (30, 50))
    first, second = withdraw(payee, 20).id, withdraw(payee, 40).id
    assert parts(selectors.uses(one)) == [(first, 20), (second, 10)]
    assert parts(selectors.uses(two)) == [(second, 30)]
    assert parts(selectors.causes(first)) == [(one, 20)]
    assert parts(selectors.causes(second)) == [(one, 10), (two, 30)]


def test_earnings_of_a_guest_are_followed_to_the_account_of_the_user(actor, make_actor, fund, pay):
    fund(actor.organisation_id, 100)
    guest, user = make_actor().organisation_id, make_actor().organisation_id
    pay(cash(actor.organisation_id), earnings(user), 5)
    as_guest = pay(cash(actor.organisation_id), earnings(guest), 40).id
    services.move_earnings_to_successor(source_id=guest, target_id=user, currency="USD")
    taken = withdraw(user, 25).id
    assert parts(selectors.uses(as_guest)) == [(taken, 20)]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves=st.lists(st.tuples(st.sampled_from(["in", "out"]), st.integers(1, 60)), min_size=1, max_size=14))
def test_every_unit_paid_out_has_exactly_one_cause(actor, make_actor, fund, pay, moves):
    payee = make_actor().organisation_id
    fund(actor.organisation_id, 60 * len(moves))
    came, left, balance = {}, {}, 0
    for direction, cents in moves:
        if direction == "in":
            came[pay(cash(actor.organisation_id), earnings(payee), cents).id] = cents
            balance += cents
        elif cents <= balance:
            left[withdraw(payee, cents).id] = cents
            balance -= cents
    used = {(transfer_id, out): units for transfer_id in came for out, units in parts(selectors.uses(transfer_id))}
    caused = {(cause, out): units for out in left for cause, units in parts(selectors.causes(out))}
    assert used == caused
    assert {out: sum(units for (_, o), units in used.items() if o == out) for out in left} == left
    assert sum(came.values()) - sum(used.values()) == balance


def test_the_reader_is_told_cause_rule_other_side_and_the_transaction_that_paid(actor, other_actor, fund):
    fund(actor.organisation_id, 100)
    payee = other_actor.organisation_id
    made = services.transfer(
        debit=cash(actor.organisation_id),
        credit=earnings(payee),
        amount=Money(60),
        idempotency_key=str(uuid4()),
        reason="Sale of Cats",
        source=SourceRef(
            "test.sale", "1", {"rule": "owner's part", "price": Money(90).as_json(), "path": ["x"], "role": ""}
        ),
    )
    withdrawal = str(uuid4())
    withdraw(payee, 45, withdrawal)
    with tenant_scope(payee):
        waiting = selectors.explanation(other_actor, made.id)
    assert waiting.facts.lines == (("Rule", "owner's part"), ("Price paid", "$0.90"))
    assert waiting.counterparty
    assert [(use.amount, use.tx_hash) for use in waiting.uses] == [(Money(45), "")]
    assert waiting.left == Money(15)
    services.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.CONVERSION, "TUSD"),
        credit=AccountRef(PLATFORM_ID, AccountKind.CHAIN, "TUSD"),
        amount=TokenAmount(450_000, "TUSD"),
        idempotency_key=str(uuid4()),
        reason="Paid to your wallet",
        source=SourceRef("test.withdrawal", withdrawal, {"tx_hash": "0xfeed", "block_number": 12}),
    )
    with tenant_scope(payee):
        [use] = selectors.explanation(other_actor, made.id).uses
    assert (use.tx_hash, use.block_number, use.facts.lines) == ("0xfeed", 12, (("Wallet", "0xabc"),))
    assert use.paid_at is not None
    with tenant_scope(actor.organisation_id):
        payer_s = selectors.explanation(actor, made.id)
    assert (payer_s.line.incoming, payer_s.uses, payer_s.left) == (False, [], None)


def test_an_app_may_say_more_about_its_transfers(actor, fund, monkeypatch):
    def more(source, organisation_id):
        return Facts((("Paid by", source.id),), f"/somewhere/{organisation_id}/")

    # Beside the others, which register once in a process, at its first explanation.
    monkeypatch.setitem(explanations._explainers, "test", lambda *_: Facts(()))
    explanations.explains("test")(more)

    fund(actor.organisation_id, 5)
    with all_tenants(reason="test"):
        row = Transfer.objects.get(credit_tenant_id=actor.organisation_id)
    found = selectors.explanation(actor, row.id)
    assert (found.facts.lines, found.facts.url) == ((("Paid by", "fund"),), f"/somewhere/{actor.organisation_id}/")


def test_others_transfers_are_not_explained(actor, other_actor, make_actor, fund, pay, api_for, client_for):
    fund(actor.organisation_id, 10)
    made = pay(cash(actor.organisation_id), earnings(other_actor.organisation_id), 5)
    third = make_actor()
    with pytest.raises(TransferNotFound), tenant_scope(third.organisation_id):
        selectors.explanation(third, made.id)
    with pytest.raises(TransferNotFound), all_tenants(reason="test"):
        selectors.explanation(third, made.id)
    assert api_for(third).get(f"/api/v1/ledger/transfers/{made.id}/").status_code == 404
    assert client_for(third).get(f"/statements/transfers/{made.id}/").status_code == 404


def test_api_and_page_tell_the_same(actor, other_actor, fund, pay, api_for, client_for):
    fund(actor.organisation_id, 10)
    made = pay(cash(actor.organisation_id), earnings(other_actor.organisation_id), 5, rule="majority of 3")
    withdraw(other_actor.organisation_id, 2)
    told = api_for(other_actor).get(f"/api/v1/ledger/transfers/{made.id}/").json()
    assert told["facts"] == [{"name": "Rule", "value": "majority of 3"}]
    assert told["left"] == {"amount_minor": "3", "currency": "USD"}
    assert told["uses"][0]["amount"] == {"amount_minor": "2", "currency": "USD"}
    page = client_for(other_actor).get(f"/statements/transfers/{made.id}/").content.decode()
    for words in ("Why was I paid this?", "majority of 3", "not on chain yet", "Still on your account: $0.03"):
        assert words in page
    assert "What was this for?" in client_for(actor).get(f"/statements/transfers/{made.id}/").content.decode()
    assert api_for(actor).get(f"/api/v1/ledger/transfers/{made.id}/").json()["left"] is None
