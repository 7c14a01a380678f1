"""What the chain and the books say is compared; what nobody claims, or is claimed again, is counted once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from apps.core import clock
from apps.core.errors import DomainError
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.payouts import comparisons, oversight, selectors, services, tree
from apps.payouts.locks import lock_epochs
from apps.payouts.models import Epoch, Recovery, Withdrawal
from apps.payouts.services.publishing import NO_ROOT
from apps.payouts.types import EpochState, RecoveryState, WithdrawalState
from apps.tenancy.types import PLATFORM_ID, Actor
from tests.apps.payouts.chain_index import ChainIndex
from tests.apps.payouts.rounds import (
    PLATFORM,
    Earner,
    Staff,
    books,
    claimed,
    info,
    newest,
    refused,
    withdraw,
)

pytestmark = pytest.mark.django_db


class Reader:
    """A contract as the comparisons read it."""

    def __init__(self, index: ChainIndex, root: str, paid: dict[str, int]) -> None:
        self.chain_id, self.block, self._index, self._root, self._paid = index.chain_id, 0, index, root, paid

    def address(self, contract: str) -> str:
        return self._index.distributor

    def read(self, contract: str, function: str, *args: Any) -> list[Any]:
        return [self._root] if function == "root" else [str(self._paid.get(args[0], 0))]


def test_comparisons_name_each_root_and_payee_that_differs(earner: Earner, index: ChainIndex):
    assert list(comparisons.roots(Reader(index, NO_ROOT, {}))) == []
    made, root, _ = claimed(index, earner(1_000))
    waiting = withdraw(earner(1_000), 100)
    services.publish_epoch(actor=PLATFORM)
    index.publish()
    in_force = newest(index).root
    good = Reader(index, in_force, {made.address: 4_000_000})
    assert [*comparisons.roots(good), *comparisons.claims(good)] == []
    bad = Reader(index, root.args["root"], {made.address: 4_000_001, waiting.address: 5})
    said = [*comparisons.roots(bad), *comparisons.claims(bad)]
    assert [in_force in said[0], len(said)] == [True, 3]
    assert f"{made.address} was paid 4000001 by the distributor, the books say 4000000" in said


def test_money_that_nobody_claims_is_announced_then_earnings_again(
    earner: Earner, staff: Staff, index: ChainIndex, limits: Any, monkeypatch: pytest.MonkeyPatch
):
    actor, person = earner(1_000), staff()
    made = withdraw(actor, 400)
    services.publish_epoch(actor=PLATFORM)
    index.publish()
    step = {"actor": person, "payee": made.address}
    assert refused(services.announce_recovery, **step) == "nothing_to_recover"
    limits(unclaimed_after=timedelta(0))
    services.announce_recovery(**step)
    assert refused(services.announce_recovery, **step) == "nothing_to_recover"
    assert refused(services.recover_unclaimed, **step) == "nothing_to_recover"
    due = int((clock.now() + timedelta(days=365)).timestamp())
    index.happen("RecoveryAnnounced", payee=made.address, recoverableAt=due)
    (listed,) = [row for row in oversight.unclaimed(person) if row.payee == made.address]
    assert (listed.state, listed.can_be_recovered, listed.amount) == (RecoveryState.ANNOUNCED, False, Money(400))
    assert refused(services.recover_unclaimed, **step) == "nothing_to_recover"
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=366))
    (listed,) = [row for row in oversight.unclaimed(person) if row.payee == made.address]
    assert listed.can_be_recovered
    withdraw(earner(1_000), 100)
    services.publish_epoch(actor=PLATFORM)
    assert refused(services.recover_unclaimed, **step) == "epoch_under_way"
    index.publish()
    services.recover_unclaimed(**step)
    index.refuse("payouts.recovery", "EnforcedPause")
    assert Recovery.objects.get(payee=made.address).state == RecoveryState.ANNOUNCED
    services.recover_unclaimed(**step)
    asked = index.intents("payouts.recovery")[-1]
    assert (asked.function, asked.args[:2], asked.args[3]) == ("recover", [made.address, "4000000"], "custody")
    taken = index.happen("Recovered", payee=made.address, to="0x1", amount="4000000", cumulativeAmount="4000000")
    index.tell(taken)
    assert (info(actor, made).state, books(actor)) == (WithdrawalState.RECOVERED, (1_000, 0))
    assert Recovery.objects.get(payee=made.address).state == RecoveryState.RECOVERED
    index.vanish(taken)
    assert (info(actor, made).state, books(actor)) == (WithdrawalState.RECOVERED, (1_000, 0))
    again = withdraw(actor, 100)
    services.publish_epoch(actor=PLATFORM)
    assert tree.epoch_tree(newest(index)).leaves[made.address].cumulative_amount == 5_000_000
    assert info(actor, again).state == WithdrawalState.PUBLISHING


def test_a_claim_or_a_refusal_ends_an_announced_recovery(earner: Earner, staff: Staff, index: ChainIndex, limits: Any):
    limits(unclaimed_after=timedelta(0))
    actor, person = earner(1_000), staff()
    made = withdraw(actor, 400)
    services.publish_epoch(actor=PLATFORM)
    index.publish()
    services.announce_recovery(actor=person, payee=made.address)
    index.refuse("payouts.recovery", "AccessControlUnauthorizedAccount")
    assert Recovery.objects.get(payee=made.address).state == RecoveryState.FAILED
    services.announce_recovery(actor=person, payee=made.address)
    index.claim(made.address)
    assert [row.state for row in Recovery.objects.filter(payee=made.address)] == [RecoveryState.FAILED] * 2
    assert info(actor, made).state == WithdrawalState.CLAIMED


def test_a_refused_claim_says_why_and_is_claimed_again_once(earner: Earner, index: ChainIndex):
    actor = earner(1_000)
    made = withdraw(actor, 400)
    with tenant_scope(actor.organisation_id):
        assert refused(services.claim_again, actor=actor, withdrawal_id=made.id) == "not_claimable"
    services.publish_epoch(actor=PLATFORM)
    index.publish()
    index.refuse("payouts.claim", "EnforcedPause")
    assert info(actor, made).claim_problem == "EnforcedPause"
    with tenant_scope(actor.organisation_id):
        services.claim_again(actor=actor, withdrawal_id=made.id)
        assert refused(services.claim_again, actor=actor, withdrawal_id=made.id) == "not_claimable"
    index.refuse("payouts.claim", "EnforcedPause")
    withdraw(earner(1_000), 100)
    services.publish_epoch(actor=PLATFORM)
    with tenant_scope(actor.organisation_id):
        assert refused(services.claim_again, actor=actor, withdrawal_id=made.id) == "epoch_under_way"
    index.publish()
    index.claim(made.address)
    assert (info(actor, made).state, info(actor, made).claim_problem) == (WithdrawalState.CLAIMED, "")


def test_a_distributor_without_a_round_has_no_current_one(index: ChainIndex):
    assert refused(selectors.current_epoch, chain_id=index.chain_id, distributor=index.distributor) == "epoch_not_found"
    assert refused(selectors.epoch, epoch_id=PLATFORM_ID) == "epoch_not_found"


@pytest.fixture
def committed(transactional_db: None, settings: Any) -> Iterator[ChainIndex]:
    """As `index`, committed, for tests that race."""
    made = ChainIndex()
    settings.CHAIN = settings.CHAIN | {"chain_id": made.chain_id}
    with all_tenants(reason="tests"):
        gone = Epoch.objects.create(
            chain_id=1, distributor="0x" + secrets.token_hex(20), number=1, root="0x", payees=0, added=0,
            cumulative_total=0, state=EpochState.PUBLISHED,
        )  # fmt: skip
        Withdrawal.objects.filter(state=WithdrawalState.WAITING).update(state=WithdrawalState.PUBLISHING, epoch=gone)
    yield made


@pytest.mark.django_db(transaction=True)
def test_cancelling_freezing_and_publishing_at_once_pay_or_return_never_both(
    earner: Earner, staff: Staff, committed: ChainIndex
):
    person = staff()
    for _ in range(3):
        actor = earner(1_000)
        made = withdraw(actor, 400)

        def cancel(actor: Actor = actor, made: Any = made) -> None:
            with tenant_scope(actor.organisation_id):
                services.cancel_withdrawal(actor=actor, withdrawal_id=made.id)

        def freeze(actor: Actor = actor) -> None:
            services.freeze_payouts(actor=person, organisation_id=actor.organisation_id, reason="Now.")

        def publish() -> None:
            services.publish_epoch(actor=PLATFORM)

        def guarded(call: Callable[[], None]) -> str:
            try:
                call()
            except DomainError as error:
                return error.code
            else:
                return "done"
            finally:
                connection.close()

        with ThreadPoolExecutor(3) as pool:
            outcomes = list(pool.map(guarded, (cancel, freeze, publish)))
        assert outcomes[1:] == ["done", "done"]
        state = info(actor, made).state
        if outcomes[0] == "done":
            assert (state, books(actor)) == (WithdrawalState.CANCELLED, (1_000, 0))
        else:
            assert (outcomes[0], state) == ("not_cancellable", WithdrawalState.PUBLISHING)
            assert books(actor) == (600, 4_000_000)
            committed.publish()
    with transaction.atomic():
        lock_epochs()
