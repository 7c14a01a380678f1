"""Fixtures of the payouts' tests."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from apps.accounts.services import set_wallet
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.tenancy.services import create_organisation
from apps.tenancy.types import PLATFORM_ID, Actor, Role
from tests.apps.onchain.bridge_fixtures import driven

__all__ = ["driven", "earner"]


@pytest.fixture
def earner(make_actor: Callable[..., Any]) -> Callable[..., Actor]:
    """`earner(cents=…, wallet=True | False | "0x…")`: an organisation that has earned, with a wallet.

    One user owns them all: making users is slow, on purpose.
    """
    owner: list[Any] = []

    def make(cents: int = 1_000, wallet: bool | str = True) -> Actor:
        if not owner:
            owner.append(make_actor(name="Earner").user_id)
        organisation = create_organisation(user_id=owner[0], name=f"Earner {secrets.token_hex(4)}")
        actor = Actor(owner[0], organisation.id, Role.OWNER)
        ledger.transfer(
            debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
            credit=AccountRef(actor.organisation_id, AccountKind.EARNINGS, "USD"),
            amount=Money(cents),
            idempotency_key=f"test-earned:{secrets.token_hex(8)}",
            reason="Label accepted",
            source=SourceRef("labeling.annotation", "1", {"url": "/work/1/"}),
        )
        if wallet:
            address = wallet if isinstance(wallet, str) else to_checksum_address("0x" + secrets.token_hex(20))
            with tenant_scope(actor.organisation_id):
                set_wallet(actor=actor, address=address)
        return actor

    return make
