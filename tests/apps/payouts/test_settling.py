"""Whatever the chain says, in whatever order and however often: the books say the same, and money is counted once."""

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
from apps.core.money import Money, TokenAmount
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from apps.onchain.events import ChainEventConfirmed, ChainEventReverted, TransactionConfirmed, TransactionFailed
from apps.payouts import comparisons, handlers, oversight, selectors, services, tasks, tree
from apps.payouts.locks import lock_epochs
from apps.payouts.models import Epoch, Recovery, Withdrawal
from apps.payouts.reconciliation import reconcile
from apps.payouts.services.publishing import NO_ROOT
from apps.payouts.types import EpochState, RecoveryState, WithdrawalState
from apps.tenancy.types import PLATFORM_ID, Actor
from tests.apps.payouts.chain_index import ChainIndex, some_hash

pytestmark = pytest.mark.django_db
Earner = Callable[..., Actor]
Staff = Callable[[], Actor]
PLATFORM = Actor.system(PLATFORM_ID)


def withdraw(actor: Actor, cents: int) -> Any:
    with tenant_scope(actor.organisation_id):
        return services.request_withdrawal(actor=actor, amount=Money(cents))


def info(actor: Actor, made: Any) -> Any:
    with tenant_scope(actor.organisation_id):
        return selectors.withdrawal(actor, made.id)


def books(actor: Actor) -> tuple[int, int]:
    """Cents of earnings, and raw tokens owed."""
    earned = ledger.balance(AccountRef(actor.organisation_id, AccountKind.EARNINGS, "USD")).posted
    owed = ledger.balance(AccountRef(actor.organisation_id, AccountKind.PAYABLE, "TUSD")).posted
    assert isinstance(earned, Money)
    assert isinstance(owed, TokenAmount)
    return earned.minor, owed.raw


def newest(index: ChainIndex) -> Epoch:
    return Epoch.objects.filter(distributor=index.distributor).order_by("-id")[0]


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(DomainError) as caught:
        call(**arguments)
    return caught.value.code


def claimed(index: ChainIndex, actor: Actor, cents: int = 400) -> tuple[Any, Any, Any]:
    """A withdrawal that was published and claimed, with both events."""
    made = withdraw(actor, cents)
    services.publish_epoch(actor=PLATFORM)
    root = index.publish()
    return made, root, index.claim(made.address)


def own_differences(index: ChainIndex) -> list[str]:
    return [difference.what for difference in reconcile().differences if index.distributor in difference.what]


def test_a_claim_is_booked_once_however_often_and_before_the_round_is_known(earner: Earner, index: ChainIndex):
    actor = earner(1_000)
    made = withdraw(actor, 400)
    services.publish_epoch(actor=PLATFORM)
    leaf = tree.epoch_tree(newest(index)).leaves[made.address]
    early = index.pay(made.address, leaf.cumulative_amount)
    index.tell(early)
    assert info(actor, made).state == WithdrawalState.CLAIMED
    index.publish()
    index.tell(early)
    assert (info(actor, made).state, books(actor)) == (WithdrawalState.CLAIMED, (600, 0))
    assert own_differences(index) == []


def test_a_claim_that_vanishes_is_unbooked_once_and_booked_again_when_it_is_back(earner: Earner, index: ChainIndex):
    actor = earner(1_000)
    made, _, claim = claimed(index, actor)
    for round_number in (1, 2):
        index.vanish(claim)
        handlers.on_chain_event_reverted(ChainEventReverted(*index._facts(claim)))
        assert (info(actor, made).state, books(actor)) == (WithdrawalState.CLAIMABLE, (600, 4_000_000))
        assert info(actor, made).tx_hash == ""
        claim = index.claim(made.address)
        index.tell(claim)
        assert (info(actor, made).state, books(actor)) == (WithdrawalState.CLAIMED, (600, 0))
        with tenant_scope(actor.organisation_id):
            assert Withdrawal.objects.get(id=made.id).claim_reversals == round_number
    assert ledger.trial_balance()["TUSD"] == 0


def test_news_in_the_wrong_order_end_where_the_chain_ended(earner: Earner, index: ChainIndex):
    """The claim is mined again before anybody heard that it had vanished: nothing is undone, the block is new."""
    actor = earner(1_000)
    made, _, first = claimed(index, actor)
    first.state = "orphaned"
    first.save(update_fields=["state"])
    again = index.pay(made.address, int(first.args["cumulativeAmount"]), told=False)
    index.tell(again)
    assert info(actor, made).block_number == again.block_number
    handlers.on_chain_event_reverted(ChainEventReverted(*index._facts(first)))
    assert (info(actor, made).state, books(actor)) == (WithdrawalState.CLAIMED, (600, 0))


