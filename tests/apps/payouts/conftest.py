"""Fixtures of the payouts' tests."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from apps.accounts.services import set_wallet
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.payouts.models import Epoch, Withdrawal
from apps.payouts.types import EpochState, WithdrawalState
from apps.tenancy.services import create_organisation
from apps.tenancy.types import PLATFORM_ID, Actor, Role
from tests.apps.onchain.bridge_fixtures import driven
from tests.apps.payouts.chain_index import ChainIndex

__all__ = ["driven", "earner", "index", "limits", "staff"]


@pytest.fixture
def staff(make_actor: Callable[..., Any]) -> Callable[[], Actor]:
    """`staff()`: another member of the platform's staff each time."""
    return lambda: replace(make_actor(name="Staff", personal=True), is_staff=True)


@pytest.fixture
def limits(settings: Any) -> Callable[..., None]:
    """`limits(approval_minor=…, …)`: the limits of this test."""

    def make(**changed: Any) -> None:
        settings.PAYOUTS = settings.PAYOUTS | changed

    return make


@pytest.fixture
def index(db: None, settings: Any) -> ChainIndex:
    """An index of events on a chain of the test's own; what other tests left waiting is out of the way."""
    made = ChainIndex()
    settings.CHAIN = settings.CHAIN | {"chain_id": made.chain_id}
    with all_tenants(reason="tests"):
        gone = Epoch.objects.create(
            chain_id=1, distributor="0x" + secrets.token_hex(20), number=1, root="0x", payees=0, added=0,
            cumulative_total=0, state=EpochState.PUBLISHED,
        )  # fmt: skip
        Withdrawal.objects.filter(state=WithdrawalState.WAITING).update(state=WithdrawalState.PUBLISHING, epoch=gone)
    return made


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
