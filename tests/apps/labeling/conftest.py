"""Orders and annotators for the tests of the labelling room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling import services, uploads
from apps.labeling.appeal_models import Appeal
from apps.labeling.appeal_types import AppealState


@pytest.fixture
def requester(make_actor: Callable[..., Any]) -> Any:
    """The owner of a team that orders labels."""
    return make_actor()


@pytest.fixture
def people(make_actor: Callable[..., Any]) -> list[Any]:
    """Three annotators."""
    return [make_actor(personal=True) for _ in range(3)]


@pytest.fixture
def make_order(fund: Any) -> Callable[..., Any]:
    """`make_order(requester, items=4, gold=0, redundancy=2, price=4, launch=True, cents=100_000)`.

    Item n says "text n"; its true label is "spam" for odd n, else "ham". The first `gold` items are check questions.
    """

    def make(
        requester: Any,
        *,
        items: int = 4,
        gold: int = 0,
        redundancy: int = 2,
        price: int = 4,
        launch: bool = True,
        cents: int = 100_000,
        title: str = "Spam or ham",
    ) -> Any:
        rows = [
            {"id": f"n{n}", "text": f"text {n}", "label": truth(f"text {n}"), "gold": "yes" if n < gold else ""}
            for n in range(items)
        ]
        with tenant_scope(requester.organisation_id):
            order = services.create_order(
                actor=requester,
                title=title,
                instruction="Is the message **spam**?",
                classes=["ham", "spam"],
                price=Money(price),
                redundancy=redundancy,
                table=uploads.read_rows(rows),
            )
            if launch:
                fund(requester.organisation_id, cents)
                order = services.launch_order(actor=requester, order_id=order.id)
        return order

    return make


def truth(text: str) -> str:
    """The true label of "text n"."""
    return "spam" if int(text.split()[-1]) % 2 else "ham"


def wrong(text: str) -> str:
    """The other label."""
    return "ham" if truth(text) == "spam" else "spam"


@pytest.fixture
def work(db: None) -> Callable[..., int]:
    """`work(annotator, order, answer=truth, limit=None)`: label tasks until none is left; how many were."""

    def run(annotator: Any, order: Any, answer: Callable[[str], str] = truth, limit: int | None = None) -> int:
        done = 0
        with tenant_scope(annotator.organisation_id):
            while limit is None or done < limit:
                wanted = 10 if limit is None else min(10, limit - done)
                batch = services.lease_tasks(actor=annotator, order_id=order.id, count=wanted)
                for task in batch.tasks:
                    services.submit_annotation(
                        actor=annotator,
                        assignment_id=task.assignment_id,
                        answer={"label": answer(task.data["text"])},
                        elapsed_ms=900,
                    )
                done += len(batch.tasks)
                if not batch.tasks:
                    break
        return done

    return run


def close_other_appeals() -> None:
    """Reviewers are given whichever appeal has waited longest: close those that other tests left open."""
    with all_tenants(reason="test"):
        Appeal.objects.filter(state=AppealState.OPEN).update(state=AppealState.DISMISSED)