def test_a_root_that_vanishes_takes_its_claims_along_and_all_comes_back(earner: Earner, index: ChainIndex):
    actor = earner(1_000)
    made, root, claim = claimed(index, actor)
    index.vanish(root, claim)
    assert (info(actor, made).state, newest(index).state) == (WithdrawalState.PUBLISHING, EpochState.VANISHED)
    assert books(actor) == (600, 4_000_000)
    withdraw(actor, 100)
    assert refused(services.publish_epoch, actor=PLATFORM) == "epoch_under_way"
    assert services.publish_due_epoch() is None
    asked_before = len(index.intents("payouts.claim"))
    index.happen("RootPublished", **root.args)
    assert (info(actor, made).state, newest(index).state) == (WithdrawalState.CLAIMABLE, EpochState.PUBLISHED)
    assert len(index.intents("payouts.claim")) == asked_before
    index.claim(made.address)
    assert info(actor, made).state == WithdrawalState.CLAIMED


def test_a_root_that_vanishes_while_only_the_root_was_told_keeps_the_claimed_claimed_until_told(
    earner: Earner, index: ChainIndex
):
    actor = earner(1_000)
    made, root, claim = claimed(index, actor)
    index.vanish(root)
    assert info(actor, made).state == WithdrawalState.CLAIMED
    index.refuse("payouts.epoch", "nonce too low")
    assert (info(actor, made).state, books(actor)) == (WithdrawalState.WAITING, (600, 4_000_000))
    claim.state = "orphaned"
    claim.save(update_fields=["state"])
    handlers.on_chain_event_reverted(ChainEventReverted(*index._facts(claim)))
    index.refuse("payouts.epoch", "told twice")
    assert info(actor, made).state == WithdrawalState.WAITING
    services.publish_epoch(actor=PLATFORM)
    index.publish()
    index.claim(made.address)
    assert (info(actor, made).state, books(actor)) == (WithdrawalState.CLAIMED, (600, 0))


def test_events_of_nobody_change_nothing(index: ChainIndex):
    index.happen("Claimed", payee="0x" + "1" * 40, amount="1", cumulativeAmount="1")
    index.happen("RootPublished", previousRoot=NO_ROOT, root=some_hash(), amount="1")
    index.happen("Paused", account="0x" + "1" * 40)
    other: Any = ("AssetRegistry", "0x" + "2" * 40, "Claimed", {}, some_hash(), 1, 0)
    handlers.on_chain_event(ChainEventConfirmed(*other))
    handlers.on_chain_event_reverted(ChainEventReverted(*other))
    assert not Epoch.objects.filter(distributor=index.distributor).exists()


def test_intents_of_other_apps_are_left_alone(index: ChainIndex):
    handlers.on_transaction_confirmed(TransactionConfirmed(PLATFORM_ID, "assets.register", "x", some_hash(), 1))
    handlers.on_transaction_failed(TransactionFailed(PLATFORM_ID, "assets.register", "x", "no"))


def test_a_frozen_account_is_left_out_of_the_round_and_is_in_the_next_after_its_release(
    earner: Earner, staff: Staff, index: ChainIndex
):
    frozen, free, person = earner(1_000), earner(1_000), staff()
    kept, paid = withdraw(frozen, 300), withdraw(free, 300)
    services.freeze_payouts(actor=person, organisation_id=frozen.organisation_id, reason="Checks.")
    services.publish_epoch(actor=PLATFORM)
    index.publish()
    assert (info(frozen, kept).state, info(free, paid).state) == (WithdrawalState.WAITING, WithdrawalState.CLAIMABLE)
    assert services.publish_epoch(actor=PLATFORM) is None
    assert services.publish_due_epoch() is None
    with tenant_scope(frozen.organisation_id):
        assert services.cancel_withdrawal(actor=frozen, withdrawal_id=kept.id).state == WithdrawalState.CANCELLED
    kept = None
    services.unfreeze_payouts(actor=person, organisation_id=frozen.organisation_id)
    later = withdraw(frozen, 200)
    tasks.publish_due_epoch()
    assert info(frozen, later).state == WithdrawalState.PUBLISHING


def test_the_books_are_committed_on_chain_before_each_root(earner: Earner, index: ChainIndex):
    from apps.ledger.models import Checkpoint

    withdraw(earner(1_000), 300)
    before = Checkpoint.objects.count()
    services.publish_epoch(actor=PLATFORM)
    assert Checkpoint.objects.count() == before + 1


