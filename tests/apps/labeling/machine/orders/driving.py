"""Drive an order with a machine: embeddings made up from the text, people who work until it ends, its money."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from apps.core import outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.errors import OrderNotOpen
from apps.labeling.machine.pool import Pool
from apps.labeling.machine_types import MachineFigures
from apps.labeling.models import Order
from apps.labeling.selectors.machine import machine_figures
from apps.labeling.selectors.orders import quote_of
from apps.labeling.slots import in_use
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef

CLASSES = ["alpha", "beta", "gamma"]


def vector_of(text: str, noise: float = 0.12) -> Any:
    """A made-up embedding: "beta 17" lies near the others of beta."""
    name, number = text.split()
    middles = np.random.default_rng(99).normal(size=(4, 24))
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    place = CLASSES.index(name) if name in CLASSES else 3
    found = middles[place] + noise * np.random.default_rng(int(number)).normal(size=24)
    return found / np.linalg.norm(found)


@dataclass
class FakeSource:
    """Embeddings without a runner; `fault` is raised instead."""

    name: str = "made-up embeddings"
    version_id: UUID | None = None
    batch: int = 100
    fault: Exception | None = None
    calls: int = 0

    def rows(self, texts: Sequence[str]) -> Any:
        self.calls += 1
        if self.fault is not None:
            raise self.fault
        return np.array([vector_of(text) for text in texts], dtype=np.float32)

    def pool(self, rows: Any, texts: Sequence[str]) -> Pool:
        return Pool.of(rows)


def truth(text: str) -> str:
    return text.split()[0]


def drive(
    order: Order,
    annotators: Sequence[Any],
    work: Any,
    answer: Callable[[str], str] = truth,
    rounds: int = 40,
    check: Callable[[Order], None] = lambda _: None,
) -> Order:
    """Let people work and the schedule run until the order ends; the order as it is then.

    Args:
        check: called with the order after each step.
    """
    for _ in range(rounds):
        services.advance_machines()
        check(order)
        for annotator in annotators:
            with contextlib.suppress(OrderNotOpen):
                work(annotator, order, answer, limit=30)
        outbox.drain()
        services.plan_due_orders()
        services.end_due_orders()
        check(order)
        order = fresh(order)
        if order.state != "running":
            break
    outbox.drain()
    return fresh(order)


def fresh(order: Order) -> Order:
    with tenant_scope(order.tenant_id):
        return Order.objects.get(id=order.id)


def figures_of(order: Order) -> MachineFigures:
    with tenant_scope(order.tenant_id):
        found = machine_figures(order)
    assert found is not None
    return found


def held(requester: Any) -> Money:
    found = ledger.balance(AccountRef(requester.organisation_id, AccountKind.CASH, "USD")).held
    assert isinstance(found, Money)
    return found


def earned(annotator: Any) -> Money:
    found = ledger.balance(AccountRef(annotator.organisation_id, AccountKind.EARNINGS, "USD")).available
    assert isinstance(found, Money)
    return found


def within_budget(order: Order) -> None:
    """No more labels are given, lent and offered than the order's money pays for."""
    with tenant_scope(order.tenant_id):
        affordable = quote_of(Order.objects.get(id=order.id)).affordable
        assert in_use(order.id).labels <= affordable


def hold_id_of(order: Order) -> UUID:
    """The hold that pays for a launched order."""
    assert order.hold_id is not None
    return order.hold_id
