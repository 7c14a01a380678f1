"""Orders with a machine that looks at made-up embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services, uploads
from apps.labeling.models import Order
from apps.labeling.services import machine
from apps.labeling.terms import Terms
from tests.apps.labeling.machine.orders.driving import CLASSES, FakeSource


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSource]:
    found = FakeSource()
    monkeypatch.setattr(machine, "source_of", lambda *_: found)
    yield found


@pytest.fixture
def machine_order(fund: Any) -> Callable[..., Order]:
    """`machine_order(requester, items=400, gold=0, target=None, budget=None, **machine)`: launched, its machine on."""

    def make(
        requester: Any,
        *,
        items: int = 400,
        gold: int = 0,
        redundancy: int = 1,
        target: float | None = None,
        budget: int | None = None,
        **machine: Any,
    ) -> Order:
        rows = [
            {"id": f"n{n}", "text": f"{CLASSES[n % 3]} {n}", "label": CLASSES[n % 3], "gold": "yes" if n < gold else ""}
            for n in range(items)
        ]
        with tenant_scope(requester.organisation_id):
            order = services.draft_with(
                actor=requester,
                settings=services.DraftSettings({"mode": "assist"} | machine),
                draft=lambda: services.create_order(
                    actor=requester,
                    title="Three kinds",
                    instruction="Which kind is it?",
                    classes=CLASSES,
                    price=Money(4),
                    redundancy=redundancy,
                    table=uploads.read_rows(rows),
                    terms=Terms(budget=Money(budget) if budget is not None else None),
                ),
            )
            if target is not None:
                order = services.set_target(actor=requester, order_id=order.id, target=target)
            fund(requester.organisation_id, 100_000)
            return services.launch_order(actor=requester, order_id=order.id)

    return make
