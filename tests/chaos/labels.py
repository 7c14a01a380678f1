"""What must hold of orders, leases, answers and pay: at any moment, and when everything is settled."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, Sum

from apps.core.models import OutboxDelivery
from apps.core.money import Money
from apps.core.tenant import all_tenants
from apps.core.types import DeliveryState
from apps.labeling.models import Annotation, AnnotatorStats, Assignment, Order, Task
from apps.labeling.types import AnnotationState, AssignmentState, OrderState
from apps.ledger import selectors as ledger
from apps.ledger.models import Hold, Transfer
from apps.ledger.types import AccountKind, AccountRef, units_of
from tests.chaos.crowd import Account, Event
from tests.chaos.orders import REASON

SAMPLE_S = 0.25
ENDED = (OrderState.FINISHED, OrderState.CANCELLED)
#: Tasks that have given out more than their order pays for, or have lost a slot, or count other answers than there are.
_BROKEN_TASKS = """
WITH answers AS (
    SELECT task_id, count(*) AS given FROM labeling_annotation GROUP BY task_id
), leases AS (
    SELECT task_id, count(*) AS live FROM labeling_assignment WHERE state = 'leased' GROUP BY task_id
), tasks AS (
    SELECT t.id, o.title, o.state = 'running' AS running, o.target IS NULL AS fixed, o.redundancy, t.state,
           t.open_slots, t.labels_done, COALESCE(answers.given, 0) AS given, COALESCE(leases.live, 0) AS live
      FROM labeling_task t
      JOIN labeling_order o ON o.id = t.order_id
      LEFT JOIN answers ON answers.task_id = t.id
      LEFT JOIN leases ON leases.task_id = t.id
     WHERE o.id = ANY(%s)
)
SELECT title, id, state, open_slots, labels_done, given, live, redundancy
  FROM tasks
 WHERE given + live > redundancy
    OR given <> labels_done
    OR running AND given + live + open_slots > redundancy
    OR running AND fixed AND state = 'open' AND given + live + open_slots < redundancy
