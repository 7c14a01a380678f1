"""Web and workers learn from the bridge whether there is code at an address."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.core.models import OutboxEvent
from apps.onchain import selectors, services
from apps.onchain.models import AddressCheck
from tests.apps.onchain.bridge_fixtures import DrivenBridge

pytestmark = pytest.mark.django_db(transaction=True)


def _told(address: str) -> list[dict[str, Any]]:
    rows = OutboxEvent.objects.filter(type="onchain.AddressChecked", payload__address=address)
    return [row.payload for row in rows]


def test_bridge_tells_contracts_from_wallets(driven: DrivenBridge) -> None:
    contract = driven.chain.contracts["AssetRegistry"].address
    wallet = "0x" + uuid.uuid4().hex + "00000000"
    assert services.request_address_check(contract.lower()).has_code is None
    asked = services.request_address_check(wallet)
    driven.bridge.round()
    found = selectors.address_check(contract)
    assert found is not None
    assert found.has_code
    other = selectors.address_check(asked.address)
    assert other is not None
    assert other.has_code is False
    assert _told(asked.address) == [{"address": asked.address, "has_code": False}]
    driven.bridge.round()
    assert len(_told(asked.address)) == 1


def test_wallet_that_lends_itself_a_contracts_code_is_a_wallet(driven: DrivenBridge) -> None:
    wallet = "0x" + uuid.uuid4().hex + "00000000"
    driven.chain.gateway.development("anvil_setCode", wallet, "0xef0100" + "12" * 20)
    asked = services.request_address_check(wallet)
    driven.bridge.round()
    assert _told(asked.address) == [{"address": asked.address, "has_code": False}]


def test_answer_is_asked_for_again_when_it_is_old(driven: DrivenBridge) -> None:
    address = driven.chain.contracts["PayoutToken"].address
    services.request_address_check(address)
    driven.bridge.round()
    fresh = services.request_address_check(address)
    assert fresh.checked_at is not None
    old = timezone.now() - services.CHECK_LASTS - timedelta(seconds=1)
    AddressCheck.objects.filter(chain_id=driven.config.chain_id, address=address).update(checked_at=old)
    again = services.request_address_check(address)
    assert (again.has_code, again.checked_at) == (True, None)


def test_address_that_nobody_asked_about_is_unknown(driven: DrivenBridge) -> None:
    assert selectors.address_check("0x" + "56" * 20) is None
