"""What an asset learns from the chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.assets import selectors, services
from apps.assets.errors import RegistrationNotRetryable
from apps.assets.types import AssetKind, ChainState
from apps.core import outbox
from apps.core.ids import uuid7
from apps.core.tenant import tenant_scope
from apps.onchain.events import ChainEventConfirmed, TransactionConfirmed, TransactionFailed
from apps.onchain.models import ChainIntent
from apps.tenancy.types import PLATFORM_ID

pytestmark = pytest.mark.django_db

TX = "0x" + "11" * 32
Release = Callable[..., Any]


def last_intent() -> ChainIntent:
    intent = ChainIntent.objects.filter(kind="assets.version").order_by("id").last()
    assert intent is not None
    return intent


def confirm(intent: ChainIntent, block_number: int = 7) -> None:
    outbox.publish(TransactionConfirmed(intent.id, intent.kind, intent.idempotency_key, TX, block_number))
    outbox.drain()


def fail(intent: ChainIntent) -> None:
    outbox.publish(TransactionFailed(intent.id, intent.kind, intent.idempotency_key, "reverted"))
    outbox.drain()


def test_a_confirmed_transaction_gives_the_version_its_proof(actor: Any, release: Release) -> None:
    version = release(actor)
    assert selectors.asset(version.asset_id).chain_state == ChainState.PENDING
    for _ in range(2):
        confirm(last_intent())
    proof = selectors.version(version.id).proof
    assert (proof.state, proof.tx_hash, proof.block_number) == (ChainState.REGISTERED, TX, 7)
    assert proof.token_id == version.asset_id.int
    assert selectors.asset(version.asset_id).chain_state == ChainState.REGISTERED


def test_a_failed_registration_says_why_and_can_be_asked_for_again(actor: Any, release: Release) -> None:
    version = release(actor)
    first = last_intent()
    fail(first)
    proof = selectors.version(version.id).proof
    assert (proof.state, proof.failure) == (ChainState.FAILED, "reverted")
    services.retry_registration(actor=actor, version_id=version.id)
    second = last_intent()
    assert (second.function, second.args) == (first.function, first.args)
    fail(first)  # the old attempt's late message changes nothing
    assert selectors.version(version.id).proof.state == ChainState.PENDING
    confirm(second)
    assert selectors.version(version.id).proof.state == ChainState.REGISTERED
    with pytest.raises(RegistrationNotRetryable):
        services.retry_registration(actor=actor, version_id=version.id)


def test_after_a_failed_first_registration_the_next_version_registers_the_asset(actor: Any, release: Release) -> None:
    version = release(actor)
    fail(last_intent())
    release(actor, asset_id=version.asset_id)
    assert last_intent().function == "register"


def test_the_registrys_own_event_is_kept_for_verification(actor: Any, release: Release) -> None:
    version = release(actor, kind=AssetKind.AGENT)
    with tenant_scope(PLATFORM_ID):
        outbox.publish(
            ChainEventConfirmed(
                contract="AssetRegistry",
                address="0x" + "22" * 20,
                event="VersionAdded",
                args={
                    "id": str(version.asset_id.int),
                    "version": "1",
                    "contentRoot": version.content_root,
                    "metadataHash": version.metadata_hash,
                    "contributionRoot": "0x" + "00" * 32,
                    "parents": [],
                    "parentWeightsBps": [],
                },
                tx_hash=TX,
                block_number=9,
                log_index=0,
            )
        )
    outbox.drain()
    verification = selectors.verify_version(version.id)
    assert verification.ok
    assert {check.name for check in verification.checks} >= {"chain.content_root", "chain.metadata_hash"}
    assert selectors.version(version.id).proof.block_number == 9


def test_events_of_other_contracts_and_unknown_assets_are_ignored(actor: Any, release: Release) -> None:
    version = release(actor)
    with tenant_scope(PLATFORM_ID):
        for contract, event in (("PayoutDistributor", "Claimed"), ("AssetRegistry", "Transfer")):
            outbox.publish(ChainEventConfirmed(contract, "0x", event, {"id": str(uuid7().int)}, TX, 9, 0))
    outbox.drain()
    assert selectors.version(version.id).proof.state == ChainState.PENDING
