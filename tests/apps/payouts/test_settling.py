"""Whatever the chain says, in whatever order and however often: the books say the same, and money is counted once."""

from __future__ import annotations

from typing import Any

import pytest

from apps.core.tenant import tenant_scope
from apps.ledger import selectors as ledger
from apps.onchain.events import ChainEventConfirmed, ChainEventReverted, TransactionConfirmed, TransactionFailed
from apps.payouts import handlers, services, tasks, tree
from apps.payouts.models import Epoch, Withdrawal
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
