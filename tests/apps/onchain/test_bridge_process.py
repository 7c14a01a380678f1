"""The bridge process: it outlives its node, says what is wrong, and stops when told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db.models import QuerySet

from apps.core.tenant import all_tenants
from apps.onchain import selectors
from apps.onchain.bridge import Bridge
from apps.onchain.models import ChainCursor, ChainIntent, ChainTransaction
from apps.onchain.types import IntentState
from chain_bridge.config import BridgeConfig
from chain_bridge.errors import ChainMismatch
from tests.apps.onchain.bridge_fixtures import DrivenBridge
from tests.chain_bridge.chain_fixtures import start_anvil

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[3]
MakeActor = Callable[..., Any]


def _environment(config: BridgeConfig) -> dict[str, str]:
    return {
        **os.environ,
        "CHAIN_RPC_URL": config.rpc_url,
        "CHAIN_ID": str(config.chain_id),
        "CHAIN_SIGNER_KEY": config.signer_key.get_secret_value(),
        "CHAIN_PAYOUTS_SIGNER_KEY": config.payouts_signer_key.get_secret_value() if config.payouts_signer_key else "",
        "CHAIN_ADDRESSES_FILE": str(config.addresses_file),
        "CHAIN_CONFIRMATIONS": str(config.confirmations),
        "CHAIN_POLL_INTERVAL_S": "0.05",
    }


@contextmanager
def _process(config: BridgeConfig) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "manage.py", "run_bridge"]
    with subprocess.Popen(
        command, cwd=ROOT, env=_environment(config), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def _at_least(rows: QuerySet[ChainTransaction], wanted: int) -> bool:
    return rows.count() >= wanted


def test_process_sends_and_stops_at_sigterm(driven: DrivenBridge, make_actor: MakeActor) -> None:
    intent_id = driven.register_asset(make_actor().organisation_id, 21)
    with _process(driven.chain.config) as process:
        _wait(lambda: ChainTransaction.objects.filter(intent_id=intent_id, state="mined").exists())
        driven.chain.mine(2)
        _wait(lambda: selectors.intent(intent_id).state == IntentState.CONFIRMED)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "The chain bridge has stopped." in output
    assert driven.chain.config.signer_key.get_secret_value() not in output


def test_process_killed_again_and_again_sends_everything_once(driven: DrivenBridge, make_actor: MakeActor) -> None:
    organisation_id = make_actor().organisation_id
    intents = [driven.register_asset(organisation_id, 3_000 + number) for number in range(40)]
    done = ChainTransaction.objects.filter(intent_id__in=intents)
    for kills in range(2):
        with _process(driven.chain.config) as process:
            wanted = min(done.count() + 1, len(intents))
            _wait(partial(_at_least, done, wanted))
            time.sleep(0.05 * kills)
            process.kill()
        driven.chain.mine(1)
    driven.restart()
    driven.settle()
    with all_tenants(reason="tests"):
        assert {row.state for row in ChainIntent.objects.filter(id__in=intents)} == {IntentState.CONFIRMED}
    nonces = sorted(done.values_list("nonce", flat=True))
    assert nonces == list(range(nonces[0], nonces[0] + 40))


def test_missing_settings_are_named(driven: DrivenBridge) -> None:
    environment = _environment(driven.chain.config)
    del environment["CHAIN_SIGNER_KEY"]
    command = [sys.executable, "manage.py", "run_bridge"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "CHAIN_SIGNER_KEY" in result.stderr


def test_bridge_waits_for_a_node_that_is_down_and_goes_on(driven: DrivenBridge, make_actor: MakeActor) -> None:
    config = driven.chain.config.model_copy(update={"rpc_url": "http://127.0.0.1:1"})
    driven.bridge.round()
    stop = threading.Event()
    bridge = Bridge(config)
    stopper = threading.Timer(1.0, stop.set)
    stopper.start()
    bridge.run(stop)
    state = selectors.chain_status()
    assert not state.healthy
    assert "127.0.0.1:1" in state.message
    intent_id = driven.register_asset(make_actor().organisation_id, 22)
    driven.settle()
    assert selectors.intent(intent_id).state == IntentState.CONFIRMED
    assert selectors.chain_status().healthy


def test_chain_that_was_reset_stops_the_sending_with_a_clear_message(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    driven.register_asset(make_actor().organisation_id, 23)
    driven.settle()
    with start_anvil(chain_id=driven.chain.config.chain_id) as other:
        bridge = Bridge(driven.chain.config.model_copy(update={"rpc_url": other}))
        with pytest.raises(ChainMismatch, match="it was reset"):
            bridge.check_chain()
    with start_anvil(chain_id=1) as other:
        bridge = Bridge(driven.chain.config.model_copy(update={"rpc_url": other}))
        with pytest.raises(ChainMismatch, match="serves chain 1"):
            bridge.check_chain()


def test_status_without_heartbeat_is_unhealthy(driven: DrivenBridge) -> None:
    ChainCursor.objects.filter(chain_id=driven.chain.config.chain_id).update(beat_at=None)
    state = selectors.chain_status()
    assert not state.healthy
    assert "not running" in state.message
