"""Ordering labels, and giving them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sahara.models import Annotation, Extension, LeaseBatch, Machine, Order, Sample, SampleTask, Task
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
        price_minor: int,
        rows: Sequence[Mapping[str, Any]] | None = None,
        import_id: Id | None = None,
        classes: Sequence[str] = (),
        design: Mapping[str, Any] | None = None,
        redundancy: int = 3,
        target: float | None = None,
        budget_minor: int | None = None,
        deadline: datetime | None = None,
        gold_percent: int = 10,
        gold_rows: Sequence[Mapping[str, Any]] | None = None,
        machine: Mapping[str, Any] | None = None,
        requirements: Mapping[str, Any] | None = None,
        review: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Order:
        """Draft an order.

        Args:
            rows: a value for each input, optionally `id` and one for each control: the known answer. A share of the
                rows with a known answer become hidden check questions.
            import_id: instead of rows: an import that is ready.
            classes: the choices of the plain text classification, with the input `text` and the control `label`.
            design: instead, `{inputs, controls}`: whatever the tasks are to show and ask.
            price_minor: pay for an accepted label, in cents.
            redundancy: answers for each item; with a target, at most.
            target: how probable each result must be, such as 0.95; for designs with one required single choice.
            budget_minor: the most to spend, in cents, fee included; the order ends where it pays for no more.
            deadline: when the order ends with what is labelled.
            machine: `{"mode": "assist", "precision": 0.95, "audit": 0.05, "source": "platform"}`, all optional but the
                mode: a machine labels what it proves to know, for designs of one text and one choice.
            requirements: what annotators need: `skills` (ids), `languages` (ISO 639-1), `level`; see `require`.
            review: who decides beside the consensus: `adjudication`, `skill_id`, `price_minor`, `reviews`; see
                `set_review`. The money for paid reviews is set aside at once.
        """
        body: dict[str, Any] = {
            "title": title,
            "instruction": instruction,
            "price_minor": price_minor,
            "redundancy": redundancy,
            "gold_percent": gold_percent,
        }
        if rows is not None:
            body["rows"] = [dict(row) for row in rows]
        if import_id is not None:
            body["import_id"] = str(import_id)
        if design is not None:
            body["design"] = dict(design)
        else:
            body["classes"] = list(classes)
        terms = {"target": target, "budget_minor": budget_minor, "deadline": deadline and deadline.isoformat()}
        body |= {name: value for name, value in terms.items() if value is not None}
        settings = {"machine": machine, "requirements": requirements, "review": review}
        body |= {name: _plain(value) for name, value in settings.items() if value is not None}
        if gold_rows is not None:
            body["gold_rows"] = [dict(row) for row in gold_rows]
        return Order.model_validate(self.transport.post("orders/", body, idempotency_key=idempotency_key))

    def get(self, order_id: Id) -> Order:
        """One order with its progress."""
        return Order.model_validate(self.transport.get(f"orders/{order_id}/"))

    def list(self) -> Iterator[Order]:
        """The organisation's orders, newest first."""
        return (Order.model_validate(row) for row in self.transport.pages("orders/"))

    def machine(self, order_id: Id) -> Machine | None:
        """What the order's machine has done; None where it never had one."""
        found = self.transport.get(f"orders/{order_id}/machine/")
        return Machine.model_validate(found) if found else None

    def set_machine(self, order_id: Id, **settings: Any) -> Machine | None:
        """Switch the machine on (`precision`, `audit`, `source`) or off (`mode="off"`), in a draft or while it runs."""
        found = self.transport.post(f"orders/{order_id}/machine/", settings)
        return Machine.model_validate(found) if found else None

    def launch(self, order_id: Id) -> Order:
        """Hold the money and start. PaymentRequired says how much is missing."""
        return Order.model_validate(self.transport.post(f"orders/{order_id}/launch/"))

    def sample(self, order_id: Id) -> Sample:
        """The free sample of a draft: items to answer oneself, and a forecast of price and date."""
        return Sample.model_validate(self.transport.get(f"orders/{order_id}/sample/"))

    def answer_sample(
        self, order_id: Id, task: SampleTask, answer: Mapping[str, Any], *, elapsed_ms: int = 0
    ) -> Sample:
        """Answer one of its items; what is left, and the forecast by what was measured."""
        body = {"task_id": str(task.id), "answer": dict(answer), "elapsed_ms": elapsed_ms}
        return Sample.model_validate(self.transport.post(f"orders/{order_id}/sample/", body))

    def use_sample_as_checks(self, order_id: Id) -> Order:
        """Make the sample's answers hidden check questions."""
        return Order.model_validate(self.transport.post(f"orders/{order_id}/sample/checks/"))

    def pause(self, order_id: Id) -> Order:
        """Lend no more tasks; those in hand are answered and paid."""
        return Order.model_validate(self.transport.post(f"orders/{order_id}/pause/"))

    def resume(self, order_id: Id) -> Order:
        """Have a paused order go on."""
        return Order.model_validate(self.transport.post(f"orders/{order_id}/resume/"))

    def extension(self, order_id: Id, *, redundancy: int | None = None, budget_minor: int | None = None) -> Extension:
        """What more answers for each item, or a higher budget, would cost; nothing is changed."""
        found = self.transport.get(f"orders/{order_id}/extension/", redundancy=redundancy, budget_minor=budget_minor)
        return Extension.model_validate(found)

    def extend(self, order_id: Id, *, redundancy: int | None = None, budget_minor: int | None = None) -> Order:
        """Ask for it at exactly that price. PaymentRequired says how much is missing."""
        wanted = {"redundancy": redundancy, "budget_minor": budget_minor}
        body = {name: value for name, value in wanted.items() if value is not None}
        return Order.model_validate(self.transport.post(f"orders/{order_id}/extension/", body))

    def set_deadline(self, order_id: Id, deadline: datetime | None) -> Order:
        """Set, move or take away (None) the moment at which the order ends by itself."""
        body = {"deadline": deadline.isoformat() if deadline else None}
        return Order.model_validate(self.transport.post(f"orders/{order_id}/deadline/", body))

    def set_target(self, order_id: Id, target: float | None) -> Order:
        """Change how probable each result must be, or take the target away (None), until the order ends."""
        return Order.model_validate(self.transport.post(f"orders/{order_id}/target/", {"target": target}))

    def cancel(self, order_id: Id) -> Order:
        """End for good; what was given is paid and the rest of the money released."""
        return Order.model_validate(self.transport.post(f"orders/{order_id}/cancel/"))

    def require(
        self, order_id: Id, *, skills: Sequence[Id] = (), languages: Sequence[str] = (), level: int = 0
    ) -> dict[str, Any]:
        """Ask skills, languages (ISO 639-1) and a level of those who want to work on the order from now on."""
        body = {"skills": [str(one) for one in skills], "languages": list(languages), "level": level}
        asked: dict[str, Any] = self.transport.put(f"orders/{order_id}/requirements/", body)
        return asked

    def set_review(
        self,
        order_id: Id,
        *,
        adjudication: bool = False,
        skill_id: Id | None = None,
        price_minor: int = 0,
        reviews: int = 0,
    ) -> dict[str, Any]:
        """Say who decides beside the consensus.

        Args:
            adjudication: items whose answers differ wait for an adjudicator.
            skill_id: annotators who have it may review, beside the organisation's members.
            price_minor: pay for one decision of theirs, in cents.
            reviews: how many are paid; their money is set aside at once.
        """
        body: dict[str, Any] = {"adjudication": adjudication, "price_minor": price_minor, "reviews": reviews}
        body["skill_id"] = str(skill_id) if skill_id else None
        return dict(self.transport.put(f"orders/{order_id}/review-settings/", body))

    def cases(self, order_id: Id) -> Iterator[dict[str, Any]]:
        """What was seen in the order's answers that people should look at, newest first."""
        return self.transport.pages(f"orders/{order_id}/cases/")

    def decide_case(self, case_id: Id, decision: str, reason: str) -> dict[str, Any]:
        """Decide a review case: “cleared”, or “stopped” (no more tasks of this order for the annotator)."""
        body = {"decision": decision, "reason": reason}
        decided: dict[str, Any] = self.transport.post(f"cases/{case_id}/decide/", body)
        return decided

    def disputed(self, order_id: Id) -> Sequence[dict[str, Any]]:
        """Items whose answers differ: those that wait for an adjudicator first, then the most disputed."""
        rows: Sequence[dict[str, Any]] = self.transport.get(f"orders/{order_id}/disputed/")["results"]
        return rows

    def adjudicate(self, order_id: Id, task_id: Id, answer: Mapping[str, Any], reason: str) -> dict[str, Any]:
        """Decide an item's result; its source is `adjudicated` then."""
        body = {"answer": dict(answer), "reason": reason}
        decided: dict[str, Any] = self.transport.post(f"orders/{order_id}/items/{task_id}/adjudicate/", body)
        return decided

    def wait(self, order_id: Id, *, timeout_s: float = 600) -> Order:
        """Wait until the order has ended."""
        return wait_for(
            lambda: self.get(order_id),
            lambda order: order.state in FINAL_ORDER_STATES,
            timeout_s=timeout_s,
            what=f"the end of order {order_id}",
        )


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON takes them: ids are text."""

    def text(value: Any) -> Any:
        return str(value) if isinstance(value, UUID) else value

    return {
        name: [text(one) for one in value] if isinstance(value, list | tuple) else text(value)
        for name, value in settings.items()
    }


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

    def cases(self) -> list[dict[str, Any]]:
        """What was seen in the caller's answers."""
        rows: list[dict[str, Any]] = self.transport.get("review-cases/")["results"]
        return rows

    def reply_to_case(self, case_id: Id, reply: str) -> dict[str, Any]:
        """Say how one worked, before a review case is decided."""
        said: dict[str, Any] = self.transport.post(f"review-cases/{case_id}/reply/", {"reply": reply})
        return said

    def profile(self) -> dict[str, Any]:
        """The caller's languages and level."""
        found: dict[str, Any] = self.transport.get("annotator-profile/")
        return found

    def declare_languages(self, languages: Sequence[str]) -> dict[str, Any]:
        """Say which languages (ISO 639-1) the caller speaks."""
        found: dict[str, Any] = self.transport.put("annotator-profile/", {"languages": list(languages)})
        return found


