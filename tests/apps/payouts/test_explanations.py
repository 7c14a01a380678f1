"""Why was I paid this: an earning names the withdrawal, the round and the transaction that took it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.explanations import explain
from apps.ledger.types import AccountKind, SourceRef
from apps.payouts import services
from apps.payouts.models import Epoch, Withdrawal
from apps.payouts.types import EpochState, WithdrawalState

pytestmark = pytest.mark.django_db


def test_an_earning_is_followed_to_its_round_and_transaction(earner):
    actor = earner(1_000)
    with tenant_scope(actor.organisation_id):
        made = services.request_withdrawal(actor=actor, amount=Money(600))
        lines = ledger.statement(actor, kind=AccountKind.EARNINGS, currency="USD")
        [earning] = [line for line in lines if line.incoming]
        [use] = ledger.explanation(actor, earning.id).uses
        assert dict(use.facts.lines) == {"Wallet": made.address, "State": made.state.label}
        assert (use.amount, use.facts.url) == (Money(600), f"/earnings/withdrawals/{made.id}/")
    epoch = Epoch.objects.create(
        chain_id=1, distributor="0x" + uuid4().hex[:40], number=7, root="0x", payees=1, added=1, cumulative_total=1,
        state=EpochState.PUBLISHED, tx_hash="0xfeed",
    )  # fmt: skip
    with all_tenants(reason="test"):
        Withdrawal.objects.filter(id=made.id).update(state=WithdrawalState.CLAIMABLE, epoch=epoch)
    with tenant_scope(actor.organisation_id):
        [use] = ledger.explanation(actor, earning.id).uses
    facts = dict(use.facts.lines)
    assert (facts["Payout round"], facts["Transaction of the round"]) == ("7", "0xfeed")


def test_a_withdrawal_of_others_tells_only_what_the_transfer_carries(earner):
    reader = earner(1_000)
    with tenant_scope(reader.organisation_id):
        found = explain(SourceRef("payouts.withdrawal", str(uuid4()), {"address": "0xabc"}), reader.organisation_id)
    assert found.lines == (("Wallet", "0xabc"),)


def test_a_label_names_its_rule_and_its_order():
    order = str(uuid4())
    found = explain(SourceRef("labeling.annotation", "1", {"rule": "agrees", "order_id": order}), uuid4())
    assert (found.lines, found.url) == ((("Rule", "agrees"),), f"/work/{order}/")
