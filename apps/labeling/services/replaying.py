"""Recorded answers through the platform's own services: the platform asks, the records answer.

All of it happens in one database transaction that is rolled back at the end, whatever happens: requester, annotators,
money, order, leases and answers were never there for anybody else, and a killed process leaves nothing behind.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.accounts import services as accounts
from apps.core.errors import InvalidInput
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import uploads
from apps.labeling.models import Annotation, Order, Task
from apps.labeling.outcomes import Given, order_outcome
from apps.labeling.quality.records import Recorded
from apps.labeling.selectors.orders import design_of
from apps.labeling.services.answering import submit_annotation
from apps.labeling.services.changing import set_target
from apps.labeling.services.leasing import lease_tasks
from apps.labeling.services.orders import create_order, launch_order
from apps.labeling.services.planning import plan_labels
from apps.labeling.types import MAX_LIVE_LEASES, WantedLabel
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.tenancy import selectors as tenancy
from apps.tenancy import services as organisations
from apps.tenancy.types import PLATFORM_ID, Actor

MOST_REDUNDANCY = 25
ELAPSED_MS = 3_000
_PRICE = Money(1)
_BATCH = 1_000


@dataclass(frozen=True)
class Replayed:
    """What the platform bought, and the label and confidence that each item got."""

    labels: int
    results: dict[str, tuple[str, float]]


def replay_answers(recorded: Recorded, *, target: float, progress: Callable[[str], None]) -> Replayed:
    """Have the platform label the recorded items with a target, asking only workers whose answer is recorded.

    A recorded worker counts as present: for each item the platform chooses among those that have a recorded answer.
    """
    with transaction.atomic():
        try:
            return _Replay(recorded, target, progress).run()
        finally:
            transaction.set_rollback(True)


class _Replay:
    def __init__(self, recorded: Recorded, target: float, progress: Callable[[str], None]) -> None:
        self.progress, self.target = progress, target
        self.classes = {label: f"class {place:03d}" for place, label in enumerate(recorded.classes)}
        self.labels = {name: label for label, name in self.classes.items()}
        self.left: dict[str, dict[str, str]] = defaultdict(dict)
        for item, worker, label in recorded.answers:
            self.left[item][worker] = label
        self.redundancy = min(MOST_REDUNDANCY, -(-len(recorded.answers) // len(self.left)))
        self.workers = sorted({worker for _, worker, _ in recorded.answers})

    def run(self) -> Replayed:
        """Order, ask, answer until the platform wants no more; returns what came of it."""
        requester = self._requester()
        self.actors = {worker: _person() for worker in self.workers}
        self.worker_of = {actor.organisation_id: worker for worker, actor in self.actors.items()}
        with tenant_scope(requester.organisation_id):
            order = self._order(requester)
            self.item_of = dict(Task.objects.filter(order=order).values_list("id", "external_id"))
        self.task_of = {item: task_id for task_id, item in self.item_of.items()}
        bought = 0
        while True:
            with tenant_scope(requester.organisation_id):
                wanted = plan_labels(order_id=order.id, present=self._present())
            if not wanted:
                break
            bought += self._answer(order, wanted)
            self.progress(f"{bought} labels for {len(self.item_of)} items")
        with tenant_scope(requester.organisation_id):
            return Replayed(bought, self._results(order))

    def _requester(self) -> Actor:
        user = accounts.start_guest()
        team = organisations.create_organisation(user_id=user.id, name="Replay of recorded answers")
        labels = self.redundancy * len(self.left)
        ledger.transfer(
            debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, _PRICE.currency),
            credit=AccountRef(team.id, AccountKind.CASH, _PRICE.currency),
            amount=_PRICE * (labels * 2 + 1),
            idempotency_key=f"labeling.replay:{team.id}",
            reason="Replay of recorded answers",
            source=SourceRef("labeling.replay", str(team.id)),
        )
        return tenancy.actor_for(user.id, team.id)

    def _order(self, requester: Actor) -> Order:
        names = list(self.labels)
        if len(names) < 2:
            names.append("class none")  # a choice needs two
        order = create_order(
            actor=requester,
            title="Replay of recorded answers",
            instruction="Answer as recorded.",
            classes=names,
            price=_PRICE,
            redundancy=self.redundancy,
            gold_percent=0,
            table=uploads.read_rows([{"id": item, "text": item} for item in sorted(self.left)]),
        )
        self._fix_order_of_work(order)
        set_target(actor=requester, order_id=order.id, target=self.target)
        return launch_order(actor=requester, order_id=order.id)

    def _fix_order_of_work(self, order: Order) -> None:
        """The platform shuffles by the order's id, which is new each time; a replay is to repeat."""
        tasks = list(Task.objects.filter(order=order))
        tasks.sort(key=lambda task: hashlib.sha256(task.external_id.encode()).digest())
        Task.objects.filter(order=order).update(position=F("position") + len(tasks))
        for position, task in enumerate(tasks):
            task.position = position
        Task.objects.bulk_update(tasks, ["position"], batch_size=_BATCH)

    def _present(self) -> Mapping[UUID, Sequence[UUID]]:
        return {
            self.task_of[item]: [self.actors[worker].organisation_id for worker in answers]
            for item, answers in self.left.items()
            if answers
        }

    def _answer(self, order: Order, wanted: Sequence[WantedLabel]) -> int:
        """Have the annotator whom the platform prefers for each task take it, and answer as recorded."""
        tasks: dict[UUID, list[UUID]] = defaultdict(list)
        for one in wanted:
            tasks[one.annotators[0]].append(one.task_id)
        done = 0
        for annotator_id, task_ids in tasks.items():
            for start in range(0, len(task_ids), MAX_LIVE_LEASES):
                done += self._work(order, annotator_id, task_ids[start : start + MAX_LIVE_LEASES])
        if not done:
            raise RuntimeError("the platform wanted labels and lent no task")
        return done

    def _work(self, order: Order, annotator_id: UUID, task_ids: Sequence[UUID]) -> int:
        worker = self.worker_of[annotator_id]
        actor = self.actors[worker]
        with tenant_scope(actor.organisation_id):
            batch = lease_tasks(actor=actor, order_id=order.id, count=len(task_ids), among=task_ids)
            for task in batch.tasks:
                label = self.left[str(task.data["text"])].pop(worker)
                submit_annotation(
                    actor=actor,
                    assignment_id=task.assignment_id,
                    answer={"label": self.classes[label]},
                    elapsed_ms=ELAPSED_MS,
                )
        return len(batch.tasks)

    def _results(self, order: Order) -> dict[str, tuple[str, float]]:
        """What the order's closing makes of the answers."""
        rows = Annotation.objects.filter(order=order).values_list("task_id", "annotator_id", "answer")
        given = [Given(str(task_id), str(annotator_id), answer) for task_id, annotator_id, answer in rows]
        outcome = order_outcome(design_of(order), given, {}, {}, {})
        return {
            self.item_of[UUID(task_id)]: (self.labels.get(str(one.result["label"]), ""), one.confidence)
            for task_id, one in outcome.items.items()
        }


def _person() -> Actor:
    user = accounts.start_guest()
    return tenancy.actor_for(user.id)


def check_replayable(recorded: Recorded) -> None:
    """Raise InvalidInput where the platform could not hold such an order."""
    if len(recorded.classes) > 200:
        raise InvalidInput("invalid_rows", f"There are {len(recorded.classes)} labels; a choice has at most 200.")
    items = len({item for item, _, _ in recorded.answers})
    if items > uploads.MAX_ITEMS:
        raise InvalidInput("invalid_rows", f"There are {items:,} items; an order has at most {uploads.MAX_ITEMS:,}.")
