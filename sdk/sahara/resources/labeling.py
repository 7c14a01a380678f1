"""Ordering labels, and giving them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sahara.models import Annotation, LeaseBatch, Order, Task
from sahara.resources.base import Id, Resource
from sahara.waiting import wait_for

FINAL_ORDER_STATES = ("finished", "cancelled")


class OrdersResource(Resource):
    """Orders of the organisation."""

    def create(
        self,
        *,
        title: str,
        instruction: str,
        rows: Sequence[Mapping[str, Any]],
        price_minor: int,
        classes: Sequence[str] = (),
        design: Mapping[str, Any] | None = None,
        redundancy: int = 3,
        gold_percent: int = 10,
        gold_rows: Sequence[Mapping[str, Any]] | None = None,
        idempotency_key: str | None = None,
    ) -> Order:
        """Draft an order.

        Args:
            rows: a value for each input, optionally `id` and one for each control: the known answer. A share of the
                rows with a known answer become hidden check questions.
            classes: the choices of the plain text classification, with the input `text` and the control `label`.
            design: instead, `{inputs, controls}`: whatever the tasks are to show and ask.
            price_minor: pay for an accepted label, in cents.
        """
        body: dict[str, Any] = {
            "title": title,
            "instruction": instruction,
            "rows": [dict(row) for row in rows],
            "price_minor": price_minor,
            "redundancy": redundancy,
            "gold_percent": gold_percent,
        }
        if design is not None:
            body["design"] = dict(design)
        else:
            body["classes"] = list(classes)
        if gold_rows is not None:
            body["gold_rows"] = [dict(row) for row in gold_rows]
        return Order.model_validate(self.transport.post("orders/", body, idempotency_key=idempotency_key))

    def get(self, order_id: Id) -> Order:
        """One order with its progress."""
        return Order.model_validate(self.transport.get(f"orders/{order_id}/"))

    def list(self) -> Iterator[Order]:
        """The organisation's orders, newest first."""
        return (Order.model_validate(row) for row in self.transport.pages("orders/"))

    def launch(self, order_id: Id) -> Order:
        """Hold the money and start. PaymentRequired says how much is missing."""
        return Order.model_validate(self.transport.post(f"orders/{order_id}/launch/"))

    def cancel(self, order_id: Id) -> Order:
        """End for good; what was given is paid and the rest of the money released."""
        return Order.model_validate(self.transport.post(f"orders/{order_id}/cancel/"))

    def wait(self, order_id: Id, *, timeout_s: float = 600) -> Order:
        """Wait until the order has ended."""
        return wait_for(
            lambda: self.get(order_id),
            lambda order: order.state in FINAL_ORDER_STATES,
            timeout_s=timeout_s,
            what=f"the end of order {order_id}",
        )


class WorkResource(Resource):
    """Tasks for the caller."""

    def board(self) -> list[dict[str, Any]]:
        """Orders that take answers."""
        rows: list[dict[str, Any]] = self.transport.get("task-board/")["results"]
        return rows

    def lease(self, order_id: Id, count: int = 1) -> LeaseBatch:
        """Ask for tasks."""
        return LeaseBatch.model_validate(self.transport.post(f"orders/{order_id}/leases/", {"count": count}))

    def submit(self, task: Task, answer: Mapping[str, Any], *, elapsed_ms: int = 0) -> Annotation:
        """Answer a task in hand, with a value for each control of the order's design; safe to repeat."""
        body = {"answer": dict(answer), "elapsed_ms": elapsed_ms}
        done = self.transport.post(f"assignments/{task.id}/submit/", body)
        return Annotation.model_validate(done["annotation"])

    def skip(self, task: Task) -> None:
        """Give a task back, unpaid and without consequence."""
        self.transport.post(f"assignments/{task.id}/skip/")

    def annotations(self, *, state: str | None = None) -> Iterator[Annotation]:
        """The caller's answers and what became of them, newest first."""
        return (Annotation.model_validate(row) for row in self.transport.pages("annotations/", state=state))