class SkillsResource(Resource):
    """Skills: tests of check questions that open orders."""

    def list(self) -> list[dict[str, Any]]:
        """Skills that can be taken, and where the caller stands with each."""
        rows: list[dict[str, Any]] = self.transport.get("skills/")["results"]
        return rows

    def create(
        self,
        *,
        name: str,
        instruction: str,
        rows: Sequence[Mapping[str, Any]],
        price_minor: int,
        classes: Sequence[str] = (),
        design: Mapping[str, Any] | None = None,
        drawn: int = 10,
        pass_percent: int = 80,
        attempts: int = 100,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Make a skill of the organisation; each row is a question with its known answer.

        Args:
            drawn: questions in one test.
            attempts: how many the organisation pays for.
        """
        body: dict[str, Any] = {
            "name": name,
            "instruction": instruction,
            "rows": [dict(row) for row in rows],
            "price_minor": price_minor,
            "drawn": drawn,
            "pass_percent": pass_percent,
            "attempts": attempts,
        }
        body |= {"design": dict(design)} if design is not None else {"classes": [*classes]} if classes else {}
        made: dict[str, Any] = self.transport.post("skills/", body, idempotency_key=idempotency_key)
        return made

    def take(self, skill_id: Id) -> str:
        """Begin a skill's test; lease and answer the tasks of the order whose id this returns."""
        return str(self.transport.post(f"skills/{skill_id}/take/")["order_id"])

    def end(self, skill_id: Id) -> None:
        """End the attempt in progress."""
        self.transport.post(f"skills/{skill_id}/end/")
