"""Checkpoints are made when something changed, told to the chain, and never twice."""

from __future__ import annotations

import pytest

from apps.core.tenant import all_tenants
from apps.ledger import services, tasks
from apps.ledger.handlers import on_chain_event_confirmed
from apps.ledger.models import Checkpoint, Commitment
from apps.ledger.services import checkpoints
from apps.ledger.types import CheckpointInfo
from apps.onchain import selectors as chain
from apps.onchain.events import ChainEventConfirmed
from apps.onchain.models import ChainContract, ChainIntent


def checkpoint() -> CheckpointInfo:
    made = services.make_checkpoint()
    assert made is not None
    return made


def test_a_checkpoint_follows_the_one_before_and_covers_what_changed(actor, fund):
    fund(actor.organisation_id, 10)
    first = checkpoint()
    assert checkpoint().number == first.number
    fund(actor.organisation_id, 10)
    second = checkpoint()
    assert second.number == first.number + 1
    assert second.accounts == 2
    assert bytes(Checkpoint.objects.get(number=second.number).previous) == first.digest


def test_a_ledger_without_transfers_has_no_checkpoint(db, monkeypatch):
    """A fresh database cannot be had among other tests: the query is replaced by one that finds nothing."""
    monkeypatch.setattr(checkpoints, "CHANGED", "SELECT id, sequence, head FROM ledger_account WHERE false")
    monkeypatch.setattr(Checkpoint, "objects", Checkpoint.objects.none())
    assert services.make_checkpoint() is None


def test_without_the_anchor_contract_nothing_is_asked_of_the_chain(actor, fund, monkeypatch):
    monkeypatch.setattr(chain, "contract_addresses", dict)
    fund(actor.organisation_id, 10)
    tasks.make_checkpoint()
    with all_tenants(reason="test"):
        number = Checkpoint.objects.order_by("-number")[0].number
        assert not ChainIntent.objects.filter(idempotency_key__endswith=f":{number}", kind="ledger.checkpoint").exists()


def test_a_checkpoint_is_asked_for_once_and_known_when_confirmed(actor, fund):
    ChainContract.objects.get_or_create(
        chain_id=chain.chain_id(), name="LedgerAnchor", defaults={"address": "0x" + "a1" * 20, "block": 1}
    )
    fund(actor.organisation_id, 10)
    made = checkpoint()
    assert (checkpoint().number, made.block_number) == (made.number, None)
    with all_tenants(reason="test"):
        [intent] = ChainIntent.objects.filter(
            kind="ledger.checkpoint", args=[str(made.number), f"0x{made.digest.hex()}"]
        )
    assert (intent.contract, intent.function) == ("LedgerAnchor", "commit")
    event = ChainEventConfirmed(
        contract="LedgerAnchor",
        address="0x" + "a1" * 20,
        event="HeadCommitted",
        args={"number": str(made.number), "head": f"0x{made.digest.hex()}"},
        tx_hash="0x" + "22" * 32,
        block_number=77,
        log_index=0,
    )
    on_chain_event_confirmed(event)
    on_chain_event_confirmed(event)
    assert Commitment.objects.filter(number=made.number).count() == 1
    assert (checkpoint().tx_hash, checkpoint().block_number) == ("0x" + "22" * 32, 77)


@pytest.mark.parametrize(("contract", "name"), [("LedgerAnchor", "RoleGranted"), ("AssetShares", "HeadCommitted")])
def test_other_events_are_not_commitments(db, contract, name):
    before = Commitment.objects.count()
    on_chain_event_confirmed(ChainEventConfirmed(contract, "0x1", name, {}, "0x2", 1, 0))
    assert Commitment.objects.count() == before
