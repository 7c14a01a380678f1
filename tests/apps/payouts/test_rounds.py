"""Rounds that were refused, failed or published by somebody else: their money waits, and is paid once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.core import clock
from apps.core.tenant import tenant_scope
from apps.onchain.events import TransactionConfirmed
from apps.payouts import handlers, services, tasks, tree
from apps.payouts.models import Epoch
from apps.payouts.services.publishing import NO_ROOT
from apps.payouts.types import EpochState, WithdrawalState
from apps.tenancy.types import PLATFORM_ID
from tests.apps.payouts.chain_index import ChainIndex, some_hash
from tests.apps.payouts.rounds import (
    PLATFORM,
    Earner,
    Staff,
    books,
    claimed,
    info,
    newest,
    own_differences,
    refused,
    withdraw,
)

pytestmark = pytest.mark.django_db


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
