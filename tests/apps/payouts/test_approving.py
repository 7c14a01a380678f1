"""Large withdrawals need independent people; limits, cancelling and freezing return or keep the money to the cent."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from eth_utils.address import to_checksum_address

from apps.accounts import services as accounts
from apps.accounts.errors import InvalidWalletAddress
from apps.core.errors import DomainError
from apps.core.money import Money, TokenAmount
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from apps.onchain.events import AddressChecked
from apps.onchain.models import AddressCheck, CustodialAddress
from apps.payouts import handlers, oversight, selectors, services
from apps.payouts.locks import lock_requests
from apps.payouts.models import PayoutFreeze, Withdrawal, WithdrawalDecision
from apps.payouts.types import WithdrawalState
from apps.tenancy.models import AuditEntry
from apps.tenancy.types import PLATFORM_ID, Actor, Role
from tests.apps.payouts.chain_index import ChainIndex

pytestmark = pytest.mark.django_db
Earner = Callable[..., Actor]
Staff = Callable[[], Actor]
Limits = Callable[..., None]


def withdraw(actor: Actor, cents: int) -> Any:
    with tenant_scope(actor.organisation_id):
        return services.request_withdrawal(actor=actor, amount=Money(cents))


def state(actor: Actor, withdrawal_id: Any) -> WithdrawalState:
    with tenant_scope(actor.organisation_id):
        return selectors.withdrawal(actor, withdrawal_id).state


def earnings(actor: Actor) -> Any:
    return ledger.balance(AccountRef(actor.organisation_id, AccountKind.EARNINGS, "USD")).posted


def owed(actor: Actor) -> Any:
    return ledger.balance(AccountRef(actor.organisation_id, AccountKind.PAYABLE, "TUSD")).posted


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(DomainError) as caught:
        call(**arguments)
    return caught.value.code


def audited(organisation_id: Any, action: str) -> int:
    with tenant_scope(organisation_id):
        return AuditEntry.objects.filter(action=action).count()


@pytest.fixture
def thresholds(limits: Limits) -> None:
    limits(approval_minor=500, second_approval_minor=900)


def test_a_small_amount_needs_nobody_a_large_one_one_person_a_larger_one_two(earner, staff, thresholds):
    assert [withdraw(earner(10_000), cents).approvals_needed for cents in (499, 500, 899, 900)] == [0, 1, 1, 2]
    actor = earner(10_000)
    large = withdraw(actor, 900)
    assert large.state == WithdrawalState.APPROVAL
    one, two = staff(), staff()
    assert services.approve_withdrawal(actor=one, withdrawal_id=large.id).state == WithdrawalState.APPROVAL
    assert refused(services.approve_withdrawal, actor=one, withdrawal_id=large.id) == "decided_already"
    assert services.approve_withdrawal(actor=two, withdrawal_id=large.id).state == WithdrawalState.WAITING
    assert refused(services.approve_withdrawal, actor=staff(), withdrawal_id=large.id) == "not_awaiting_approval"
    with tenant_scope(actor.organisation_id):
        decided = selectors.decisions(actor, large.id)
    assert [(decision.user_id, decision.approved) for decision in decided] == [(one.user_id, True), (two.user_id, True)]
    assert audited(actor.organisation_id, "withdrawal.approved") == 2


def test_small_amounts_that_add_up_to_a_large_one_within_a_day_need_its_approvals(earner, thresholds):
    actor = earner(10_000)
    assert [withdraw(actor, 200).approvals_needed for _ in range(5)] == [0, 0, 1, 1, 2]


def test_neither_the_requester_nor_a_member_nor_a_customer_approves(earner, staff, make_actor, thresholds):
    actor = earner(10_000)
    large = withdraw(actor, 500)
    requester = replace(actor, is_staff=True)
    elsewhere = replace(requester, organisation_id=PLATFORM_ID)
    member = replace(make_actor(organisation_id=actor.organisation_id, role=Role.MEMBER), is_staff=True)
    for person in (requester, elsewhere, member):
        assert refused(services.approve_withdrawal, actor=person, withdrawal_id=large.id) == "approver_not_independent"
    for nobody in (make_actor(), Actor.system(PLATFORM_ID)):
        assert refused(services.approve_withdrawal, actor=nobody, withdrawal_id=large.id) == "not_found"
    assert state(actor, large.id) == WithdrawalState.APPROVAL


def test_a_rejected_withdrawal_is_earnings_again_to_the_cent_with_the_reason_shown(earner, staff, limits):
    limits(approval_minor=500, second_approval_minor=900)
    actor, person = earner(1_234), staff()
    large = withdraw(actor, 1_000)
    assert (earnings(actor), owed(actor)) == (Money(234), TokenAmount(10_000_000, "TUSD"))
    assert refused(services.reject_withdrawal, actor=person, withdrawal_id=large.id, reason="  ") == "reason_missing"
    services.approve_withdrawal(actor=person, withdrawal_id=large.id)
    made = services.reject_withdrawal(actor=person, withdrawal_id=large.id, reason="The invoice is missing.")
    assert (made.state, made.reason) == (WithdrawalState.REJECTED, "The invoice is missing.")
    assert (earnings(actor), owed(actor)) == (Money(1_234), TokenAmount(0, "TUSD"))
    again = refused(services.reject_withdrawal, actor=person, withdrawal_id=large.id, reason="x")
    assert again == "not_awaiting_approval"
    other = withdraw(actor, 1_000)
    services.reject_withdrawal(actor=person, withdrawal_id=other.id, reason="Again.")
    assert earnings(actor) == Money(1_234)


def test_decisions_cannot_be_rewritten(earner, staff, thresholds):
    actor = earner(10_000)
    services.approve_withdrawal(actor=staff(), withdrawal_id=withdraw(actor, 900).id)
    with tenant_scope(actor.organisation_id):
        for statement in (
            "UPDATE payouts_withdrawaldecision SET approved = false",
            "DELETE FROM payouts_withdrawaldecision",
        ):
            with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        assert WithdrawalDecision.objects.count() == 1


def test_a_waiting_withdrawal_is_called_off_to_the_cent(earner, limits):
    actor = earner(1_234)
    made = withdraw(actor, 1_000)
    with tenant_scope(actor.organisation_id):
        assert services.cancel_withdrawal(actor=actor, withdrawal_id=made.id).state == WithdrawalState.CANCELLED
        assert refused(services.cancel_withdrawal, actor=actor, withdrawal_id=made.id) == "not_cancellable"
    assert (earnings(actor), owed(actor)) == (Money(1_234), TokenAmount(0, "TUSD"))
    other = earner(100)
    with tenant_scope(other.organisation_id):
        assert refused(services.cancel_withdrawal, actor=other, withdrawal_id=made.id) == "withdrawal_not_found"


def test_what_an_organisation_and_the_platform_pay_within_a_day_is_limited(earner, limits, monkeypatch):
    limits(organisation_daily_limit_minor=1_000, approval_minor=10**9, second_approval_minor=10**9)
    actor = earner(10_000)
    first = withdraw(actor, 600)
    with pytest.raises(DomainError) as caught:
        withdraw(actor, 401)
    assert (caught.value.code, caught.value.context["left"]) == (
        "daily_limit_reached",
        {"amount_minor": "400", "currency": "USD"},
    )
    withdraw(actor, 400)
    with tenant_scope(actor.organisation_id):
        services.cancel_withdrawal(actor=actor, withdrawal_id=first.id)
    withdraw(actor, 600)
    with all_tenants(reason="tests"):
        yesterday = Withdrawal.objects.filter(tenant_id=actor.organisation_id)
        yesterday.update(created_at=yesterday[0].created_at - timedelta(hours=24))
    withdraw(actor, 1_000)
    limits(daily_limit_minor=1)
    assert refused(withdraw, actor=earner(1_000), cents=100) == "platform_limit_reached"


def test_a_frozen_account_asks_for_nothing_and_sees_why(earner, staff):
    actor, person, on_record = earner(10_000), staff(), audited(PLATFORM_ID, "payouts.frozen")
    waiting = withdraw(actor, 100)
    assert (
        refused(services.freeze_payouts, actor=person, organisation_id=actor.organisation_id, reason="")
        == "reason_missing"
    )
    services.freeze_payouts(actor=person, organisation_id=actor.organisation_id, reason="A chargeback is open.")
    again = {"actor": person, "organisation_id": actor.organisation_id, "reason": "x"}
    assert refused(services.freeze_payouts, **again) == "payouts_frozen_already"
    with pytest.raises(DomainError, match=r"A chargeback is open\.") as caught:
        withdraw(actor, 100)
    assert caught.value.code == "payouts_frozen"
    frozen = [row for row in oversight.freezes(person) if row.freeze.organisation_id == actor.organisation_id]
    assert [row.waiting for row in frozen] == [Money(100)]
    assert audited(actor.organisation_id, "payouts.frozen") == 1
    assert audited(PLATFORM_ID, "payouts.frozen") == on_record + 1
    services.unfreeze_payouts(actor=person, organisation_id=actor.organisation_id)
    assert (
        refused(services.unfreeze_payouts, actor=person, organisation_id=actor.organisation_id) == "payouts_not_frozen"
    )
    assert state(actor, waiting.id) == WithdrawalState.WAITING
    withdraw(actor, 100)


def test_only_staff_freezes_and_only_what_exists(earner, staff):
    actor = earner()
    stranger = {"organisation_id": actor.organisation_id, "reason": "x"}
    assert refused(services.freeze_payouts, actor=earner(), **stranger) == "not_found"
    missing = {"organisation_id": withdraw(actor, 10).id, "reason": "x"}
    assert refused(services.freeze_payouts, actor=staff(), **missing) == "organisation_not_found"
    for read in (oversight.approval_queue, oversight.freezes, oversight.totals_by_state, oversight.unclaimed):
        assert refused(read, actor=actor) == "not_found"


def test_while_the_wallet_changes_nothing_is_withdrawn(earner, settings):
    settings.WALLETS = {"change_wait": timedelta(hours=24)}
    actor = earner()
    with tenant_scope(actor.organisation_id):
        accounts.set_wallet(actor=actor, address="0x" + "1" * 40)
        assert refused(services.request_withdrawal, actor=actor, amount=Money(100)) == "wallet_changing"
        accounts.cancel_wallet_change(actor=actor)
    withdraw(actor, 100)


def test_our_own_contracts_are_no_wallets(earner, index: ChainIndex):
    actor = earner(wallet=False)
    kept = str(to_checksum_address("0x" + "3" * 40))
    with tenant_scope(actor.organisation_id):
        CustodialAddress.objects.create(chain_id=index.chain_id, factory="0x" + "4" * 40, address=kept)
        for address in (index.distributor, kept):
            with pytest.raises(InvalidWalletAddress, match="a contract of the platform"):
                accounts.set_wallet(actor=actor, address=address)


def test_a_contracts_address_is_refused_and_what_waited_for_it_comes_back(earner, index: ChainIndex):
    contract = str(to_checksum_address("0x" + "5" * 40))
    actor = earner(1_000, wallet=contract)
    made = withdraw(actor, 400)
    with all_tenants(reason="tests"):
        AddressCheck.objects.filter(chain_id=index.chain_id, address=contract).update(has_code=True)
    handlers.on_address_checked(AddressChecked(contract, has_code=False))
    assert state(actor, made.id) == WithdrawalState.WAITING
    handlers.on_address_checked(AddressChecked(contract, has_code=True))
    assert (state(actor, made.id), earnings(actor)) == (WithdrawalState.CANCELLED, Money(1_000))
    assert refused(withdraw, actor=actor, cents=100) == "wallet_address_invalid"


def test_staff_decides_by_api(earner, staff, api_for, thresholds, make_actor):
    from apps.accounts.models import User

    actor, person = earner(10_000), staff()
    User.objects.filter(id=person.user_id).update(is_staff=True)
    api = api_for(person)
    first, second = withdraw(actor, 500), withdraw(actor, 500)
    queue = {row["id"]: row for row in api.get("/api/v1/staff/payouts/withdrawals/").json()["results"]}
    assert (queue[str(first.id)]["approvals_missing"], queue[str(first.id)]["requested_by"]) == (1, "Earner")
    assert api.post(f"/api/v1/staff/payouts/withdrawals/{first.id}/approve/").json()["state"] == "waiting"
    rejected = api.post(f"/api/v1/staff/payouts/withdrawals/{second.id}/reject/", {"reason": "No."}, format="json")
    assert (rejected.json()["state"], rejected.json()["reason"]) == ("rejected", "No.")
    freeze = {"organisation_id": str(actor.organisation_id), "reason": "Checks."}
    assert api.post("/api/v1/staff/payouts/freezes/", freeze, format="json").status_code == 201
    listed = api.get("/api/v1/staff/payouts/freezes/").json()["results"]
    assert {"organisation_id": str(actor.organisation_id), "reason": "Checks."}.items() <= next(
        row for row in listed if row["organisation_id"] == str(actor.organisation_id)
    ).items()
    assert api_for(actor).get("/api/v1/earnings/").json()["frozen"] == "Checks."
    assert api.delete(f"/api/v1/staff/payouts/freezes/{actor.organisation_id}/").status_code == 204
    assert api_for(make_actor()).get("/api/v1/staff/payouts/withdrawals/").status_code == 404
    cancelled = withdraw(actor, 100)
    assert api_for(actor).post(f"/api/v1/withdrawals/{cancelled.id}/cancel/").json()["state"] == "cancelled"


def in_threads(*calls: Callable[[], Any]) -> list[str]:
    """Run all at once; each one's error code, or "done"."""

    def run(call: Callable[[], Any]) -> str:
        try:
            call()
        except DomainError as error:
            return error.code
        else:
            return "done"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_approve_once_and_reject_or_approve_never_both(earner, staff, limits):
    limits(approval_minor=500, second_approval_minor=10**9)
    actor, one, two = earner(10_000), staff(), staff()
    made = withdraw(actor, 500)
    approve = [
        lambda person=person: services.approve_withdrawal(actor=person, withdrawal_id=made.id) for person in (one, two)
    ]
    assert sorted(in_threads(*approve)) == ["done", "not_awaiting_approval"]
    other = withdraw(actor, 600)
    outcomes = in_threads(
        lambda: services.approve_withdrawal(actor=one, withdrawal_id=other.id),
        lambda: services.reject_withdrawal(actor=two, withdrawal_id=other.id, reason="No."),
    )
    assert sorted(outcomes) == ["done", "not_awaiting_approval"]
    with tenant_scope(actor.organisation_id):
        services.cancel_withdrawal(actor=actor, withdrawal_id=made.id)
        if state(actor, other.id) == WithdrawalState.WAITING:
            services.cancel_withdrawal(actor=actor, withdrawal_id=other.id)
    assert earnings(actor) == Money(10_000)


@pytest.mark.django_db(transaction=True)
def test_many_requests_at_once_stay_within_the_limit(earner, limits):
    limits(organisation_daily_limit_minor=300)
    actor = earner(10_000)
    outcomes = in_threads(*[lambda: withdraw(actor, 100)] * 8)
    assert sorted(outcomes) == ["daily_limit_reached"] * 5 + ["done"] * 3
    with tenant_scope(actor.organisation_id):
        for row in Withdrawal.objects.all():
            services.cancel_withdrawal(actor=actor, withdrawal_id=row.id)
    assert earnings(actor) == Money(10_000)


@pytest.mark.django_db(transaction=True)
def test_a_freeze_and_a_request_at_once_never_leave_a_request_after_the_freeze(earner, staff):
    actor, person = earner(1_000), staff()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock_requests()
            request = pool.submit(in_threads, lambda: withdraw(actor, 100))
            with tenant_scope(actor.organisation_id):
                PayoutFreeze.objects.create(reason="Now.", frozen_by=person.user_id)
        # The request has waited for the lock until the freeze was committed.
        assert request.result() == ["payouts_frozen"]
