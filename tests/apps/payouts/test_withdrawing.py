"""A withdrawal moves earnings to what is owed on chain, or changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.core.errors import DomainError
from apps.core.models import IdempotencyRecord
from apps.core.money import Money, TokenAmount
from apps.core.tenant import tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from apps.payouts import selectors, services
from apps.payouts.models import Withdrawal
from apps.payouts.types import WithdrawalState
from apps.tenancy.types import Actor, Role

pytestmark = pytest.mark.django_db
Earner = Callable[..., Actor]


def _balance(actor: Actor, kind: AccountKind, currency: str) -> Any:
    return ledger.balance(AccountRef(actor.organisation_id, kind, currency)).posted


def test_withdrawal_turns_dollars_into_tokens_owed(earner: Earner) -> None:
    actor = earner(1_234)
    before = ledger.trial_balance()
    with tenant_scope(actor.organisation_id):
        made = services.request_withdrawal(actor=actor, amount=Money(1_000))
        summary = selectors.earnings_summary(actor)
    assert (made.amount, made.tokens) == (Money(1_000), TokenAmount(10_000_000, "TUSD"))
    assert made.state == WithdrawalState.WAITING
    assert _balance(actor, AccountKind.EARNINGS, "USD") == Money(234)
    assert _balance(actor, AccountKind.PAYABLE, "TUSD") == TokenAmount(10_000_000, "TUSD")
    assert (summary.available, summary.pending, summary.withdrawn) == (Money(234), Money(1_000), Money(0))
    assert ledger.trial_balance() == {**before, "TUSD": 0, "USD": before.get("USD", 0)}


@pytest.mark.parametrize(
    ("cents", "wallet", "asked", "code"),
    [
        (1_000, True, 1_001, "withdrawal_above_balance"),
        (1_000, True, 9, "withdrawal_below_minimum"),
        (1_000, True, 0, "withdrawal_below_minimum"),
        (1_000, True, -500, "withdrawal_below_minimum"),
        (1_000, False, 500, "wallet_missing"),
    ],
)
def test_refused_withdrawal_changes_nothing(earner: Earner, cents: int, wallet: bool, asked: int, code: str) -> None:
    actor = earner(cents, wallet)
    with tenant_scope(actor.organisation_id):
        with pytest.raises(DomainError) as caught:
            services.request_withdrawal(actor=actor, amount=Money(asked))
        assert not Withdrawal.objects.exists()
    assert caught.value.code == code
    assert _balance(actor, AccountKind.EARNINGS, "USD") == Money(cents)
    assert _balance(actor, AccountKind.PAYABLE, "TUSD") == TokenAmount(0, "TUSD")


def test_call_whose_answer_was_lost_with_its_process_makes_no_second_withdrawal(earner: Earner, api_for: Any) -> None:
    actor = earner(1_000)
    ask = {"path": "/api/v1/withdrawals/", "data": {"amount_minor": "400"}, "format": "json"}
    first = api_for(actor).post(**ask, headers={"Idempotency-Key": "k-1"})
    assert first.status_code == 201
    with tenant_scope(actor.organisation_id):
        IdempotencyRecord.objects.all().delete()  # as when the process dies between the change and its record
    again = api_for(actor).post(**ask, headers={"Idempotency-Key": "k-1"})
    other = api_for(actor).post(**ask, headers={"Idempotency-Key": "k-2"})
    assert [again.json()["id"], again.status_code] == [first.json()["id"], 201]
    assert other.json()["id"] != first.json()["id"]
    with tenant_scope(actor.organisation_id):
        assert Withdrawal.objects.filter(tenant_id=actor.organisation_id).count() == 2


def test_guest_and_member_may_not_withdraw(earner: Earner) -> None:
    owner = earner()
    guest = Actor(owner.user_id, owner.organisation_id, Role.OWNER, is_guest=True)
    member = Actor(owner.user_id, owner.organisation_id, Role.MEMBER)
    with tenant_scope(owner.organisation_id):
        for actor, code in ((guest, "sign_up_to_withdraw"), (member, "role_too_low")):
            with pytest.raises(DomainError) as caught:
                services.request_withdrawal(actor=actor, amount=Money(100))
            assert caught.value.code == code
        assert not Withdrawal.objects.exists()


def test_another_organisations_withdrawal_is_not_found(earner: Earner) -> None:
    mine, other = earner(), earner()
    with tenant_scope(mine.organisation_id):
        made = services.request_withdrawal(actor=mine, amount=Money(100))
    with tenant_scope(other.organisation_id), pytest.raises(DomainError) as caught:
        selectors.withdrawal(other, made.id)
    assert caught.value.code == "withdrawal_not_found"
