"""Withdrawals, what became of them, and the rounds that pay them, for the tests of settling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.core.errors import DomainError
from apps.core.money import Money, TokenAmount
from apps.core.tenant import tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from apps.payouts import selectors, services
from apps.payouts.models import Epoch
from apps.payouts.reconciliation import reconcile
from apps.tenancy.types import PLATFORM_ID, Actor
from tests.apps.payouts.chain_index import ChainIndex

Earner = Callable[..., Actor]
Staff = Callable[[], Actor]
PLATFORM = Actor.system(PLATFORM_ID)


def withdraw(actor: Actor, cents: int) -> Any:
    with tenant_scope(actor.organisation_id):
        return services.request_withdrawal(actor=actor, amount=Money(cents))


def info(actor: Actor, made: Any) -> Any:
    with tenant_scope(actor.organisation_id):
        return selectors.withdrawal(actor, made.id)


def books(actor: Actor) -> tuple[int, int]:
    """Cents of earnings, and raw tokens owed."""
    earned = ledger.balance(AccountRef(actor.organisation_id, AccountKind.EARNINGS, "USD")).posted
    owed = ledger.balance(AccountRef(actor.organisation_id, AccountKind.PAYABLE, "TUSD")).posted
    assert isinstance(earned, Money)
    assert isinstance(owed, TokenAmount)
    return earned.minor, owed.raw


def newest(index: ChainIndex) -> Epoch:
    return Epoch.objects.filter(distributor=index.distributor).order_by("-id")[0]


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(DomainError) as caught:
        call(**arguments)
    return caught.value.code


def claimed(index: ChainIndex, actor: Actor, cents: int = 400) -> tuple[Any, Any, Any]:
    """A withdrawal that was published and claimed, with both events."""
    made = withdraw(actor, cents)
    services.publish_epoch(actor=PLATFORM)
    root = index.publish()
    return made, root, index.claim(made.address)


def own_differences(index: ChainIndex) -> list[str]:
    return [difference.what for difference in reconcile().differences if index.distributor in difference.what]