"""


def broken_tasks(order_ids: Collection[UUID]) -> Iterator[str]:
    """Tasks beyond their redundancy or with a lost slot, as of one moment."""
    with all_tenants(reason=REASON), connection.cursor() as cursor:
        cursor.execute(_BROKEN_TASKS, [list(order_ids)])
        rows = cursor.fetchall()
    for title, task_id, state, slots, counted, given, live, redundancy in rows:
        yield (
            f"{title} {task_id} ({state}): {given} answers ({counted} counted) + {live} leases + {slots} slots, "
            f"redundancy {redundancy}"
        )


class Sampler(threading.Thread):
    """Looks again and again whether a task is given out beyond its redundancy."""

    def __init__(self, order_ids: Collection[UUID], ending: threading.Event) -> None:
        super().__init__(name="sampler", daemon=True)
        self._order_ids = order_ids
        self._ending = ending
        self.samples = 0
        self.broken: list[str] = []
        self.failures: list[str] = []

    def run(self) -> None:
        """Look until stopped."""
        try:
            while not self._ending.wait(SAMPLE_S):
                self.broken += broken_tasks(self._order_ids)
                self.samples += 1
        except Exception as error:
            self.failures.append(f"sampler: {type(error).__name__}: {error}")
        finally:
            connection.close()


@dataclass
class Scene:
    """What is checked: orders, people, and what was seen meanwhile."""

    orders: dict[str, UUID]
    cancelled: Collection[str]
    accounts: list[Account]
    sampler: Sampler
    breaches: list[str]
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def annotations(self) -> Any:
        """All answers of the run."""
        return Annotation.objects.filter(order_id__in=self.orders.values())


def unsettled(order_ids: Collection[UUID]) -> str:
    """What is still on its way, in a few words; empty when everything is settled."""
    with all_tenants(reason=REASON):
        orders = Order.objects.filter(id__in=order_ids).exclude(state__in=ENDED)
        waiting = {f"{order.title} {order.state} {order.items_done}/{order.item_count}" for order in orders}
        pending = OutboxDelivery.objects.filter(state=DeliveryState.PENDING).count()
    return ", ".join([*sorted(waiting), *([f"{pending} deliveries"] if pending else [])])


def answers_given(order_ids: Collection[UUID]) -> int:
    """How many answers there are."""
    with all_tenants(reason=REASON):
        return Annotation.objects.filter(order_id__in=order_ids).count()


def _ended(scene: Scene) -> Iterator[str]:
    with all_tenants(reason=REASON):
        for order in Order.objects.filter(id__in=scene.orders.values()):
            was_cancelled = order.title.removeprefix("Chaos ") in scene.cancelled
            if order.state != (OrderState.CANCELLED if was_cancelled else OrderState.FINISHED):
                yield f"{order.title} is {order.state}"
            if (order.dataset_version_id is None) != was_cancelled:
                yield f"{order.title} is {order.state} with the dataset version {order.dataset_version_id}"
        states = Counter(scene.annotations.values_list("state", "rule"))
    scene.figures["answers"] = {f"{state} {rule}": count for (state, rule), count in sorted(states.items())}
    yield from (f"{count} answers are still pending" for (state, _), count in states.items() if state == "pending")


def _acknowledged(scene: Scene) -> Iterator[str]:
    with all_tenants(reason=REASON):
        columns = scene.annotations.values_list("assignment_id", "id", "answer", "annotator_id")
        stored = {row[0]: row[1:] for row in columns}
        rows = scene.annotations.count()
    if len(stored) != rows:
        yield f"{rows} answers to {len(stored)} tasks in hand"
    acknowledged = 0
    for account in scene.accounts:
        for assignment_id, events in account.events.items():
            expected = _last_word(events)
            if expected is None:
                continue
            acknowledged += 1
            found = stored.get(assignment_id)
            if found != (expected.annotation_id, expected.answer, account.organisation_id):
                yield f"{assignment_id}: acknowledged {events}, stored {found}"
    scene.figures["answers acknowledged"] = acknowledged
    scene.figures["answers stored"] = rows


def _last_word(events: list[Event]) -> Event | None:
    """The answer that must be there; None where the last one was taken back, or two tabs did different things."""
    if len({event.session for event in events}) > 1 and any(event.kind == "undone" for event in events):
        return None
    return events[-1] if events[-1].kind == "submitted" else None


def _never_beyond(scene: Scene) -> Iterator[str]:
    scene.figures["moments at which every task was looked at"] = scene.sampler.samples
    yield from scene.sampler.broken
    yield from broken_tasks(scene.orders.values())


def _refused(scene: Scene) -> Iterator[str]:
    yield from scene.breaches


def _leased(scene: Scene) -> Iterator[str]:
    with all_tenants(reason=REASON):
        right = {
            "assignment__annotator_id": F("annotator_id"),
            "assignment__task_id": F("task_id"),
            "assignment__order_id": F("order_id"),
            "task__order_id": F("order_id"),
            "assignment__state": AssignmentState.SUBMITTED,
            "assignment__leased_at__lte": F("submitted_at"),
            "assignment__expires_at__gte": F("submitted_at"),
        }
        for answer in scene.annotations.exclude(id__in=scene.annotations.filter(**right).values("id")):
            yield f"answer {answer.id} has no lease of its annotator's that was live when it was given"
        submitted = Assignment.objects.filter(order_id__in=scene.orders.values(), state=AssignmentState.SUBMITTED)
        if submitted.count() != scene.annotations.count():
            yield f"{submitted.count()} leases are answered, {scene.annotations.count()} answers are there"


def _paid(scene: Scene) -> Iterator[str]:
    with all_tenants(reason=REASON):
        prices = dict(Order.objects.filter(id__in=scene.orders.values()).values_list("id", "price_minor"))
        accepted = {
            str(answer_id): (annotator_id, prices[order_id], amount)
            for answer_id, annotator_id, order_id, amount in scene.annotations.filter(
                state=AnnotationState.ACCEPTED
            ).values_list("id", "annotator_id", "order_id", "amount_minor")
        }
        paid: dict[str, list[tuple[UUID, int]]] = defaultdict(list)
        made = Transfer.objects.filter(source_type="labeling.annotation").filter(
            hold__source_id__in=[str(order_id) for order_id in scene.orders.values()]
        )
        for source_id, tenant_id, amount in made.values_list("source_id", "credit_tenant_id", "amount"):
            paid[source_id].append((tenant_id, amount))
    unit = units_of(Money(1))
    for answer_id in accepted.keys() | paid.keys():
        annotator_id, price, amount = accepted.get(answer_id, (None, 0, 0))
        expected = [(annotator_id, price * unit)] if annotator_id is not None else []
        if paid[answer_id] != expected or amount != price:
            yield f"answer {answer_id}: paid {paid[answer_id]}, shown {amount}, accepted for {expected}"
    scene.figures["cents paid for accepted answers"] = sum(price for _, price, _ in accepted.values())


def _totals(scene: Scene) -> Iterator[str]:
    """What annotators are shown, and have, is what their answers were paid."""
    with all_tenants(reason=REASON):
        rows = list(scene.annotations.values_list("order_id", "annotator_id", "state", "amount_minor"))
        stats = list(AnnotatorStats.objects.filter(order_id__in=scene.orders.values()))
    counted: dict[Any, Counter[str]] = defaultdict(Counter)
    earned: Counter[UUID] = Counter()
    for order_id, annotator_id, state, amount in rows:
        counted[order_id, annotator_id].update({"submitted": 1, state: 1, "earned_minor": amount})
        earned[annotator_id] += amount
    for row in stats:
        found = counted.pop((row.order_id, row.annotator_id), Counter())
        for name in ("submitted", "accepted", "rejected", "earned_minor"):
            if getattr(row, name) != found[name]:
                yield f"{row}: {name} is {getattr(row, name)}, the answers say {found[name]}"
    yield from (f"answers without totals: {key}" for key in counted)
    for account in scene.accounts:
        has = ledger.balance(AccountRef(account.organisation_id, AccountKind.EARNINGS, "USD")).posted
        if has != Money(earned[account.organisation_id]):
            yield f"annotator {account.number} has {has}, earned {earned[account.organisation_id]}"


def _holds(scene: Scene) -> Iterator[str]:
    """All that was held is with annotators, with the platform as its fee, or with the requester again."""
    with all_tenants(reason=REASON):
        for order in Order.objects.filter(id__in=scene.orders.values()):
            hold = Hold.objects.get(source_type="labeling.order", source_id=str(order.id))
            if hold.amount != hold.captured + hold.released:
                yield f"{order.title}: {hold.amount} held, {hold.captured} captured, {hold.released} released"
            paid = Annotation.objects.filter(order=order).aggregate(sum=Sum("amount_minor"))["sum"] or 0
            due = Money(paid) + Money(paid).fraction_bps(order.fee_bps)
            if hold.captured != units_of(due):
                yield f"{order.title}: {hold.captured} captured, pay and fee are {units_of(due)}"


def _items(scene: Scene) -> Iterator[str]:
    with all_tenants(reason=REASON):
        states = Counter(Task.objects.filter(order_id__in=scene.orders.values()).values_list("state", flat=True))
        leases = Counter(Assignment.objects.filter(order_id__in=scene.orders.values()).values_list("state", flat=True))
    scene.figures["items"] = dict(states)
    scene.figures["leases"] = dict(leases)
    yield from (f"{count} tasks are complete and not decided" for state, count in states.items() if state == "complete")
    yield from (f"{count} leases of ended orders are live" for state, count in leases.items() if state == "leased")


def _outbox(_: Scene) -> Iterator[str]:
    with all_tenants(reason=REASON):
        rows = OutboxDelivery.objects.exclude(state=DeliveryState.DONE)
        for row in rows.select_related("event"):
            yield f"{row.event.type} for {row.handler} is {row.state}: {row.last_error[-200:]}"


def _books(_: Scene) -> Iterator[str]:
    yield from (f"{currency} is off by {total}" for currency, total in ledger.trial_balance().items() if total)
    yield from (f"account {row[0]}: stored {row[1]}, replayed {row[2]}" for row in ledger.replay_differences())


CHECKS: dict[str, Callable[[Scene], Iterator[str]]] = {
    "every order has ended and every answer is decided": _ended,
    "every acknowledged answer is stored, exactly once": _acknowledged,
    "no task has more answers and leases than its redundancy, and none has lost a slot": _never_beyond,
    "every answer was given to a live lease of its annotator's": _leased,
    "whatever is wrong, foreign, late or forged was refused": _refused,
    "no lease and no item is left over": _items,
    "every accepted answer was paid once, to the cent, and no other": _paid,
    "what annotators are shown and have is what their answers were paid": _totals,
    "all that was held is captured or released": _holds,
    "the outbox is empty": _outbox,
    "the books balance and replay": _books,
}
