"""Many annotators at once: no slot given twice, no answer stored twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from apps.core.errors import DomainError
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.errors import (
    AlreadyAnswered,
)
from apps.labeling.models import Annotation, Assignment, Task
from tests.apps.labeling.leases import lease, submit


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work(n)` in threads that start together; a domain error is a result."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        try:
            barrier.wait(timeout=120)
            return work(number)
        except DomainError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_32_annotators_never_exceed_redundancy_and_never_share_a_slot(self, requester, make_actor, make_order):
        order = make_order(requester, items=60, redundancy=3)
        people = [make_actor(personal=True) for _ in range(32)]

        def run(number: int) -> list[str]:
            texts = []
            for _ in range(20):
                batch = lease(people[number], order, 3)
                for task in batch.tasks:
                    submit(people[number], task)
                    texts.append(task.data["text"])
                if not batch.tasks:
                    break
            return texts

        results = in_threads(32, run)
        assert all(isinstance(texts, list) for texts in results), results
        assert all(len(texts) == len(set(texts)) for texts in results)
        with tenant_scope(order.tenant_id):
            given = Counter(Annotation.objects.filter(order=order).values_list("task_id", flat=True))
            lent = Counter(Assignment.objects.filter(order=order).values_list("task_id", flat=True))
            tasks = {task.id: task for task in Task.objects.filter(order=order)}
        assert max(given.values()) <= 3
        assert sum(given.values()) == sum(len(texts) for texts in results)
        for task_id, task in tasks.items():
            assert task.labels_done == given[task_id]
            assert task.open_slots == 3 - lent[task_id]

    def test_one_annotator_in_many_tabs_gets_each_item_once(self, requester, make_actor, make_order):
        order = make_order(requester, items=24, redundancy=5)
        annotator = make_actor(personal=True)
        batches = in_threads(12, lambda _: lease(annotator, order, 2))
        texts = [task.data["text"] for batch in batches for task in batch.tasks]
        assert len(texts) == len(set(texts)) == 24

    def test_the_last_slot_goes_to_one_of_two(self, requester, make_actor, make_order):
        order = make_order(requester, items=1, redundancy=1)
        people = [make_actor(personal=True) for _ in range(2)]
        batches = in_threads(2, lambda n: lease(people[n], order))
        assert sorted(len(batch.tasks) for batch in batches) == [0, 1]

    def test_a_double_submission_is_one_row(self, requester, make_actor, make_order):
        order = make_order(requester, items=1, redundancy=1)
        annotator = make_actor(personal=True)
        task = lease(annotator, order).tasks[0]
        results = in_threads(8, lambda _: submit(annotator, task))
        assert len({done.annotation.id for done in results}) == 1
        with tenant_scope(order.tenant_id):
            assert Annotation.objects.filter(order=order).count() == 1
            assert Task.objects.get(order=order).labels_done == 1

    def test_two_different_answers_at_once_leave_one(self, requester, make_actor, make_order):
        order = make_order(requester, items=1, redundancy=1)
        annotator = make_actor(personal=True)
        task = lease(annotator, order).tasks[0]
        results = in_threads(2, lambda n: submit(annotator, task, ("ham", "spam")[n]))
        assert sum(isinstance(one, AlreadyAnswered) for one in results) == 1

    def test_answers_and_a_cancellation_at_once_leave_nothing_undecided(self, requester, make_actor, make_order):
        from apps.core import outbox

        order = make_order(requester, items=10, redundancy=2)
        people = [make_actor(personal=True) for _ in range(6)]
        tasks = [lease(one, order, 2).tasks for one in people]

        def run(number: int) -> Any:
            if number == 6:
                with tenant_scope(requester.organisation_id):
                    return services.cancel_order(actor=requester, order_id=order.id)
            return [submit(people[number], task) for task in tasks[number]]

        in_threads(7, run)
        outbox.drain()
        with tenant_scope(order.tenant_id):
            assert not Annotation.objects.filter(order=order, state="pending").exists()
            order.refresh_from_db()
        assert order.state == "cancelled"
        from apps.ledger.selectors import hold

        assert hold(order.hold_id).open.minor == 0  # type: ignore[union-attr]
