"""Platform against chain: every difference is found, named, stored and printed; what is on its way is none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command

from apps.onchain import comparison, reconciliation, selectors
from apps.onchain.comparison import ChainReader
from apps.onchain.models import ChainContract, ChainEvent, ChainReconciliation, ChainTransaction
from apps.onchain.reconciliation import ReadAtBlock, in_background, reconcile, reconcile_regularly
from apps.onchain.types import TransactionState
from chain_bridge.config import BridgeConfig
from chain_bridge.errors import UnknownContract
from sahara_platform.embedded.process import wait_until
from tests.apps.onchain.bridge_fixtures import DrivenBridge

pytestmark = pytest.mark.django_db(transaction=True)
MakeActor = Callable[..., Any]
ROOT = "0x" + "11" * 32


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, comparison.Comparison], None]:
    """`register(name, comparison)` for this test only; other apps' comparisons are their own tests' matter."""
    monkeypatch.setattr(comparison, "_comparisons", {})

    def add(name: str, function: comparison.Comparison) -> None:
        comparison.comparison(name)(function)

    return add


def _found(driven: DrivenBridge) -> list[str]:
    return driven.differences()


@pytest.mark.usefixtures("register")
def test_agreement_is_stored_with_every_check_and_the_block(driven: DrivenBridge, make_actor: MakeActor) -> None:
    driven.register_asset(make_actor().organisation_id, 24_001)
    driven.set_root(ROOT)
    driven.settle()
    result = reconcile(driven.config, driven.chain.contracts, pause_s=0)
    assert result.agrees
    assert set(result.checks) >= {"onchain.transactions", "onchain.nonces", "onchain.events", "onchain.distributor"}
    assert result.block == driven.chain.gateway.head().number - driven.config.confirmations
    assert selectors.latest_reconciliation() == result


@pytest.mark.usefixtures("register")
def test_every_kind_of_difference_is_named(driven: DrivenBridge, make_actor: MakeActor) -> None:
    intent_id = driven.register_asset(make_actor().organisation_id, 24_002)
    driven.settle()
    row = ChainTransaction.objects.get(intent_id=intent_id)
    changes: list[tuple[dict[str, Any], str]] = [
        ({"block_hash": "0x00"}, "recorded in 0x00"),
        ({"state": TransactionState.REVERTED}, "the chain says otherwise"),
        ({"tx_hash": "0x" + "22" * 32}, "is final here and not on the chain"),
    ]
    for change, words in changes:
        ChainTransaction.objects.filter(id=row.id).update(**change)
        (sentence,) = _found(driven)
        assert sentence.startswith("onchain.transactions: ")
        assert words in sentence
        ChainTransaction.objects.filter(id=row.id).update(
            tx_hash=row.tx_hash, block_hash=row.block_hash, state=row.state
        )
    lane = driven.lane()
    type(lane).objects.filter(id=lane.id).update(next_nonce=lane.next_nonce + 1)
    assert "the next here is" in _found(driven)[0]
    type(lane).objects.filter(id=lane.id).update(next_nonce=lane.next_nonce)
    event = ChainEvent.objects.get(chain_id=driven.config.chain_id, args__id="24002", event="VersionAdded")
    ChainEvent.objects.filter(id=event.id).update(log_index=99)
    assert [sentence.split(": ")[0] for sentence in _found(driven)] == ["onchain.events"] * 2
    ChainEvent.objects.filter(id=event.id).update(log_index=event.log_index)
    assert _found(driven) == []


@pytest.mark.usefixtures("register")
def test_contracts_own_figures_are_compared_with_their_events(driven: DrivenBridge) -> None:
    driven.settle()
    facts: dict[str, Any] = {
        "chain_id": driven.config.chain_id,
        "block_number": 1,
        "tx_hash": "0x",
        "state": "confirmed",
    }
    invented = {
        "PayoutDistributor": ("Claimed", {"payee": "0x" + "11" * 20, "amount": "5", "cumulativeAmount": "5"}),
        "LedgerAnchor": ("HeadCommitted", {"number": "3", "head": ROOT}),
    }
    for index, (contract, (event, args)) in enumerate(invented.items()):
        address = driven.chain.contracts[contract].address
        ChainEvent.objects.create(
            contract=contract, address=address, event=event, args=args, block_hash="0x", log_index=index, **facts
        )
    root = {"previousRoot": "0x", "root": ROOT, "amount": "5"}
    address = driven.chain.contracts["PayoutDistributor"].address
    ChainEvent.objects.create(
        contract="PayoutDistributor",
        address=address,
        event="RootPublished",
        args=root,
        block_hash="0x",
        log_index=9,
        **facts,
    )
    found = [sentence for sentence in _found(driven) if not sentence.startswith("onchain.events")]
    assert [sentence.split(": ")[0] for sentence in found] == ["onchain.distributor"] * 2 + ["onchain.anchor"]


def test_comparisons_of_other_apps_read_the_chain_as_of_what_counts(
    driven: DrivenBridge, make_actor: MakeActor, register: Callable[[str, comparison.Comparison], None]
) -> None:
    driven.register_asset(make_actor().organisation_id, 24_003)
    driven.settle()

    def owners(chain: ChainReader) -> Iterator[str]:
        owner = chain.read("AssetRegistry", "ownerOf", "24003")[0]
        yield f"{owner} on chain {chain.chain_id} at {chain.address('AssetRegistry')} in {chain.block}"

    register("test.owners", owners)
    (sentence,) = _found(driven)
    assert sentence.startswith(f"test.owners: {driven.lane().address} on chain {driven.config.chain_id}")
    with pytest.raises(UnknownContract):
        ReadAtBlock(driven.config, driven.chain.contracts).address("NoSuchContract")


def test_what_goes_away_by_itself_is_no_difference(
    driven: DrivenBridge, register: Callable[[str, comparison.Comparison], None]
) -> None:
    looks: list[int] = []

    def passing(_: ChainReader) -> Iterator[str]:
        looks.append(1)
        yield "this one stays"
        if len(looks) == 1:
            yield "this one is on its way"

    driven.settle()
    register("test.passing", passing)
    result = reconcile(driven.config, driven.chain.contracts, pause_s=0)
    assert result.differences == ["test.passing: this one stays"]
    assert result.checks["test.passing"] == 1
    assert not result.agrees


@pytest.mark.usefixtures("register")
def test_command_prints_each_difference_and_fails_where_there_is_one(
    driven: DrivenBridge, make_actor: MakeActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven.register_asset(make_actor().organisation_id, 24_004)
    driven.settle()
    config, out = driven.config, StringIO()
    values = {
        "CHAIN_RPC_URL": config.rpc_url,
        "CHAIN_ID": str(config.chain_id),
        "CHAIN_ADDRESSES_FILE": str(config.addresses_file),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CHAIN_SIGNER_KEY", raising=False)  # comparing needs no key
    monkeypatch.setattr(reconciliation, "PAUSE_S", 0)
    call_command("reconcile_chain", stdout=out)
    assert "The platform and the chain agree." in out.getvalue()
    ChainEvent.objects.filter(chain_id=config.chain_id, args__id="24004", event="VersionAdded").delete()
    with pytest.raises(CommandError, match="1 differences"):
        call_command("reconcile_chain", stdout=out)
    assert "AssetRegistry.VersionAdded in block" in out.getvalue()


@pytest.mark.usefixtures("register")
def test_chain_that_was_never_read_has_nothing_to_compare(driven: DrivenBridge) -> None:
    fresh = driven.config.model_copy(update={"chain_id": driven.config.chain_id})
    ChainContract.objects.filter(chain_id=fresh.chain_id).delete()
    from apps.onchain.models import ChainCursor

    ChainCursor.objects.filter(chain_id=fresh.chain_id).delete()
    reader = ReadAtBlock(fresh, driven.chain.contracts)
    assert reader.block == -1
    assert list(reconciliation._events(reader)) == []


def _run_for(
    config: BridgeConfig, driven: DrivenBridge, seconds: float, until: Callable[[], bool] | None = None
) -> None:
    """Run it so long; or until something holds, then only as long as that takes."""
    stop = threading.Event()
    thread = threading.Thread(target=reconcile_regularly, args=(config, driven.chain.contracts, stop))
    thread.start()
    stop.wait(seconds)
    if until is not None:
        wait_until(until, timeout_s=60, what="It did not happen")
    stop.set()
    thread.join(timeout=60)
    assert not thread.is_alive()


@pytest.mark.usefixtures("register")
def test_schedule_compares_once_an_interval_and_outlives_any_trouble(
    driven: DrivenBridge, make_actor: MakeActor, register: Callable[[str, comparison.Comparison], None]
) -> None:
    driven.settle()
    mine = ChainReconciliation.objects.filter(chain_id=driven.config.chain_id)
    often = driven.config.model_copy(update={"reconcile_interval_s": 0.05})
    down = often.model_copy(update={"rpc_url": "http://127.0.0.1:1", "rpc_timeout_s": 0.2})
    with patch.object(reconciliation, "PAUSE_S", 0):
        _run_for(down, driven, 0.3)
        assert not mine.exists()
        with patch.object(reconciliation, "_is_due", side_effect=RuntimeError("impossible")):
            _run_for(often, driven, 0.2)
        assert not mine.exists()
        register("test.always", lambda _: iter(["different"]))
        with patch.object(reconciliation, "reconcile", lambda *a: reconcile(*a, pause_s=0)):
            _run_for(often, driven, 0.1, until=mine.exists)
        assert mine.exists()
        count = mine.count()
        with patch.object(reconciliation, "FIRST_RUN_AFTER_S", 0.05):
            _run_for(driven.config, driven, 0.3)
        assert mine.count() == count  # within the hour it is not due again


def test_schedule_can_be_left_to_the_command(driven: DrivenBridge) -> None:
    stop = threading.Event()
    stop.set()
    never = driven.config.model_copy(update={"reconcile_interval_s": 0.0})
    assert in_background(never, driven.chain.contracts, stop) is None
    thread = in_background(driven.config, driven.chain.contracts, stop)
    assert thread is not None
    thread.join(timeout=60)
    assert not thread.is_alive()
