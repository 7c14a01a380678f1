"""From withdrawal to wallet on a real chain: one root, everybody paid exactly once, ledger and chain equal."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

import pytest
from eth_utils.address import to_checksum_address

from apps.core import outbox
from apps.core.errors import DomainError
from apps.core.money import Money, TokenAmount
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from apps.onchain.events import ChainEventConfirmed
from apps.onchain.models import ChainEvent, ChainIntent, ChainTransaction
from apps.payouts import selectors, services, tree
from apps.payouts.models import Epoch, Withdrawal
from apps.payouts.reconciliation import reconcile
from apps.payouts.types import EpochState, Reconciliation, WithdrawalState
from apps.tenancy.types import PLATFORM_ID, Actor
from chain_bridge.merkle import encode_words, verify_proof
from chain_bridge.signer import Signer
from tests.apps.assets.outside_wallet import OutsideWallet
from tests.apps.onchain.bridge_fixtures import DrivenBridge

pytestmark = pytest.mark.django_db(transaction=True)
Earner = Callable[..., Actor]
PLATFORM = Actor.system(PLATFORM_ID)


@pytest.fixture(autouse=True)
def _no_leftovers(driven: DrivenBridge) -> None:
    """Withdrawals that earlier tests left waiting belong to chains that are gone."""
    with all_tenants(reason="tests"):
        left = Withdrawal.objects.filter(state=WithdrawalState.WAITING)
        if left.exists():
            gone = Epoch.objects.create(
                chain_id=1, distributor="0x" + secrets.token_hex(20), number=1, root="0x", payees=0, added=0,
                cumulative_total=0, state=EpochState.PUBLISHED,
            )  # fmt: skip
            left.update(state=WithdrawalState.PUBLISHING, epoch=gone)


def _withdraw(actor: Actor, cents: int) -> Any:
    with tenant_scope(actor.organisation_id):
        return services.request_withdrawal(actor=actor, amount=Money(cents)).id


def _state(actor: Actor, withdrawal_id: Any) -> Any:
    with tenant_scope(actor.organisation_id):
        return selectors.withdrawal(actor, withdrawal_id)


def _tokens(driven: DrivenBridge, address: str) -> int:
    return int(driven.chain.gateway.read(driven.chain.contracts["PayoutToken"], "balanceOf", [address])[0])


def _posted(actor: Actor, kind: AccountKind) -> int:
    amount = ledger.balance(AccountRef(actor.organisation_id, kind, "TUSD")).posted
    assert isinstance(amount, TokenAmount)
    return amount.raw


def _own_differences(result: Reconciliation, driven: DrivenBridge) -> Sequence[Any]:
    """Differences that name this test's distributor; the database keeps other tests' ledgers, their chains are gone."""
    distributor = driven.chain.contracts["PayoutDistributor"].address
    return [difference for difference in result.differences if distributor in difference.what]


def test_fifty_payees_are_paid_exactly_once_by_one_root(driven: DrivenBridge, earner: Earner) -> None:
    actors = [earner(10_000) for _ in range(50)]
    wanted = {actor.organisation_id: 100 + 7 * number for number, actor in enumerate(actors)}
    made = {actor: _withdraw(actor, wanted[actor.organisation_id]) for actor in actors}
    epoch = services.publish_epoch(actor=PLATFORM)
    assert epoch is not None
    assert (epoch.number, epoch.payees) == (1, 50)
    driven.settle()
    for actor, withdrawal_id in made.items():
        info = _state(actor, withdrawal_id)
        raw = wanted[actor.organisation_id] * 10_000
        assert info.state == WithdrawalState.CLAIMED
        assert _tokens(driven, info.address) == raw
        receipt = driven.chain.gateway.receipt(info.tx_hash)
        assert receipt is not None
        assert receipt.block.number == info.block_number
        assert (_posted(actor, AccountKind.PAYABLE), _posted(actor, AccountKind.EARNINGS)) == (0, 0)
    roots = ChainIntent.objects.filter(kind="payouts.epoch", idempotency_key=f"payouts.epoch:{epoch.id}")
    assert ChainTransaction.objects.filter(intent__in=roots).count() == 1
    distributor = driven.chain.contracts["PayoutDistributor"]
    assert _tokens(driven, distributor.address) == 1  # the unit that the deployment leaves there
    assert _own_differences(reconcile(), driven) == []


def test_later_epoch_pays_the_difference_only(driven: DrivenBridge, earner: Earner) -> None:
    actor = earner(10_000)
    first = _withdraw(actor, 1_000)
    services.publish_epoch(actor=PLATFORM)
    driven.settle()
    address = _state(actor, first).address
    assert _tokens(driven, address) == 1_000 * 10_000
    second, third = _withdraw(actor, 500), _withdraw(actor, 250)
    services.publish_epoch(actor=PLATFORM)
    driven.settle()
    assert [_state(actor, row).state for row in (first, second, third)] == [WithdrawalState.CLAIMED] * 3
    assert _state(actor, first).tx_hash != _state(actor, second).tx_hash == _state(actor, third).tx_hash
    assert _tokens(driven, address) == 1_750 * 10_000


def test_two_organisations_with_one_wallet_share_a_leaf(driven: DrivenBridge, earner: Earner) -> None:
    wallet = str(to_checksum_address("0x" + secrets.token_hex(20)))
    one, two = earner(1_000, wallet), earner(1_000, wallet)
    rows = [(one, _withdraw(one, 300)), (two, _withdraw(two, 400))]
    epoch = services.publish_epoch(actor=PLATFORM)
    assert epoch is not None
    assert epoch.payees == 1
    driven.settle()
    assert _tokens(driven, wallet) == 700 * 10_000
    assert {_state(actor, row).state for actor, row in rows} == {WithdrawalState.CLAIMED}
    assert (_posted(one, AccountKind.PAYABLE), _posted(two, AccountKind.PAYABLE)) == (0, 0)


def test_replayed_claim_event_has_no_second_effect(driven: DrivenBridge, earner: Earner) -> None:
    actor = earner(1_000)
    made = _withdraw(actor, 1_000)
    services.publish_epoch(actor=PLATFORM)
    driven.settle()
    closed = _state(actor, made)
    chain_account = AccountRef(PLATFORM_ID, AccountKind.CHAIN, "TUSD")
    paid_out = ledger.balance(chain_account).posted
    row = ChainEvent.objects.get(tx_hash=closed.tx_hash, event="Claimed")
    from django.db import transaction

    for _ in range(3):
        with transaction.atomic():
            outbox.publish(
                ChainEventConfirmed(
                    row.contract, row.address, row.event, row.args, row.tx_hash, row.block_number, row.log_index
                ),
                tenant_id=PLATFORM_ID,
            )
    outbox.drain()
    assert ledger.balance(chain_account).posted == paid_out
    assert _posted(actor, AccountKind.PAYABLE) == 0
    assert _state(actor, made) == closed


def test_claim_by_a_stranger_with_the_shown_proof_is_booked(driven: DrivenBridge, earner: Earner) -> None:
    actor = earner(1_000)
    made = _withdraw(actor, 600)
    with patch("apps.payouts.services.publishing.request_claims"):
        services.publish_epoch(actor=PLATFORM)
        driven.settle()
    assert _state(actor, made).state == WithdrawalState.CLAIMABLE
    with tenant_scope(actor.organisation_id):
        shown = tree.claim_proof(actor, made)
    leaf = encode_words(shown.chain_id, shown.distributor, shown.payee, shown.cumulative_amount)
    assert verify_proof(shown.root, leaf, shown.proof)
    stranger = OutsideWallet(driven.chain)
    stranger.calls("PayoutDistributor", "claim", shown.payee, shown.cumulative_amount, list(shown.proof))
    driven.settle()
    assert _state(actor, made).state == WithdrawalState.CLAIMED
    assert _tokens(driven, shown.payee) == 600 * 10_000


def test_refused_root_puts_withdrawals_back_and_the_next_epoch_pays(
    driven: DrivenBridge, earner: Earner, limits: Callable[..., None]
) -> None:
    from apps.onchain import services as onchain

    config, nobody = driven.chain.config, 10**15
    assert config.payouts_signer_key is not None
    publisher = Signer(config.payouts_signer_key, config.chain_id).address
    limits(
        approval_minor=nobody, second_approval_minor=nobody,
        organisation_daily_limit_minor=nobody, daily_limit_minor=nobody,
    )  # fmt: skip
    treasury = _tokens(driven, publisher)
    too_much = treasury // 10_000 + 1
    actor = earner(too_much)
    made = _withdraw(actor, too_much)
    services.publish_epoch(actor=PLATFORM)
    driven.settle()
    assert _state(actor, made).state == WithdrawalState.WAITING
    failed = Epoch.objects.order_by("-id")[0]
    assert failed.state == EpochState.FAILED
    assert "ERC20InsufficientBalance" in failed.reason
    assert "the platform's treasury holds fewer tokens" in failed.reason
    assert services.publish_due_epoch() is None
    onchain.request_transaction(
        organisation_id=PLATFORM_ID, kind="test", contract="PayoutToken", function="mint",
        args=[publisher, "10000"], idempotency_key=f"fill:{secrets.token_hex(4)}",
    )  # fmt: skip
    driven.settle()
    again = services.publish_epoch(actor=PLATFORM)
    assert again is not None
    assert again.number == failed.number
    driven.settle()
    assert _state(actor, made).state == WithdrawalState.CLAIMED


def test_paused_distributor_keeps_claims_and_the_payee_claims_again(driven: DrivenBridge, earner: Earner) -> None:
    from apps.onchain import services as onchain

    def ask(function: str) -> None:
        onchain.request_transaction(
            organisation_id=PLATFORM_ID, kind="test", contract="PayoutDistributor", function=function, args=[],
            idempotency_key=f"{function}:{secrets.token_hex(4)}",
        )  # fmt: skip
        # The pauser is the first signer's account; with one key alone the bridge sends everything from there.
        driven.restart(payouts_signer_key=None)
        driven.settle()
        driven.restart(payouts_signer_key=driven.chain.config.payouts_signer_key)

    actor = earner(1_000)
    made = _withdraw(actor, 1_000)
    with patch("apps.payouts.services.publishing.request_claims"):
        services.publish_epoch(actor=PLATFORM)
        driven.settle()
    ask("pause")
    epoch = Epoch.objects.order_by("-id")[0]
    with all_tenants(reason="tests"):
        services.claiming.request_claims(epoch)
    driven.settle()
    assert "EnforcedPause" in _state(actor, made).claim_problem
    ask("unpause")
    with tenant_scope(actor.organisation_id):
        services.claim_again(actor=actor, withdrawal_id=made)
        with pytest.raises(DomainError) as caught:
            services.claim_again(actor=actor, withdrawal_id=made)
    assert caught.value.code == "not_claimable"
    driven.settle()
    assert _state(actor, made).state == WithdrawalState.CLAIMED


def test_only_one_epoch_is_under_way(driven: DrivenBridge, earner: Earner) -> None:
    one, two = earner(1_000), earner(1_000)
    _withdraw(one, 100)
    services.publish_epoch(actor=PLATFORM)
    later = _withdraw(two, 100)
    with pytest.raises(DomainError) as caught:
        services.publish_epoch(actor=PLATFORM)
    assert caught.value.code == "epoch_under_way"
    assert services.publish_due_epoch() is None
    driven.settle()
    due = services.publish_due_epoch()
    assert due is not None
    assert due.number == 2
    driven.settle()
    assert _state(two, later).state == WithdrawalState.CLAIMED
    assert services.publish_due_epoch() is None


def test_reorganisation_before_depth_books_nothing_early_and_once_after(driven: DrivenBridge, earner: Earner) -> None:
    actor = earner(1_000)
    made = _withdraw(actor, 500)
    services.publish_epoch(actor=PLATFORM)
    driven.chain.mine(4)
    for _ in range(20):
        driven.bridge.round()
        outbox.drain()
        claim = ChainIntent.objects.filter(kind="payouts.claim", idempotency_key__contains=_state(actor, made).address)
        if claim.filter(transactions__state="mined").exists():
            break
        if not claim.exists():
            driven.chain.mine()
    else:
        pytest.fail("the claim was never mined")
    assert _tokens(driven, _state(actor, made).address) == 500 * 10_000
    assert _state(actor, made).state == WithdrawalState.CLAIMABLE
    driven.chain.reorg(1)
    assert _tokens(driven, _state(actor, made).address) == 0
    driven.settle()
    assert _state(actor, made).state == WithdrawalState.CLAIMED
    assert _tokens(driven, _state(actor, made).address) == 500 * 10_000
    assert _posted(actor, AccountKind.PAYABLE) == 0
    assert _own_differences(reconcile(), driven) == []


def test_proof_is_not_shown_before_its_epoch_is_published(driven: DrivenBridge, earner: Earner) -> None:
    actor = earner(1_000)
    made = _withdraw(actor, 500)
    with tenant_scope(actor.organisation_id), pytest.raises(DomainError) as caught:
        tree.claim_proof(actor, made)
    assert caught.value.code == "not_claimable"


def test_epoch_on_demand_is_for_staff(driven: DrivenBridge, earner: Earner) -> None:
    with pytest.raises(DomainError) as caught:
        services.publish_epoch(actor=earner(1_000))
    assert caught.value.code == "not_found"
