"""The golden path on real processes, and what of it survives a killed supervisor."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.golden_path.texts import OWN_EXAMPLE
from sahara import Client
from tests.flows.conftest import Platform

pytestmark = pytest.mark.timeout(900)


def test_the_golden_path_holds_and_survives_a_killed_supervisor(
    platform: Platform, sign_up: Callable[[], Client], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    options = ("--limit", "48", "--data", str(OWN_EXAMPLE), "--report", str(report))
    done = platform.execute("-m", "examples.golden_path", *options, timeout_s=700)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    told = json.loads(report.read_text())
    assert told["ok"]
    assert [step["number"] for step in told["steps"]] == [1, 2, 3, 4, 5, 6, 7]
    assert sum(len(step["invariants"]) for step in told["steps"]) > 50

    platform.kill()
    platform.start()
    client = sign_up()
    books = client.ledger.trial_balance()
    assert not any(books.sums.values())
    assert books.accounts_that_differ_from_their_transfers == []
    reconciliation = client.payouts.reconciliation()
    assert reconciliation.agrees
    assert reconciliation.claimed_on_chain_raw > 0
    [listing] = [one for one in client.marketplace.search("Duneline desk") if told["run"] in one.name]
    assert client.assets.verify(listing.asset_id).ok
    assert len(client.assets.lineage(listing.asset_id).nodes) == 4