def test_a_refused_round_says_why_in_words_and_its_money_waits(earner: Earner, index: ChainIndex):
    actor = earner(1_000)
    made = withdraw(actor, 300)
    services.publish_epoch(actor=PLATFORM)
    index.refuse("payouts.epoch", "PayoutDistributorRootChanged(0x00, 0x01)")
    failed = newest(index)
    assert (failed.state, failed.previous_root) == (EpochState.FAILED, NO_ROOT)
    assert failed.reason.startswith("another root is in force")
    assert (info(actor, made).state, info(actor, made).epoch_id) == (WithdrawalState.WAITING, None)
    assert services.publish_due_epoch() is None
    services.publish_epoch(actor=PLATFORM)
    index.refuse("payouts.epoch", "out of gas")
    assert newest(index).reason == "out of gas"
    handlers.on_transaction_confirmed(
        TransactionConfirmed(PLATFORM_ID, "payouts.epoch", f"payouts.epoch:{newest(index).id}", some_hash(), 5)
    )
    assert newest(index).state == EpochState.FAILED


def test_a_failed_round_that_was_published_after_all_is_adopted_by_staff(
    earner: Earner, staff: Staff, index: ChainIndex
):
    actor, person = earner(1_000), staff()
    made = withdraw(actor, 300)
    assert refused(services.adopt_root, actor=person) == "nothing_to_adopt"
    services.publish_epoch(actor=PLATFORM)
    failed = newest(index)
    assert refused(services.adopt_root, actor=person) == "epoch_under_way"
    index.refuse("payouts.epoch", "dropped")
    index.happen("RootPublished", previousRoot=NO_ROOT, root=failed.root, amount=failed.added)
    assert refused(services.publish_epoch, actor=PLATFORM) == "another_root_in_force"
    Epoch.objects.filter(id=failed.id).update(updated_at=clock.now() - timedelta(hours=1))
    tasks.publish_due_epoch()
    assert refused(services.adopt_root, actor=actor) == "not_found"
    services.adopt_root(actor=person)
    failed.refresh_from_db()
    assert (failed.state, info(actor, made).state) == (EpochState.PUBLISHED, WithdrawalState.CLAIMABLE)
    index.claim(made.address)
    assert (info(actor, made).state, books(actor)) == (WithdrawalState.CLAIMED, (700, 0))
    assert own_differences(index) == []


def test_a_failed_round_whose_money_was_given_back_is_overwritten_not_revived(
    earner: Earner, staff: Staff, index: ChainIndex
):
    actor, other = earner(1_000), earner(1_000)
    cancelled, kept = withdraw(actor, 300), withdraw(other, 200)
    services.publish_epoch(actor=PLATFORM)
    failed = newest(index)
    index.refuse("payouts.epoch", "dropped")
    with tenant_scope(actor.organisation_id):
        services.cancel_withdrawal(actor=actor, withdrawal_id=cancelled.id)
    index.happen("RootPublished", previousRoot=NO_ROOT, root=failed.root, amount=failed.added)
    services.adopt_root(actor=staff())
    again = newest(index)
    assert (again.number, again.previous_root, again.state) == (2, failed.root, EpochState.PUBLISHING)
    assert set(tree.epoch_tree(again).leaves) == {kept.address}
    index.publish()
    index.claim(kept.address)
    assert (books(actor), books(other)) == ((1_000, 0), (800, 0))


def test_a_foreign_root_is_overwritten_with_what_was_promised_before(earner: Earner, staff: Staff, index: ChainIndex):
    actor = earner(1_000)
    made, root, _ = claimed(index, actor)
    foreign = some_hash()
    index.happen("RootPublished", previousRoot=root.args["root"], root=foreign, amount="7")
    assert f"rounds behind the root in force on distributor {index.distributor}" in own_differences(index)
    services.adopt_root(actor=staff())
    again = newest(index)
    assert (again.previous_root, again.root, again.added) == (foreign, root.args["root"], 0)
    index.publish()
    assert newest(index).state == EpochState.PUBLISHED
    assert info(actor, made).state == WithdrawalState.CLAIMED
    assert own_differences(index) == []


def test_a_foreign_root_before_the_first_round_is_noted_and_the_first_round_follows_it(
    earner: Earner, staff: Staff, index: ChainIndex
):
    foreign = some_hash()
    index.happen("RootPublished", previousRoot=NO_ROOT, root=foreign, amount="0")
    services.adopt_root(actor=staff())
    assert newest(index).root == foreign
    withdraw(earner(1_000), 100)
    services.publish_epoch(actor=PLATFORM)
    assert (newest(index).previous_root, newest(index).number) == (foreign, 2)


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
