"""An organisation is its linked wallet on chain, or an account whose address is known before it exists."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from eth_utils.address import to_checksum_address

from apps.accounts.models import Wallet
from apps.core.tenant import tenant_scope
from apps.onchain import holders, selectors, services
from apps.onchain.errors import ChainNotReady
from apps.onchain.models import CustodialAddress
from apps.onchain.types import IntentState
from chain_bridge import custody
from tests.apps.onchain.bridge_fixtures import DrivenBridge

pytestmark = pytest.mark.django_db(transaction=True)
MakeActor = Callable[..., Any]
WALLET = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def _link(organisation_id: uuid.UUID, address: str) -> None:
    with tenant_scope(organisation_id):
        Wallet.objects.create(tenant_id=organisation_id, address=address, proved_at=timezone.now())


def test_address_computed_offline_is_the_contracts(driven: DrivenBridge) -> None:
    factory = driven.chain.contracts["CustodyAccounts"]
    gateway = driven.chain.gateway
    implementation = gateway.read(factory, "accountImplementation")[0]
    assert custody.implementation_address(factory.address) == implementation
    for organisation_id in [uuid.UUID(int=0), uuid.UUID(int=1), uuid.UUID(int=(1 << 128) - 1), *_uuids(20)]:
        expected = gateway.read(factory, "accountOf", [custody.organisation_key(organisation_id)])[0]
        assert custody.account_address(factory.address, organisation_id) == expected


def _uuids(count: int) -> list[uuid.UUID]:
    return [uuid.uuid4() for _ in range(count)]


def test_organisation_without_wallet_is_its_custodial_address(driven: DrivenBridge, make_actor: MakeActor) -> None:
    organisation_id = make_actor().organisation_id
    address = holders.address_of(organisation_id)
    assert address == holders.custodial_address(organisation_id)
    assert holders.organisation_of(address.lower()) == organisation_id
    assert holders.is_custodial(address)
    with tenant_scope(organisation_id):
        assert CustodialAddress.objects.get().address == address


def test_organisation_with_a_linked_wallet_is_its_wallet(driven: DrivenBridge, make_actor: MakeActor) -> None:
    linked, other = make_actor().organisation_id, make_actor().organisation_id
    kept = holders.custodial_address(linked)
    address = to_checksum_address("0x" + uuid.uuid4().hex + "00000000")
    _link(linked, address)
    assert holders.addresses_of([linked, other]) == {linked: address, other: holders.custodial_address(other)}
    assert holders.organisation_of(address) == linked
    assert holders.organisation_of(kept) == linked
    assert not holders.is_custodial(address)


def test_address_of_nobody_stands_for_none(driven: DrivenBridge) -> None:
    assert holders.organisation_of("0x" + "34" * 20) is None


def test_custodial_address_needs_the_contracts(db: None, settings: Any, make_actor: MakeActor) -> None:
    settings.CHAIN = settings.CHAIN | {"chain_id": 424242424242}
    with pytest.raises(ChainNotReady):
        holders.address_of(make_actor().organisation_id)


def test_token_of_a_custodial_account_is_moved_by_it_and_by_nobody_else(
    driven: DrivenBridge, make_actor: MakeActor
) -> None:
    organisation_id = make_actor().organisation_id
    home = holders.address_of(organisation_id)
    driven.register_asset(organisation_id, 25_061, to=home)
    driven.settle()
    assert driven.owner_of(25_061) == home
    assert driven.chain.gateway.code(home) == b""
    moved = services.request_from_custody(
        organisation_id=organisation_id,
        kind="test.move",
        contract="AssetRegistry",
        function="transferFrom",
        args=[home, WALLET, "25061"],
        idempotency_key="move:61",
    )
    foreign = services.request_from_custody(
        organisation_id=make_actor().organisation_id,
        kind="test.move",
        contract="AssetRegistry",
        function="transferFrom",
        args=[home, WALLET, "25061"],
        idempotency_key="move:61",
    )
    driven.settle()
    assert selectors.intent(moved).state == IntentState.CONFIRMED
    assert selectors.intent(foreign).state == IntentState.FAILED
    assert driven.owner_of(25_061) == WALLET
    assert driven.chain.gateway.code(home) != b""
    assert driven.differences() == []


def test_custodial_address_that_is_not_the_contracts_is_found(driven: DrivenBridge, make_actor: MakeActor) -> None:
    organisation_id = make_actor().organisation_id
    driven.settle()
    with tenant_scope(organisation_id):
        CustodialAddress.objects.create(
            tenant_id=organisation_id,
            chain_id=driven.chain.config.chain_id,
            factory=driven.chain.contracts["CustodyAccounts"].address,
            address=WALLET,
        )
    (found,) = driven.differences()
    assert found.startswith(f"onchain.custody: the account of organisation {organisation_id}")


def test_nested_call_of_an_unknown_contract_fails_alone(driven: DrivenBridge, make_actor: MakeActor) -> None:
    bad = services.request_from_custody(
        organisation_id=make_actor().organisation_id,
        kind="test",
        contract="NoSuchContract",
        function="x",
        args=[],
        idempotency_key="bad",
    )
    driven.settle()
    assert "there is no contract NoSuchContract" in selectors.intent(bad).reason
