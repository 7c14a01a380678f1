"""Leases: nobody gets an item twice, no item goes beyond its redundancy, time runs out and is given back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from apps.core import clock, tenant
from apps.core.errors import DomainError, NotPermitted
from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling import services
from apps.labeling.errors import (
    AlreadyAnswered,
    AssignmentNotFound,
    GivenBack,
    LeaseExpired,
    LeaseLost,
    NotPersonal,
    NotUndoable,
    OrderNotFound,
    OrderNotOpen,
    OwnOrder,
    UnusableAnswer,
)
from apps.labeling.models import Annotation, AnnotatorStats, Assignment, Task
from tests.apps.labeling.conftest import truth, wrong

MOST_STATEMENTS = 6


@contextmanager
def as_annotator(actor: Any) -> Iterator[Any]:
    with tenant_scope(actor.organisation_id):
        yield actor


def lease(actor: Any, order: Any, count: int = 1) -> Any:
    with as_annotator(actor):
        return services.lease_tasks(actor=actor, order_id=order.id, count=count)


def submit(actor: Any, task: Any, label: str | None = None) -> Any:
    with as_annotator(actor):
        return services.submit_annotation(
            actor=actor,
            assignment_id=task.assignment_id,
            answer={"label": label or truth(task.data["text"])},
            elapsed_ms=500,
        )


def task_of(order: Any, task: Any) -> Task:
    with tenant_scope(order.tenant_id):
        return Assignment.objects.select_related("task").get(id=task.assignment_id).task


def lapse(order: Any) -> None:
    with tenant_scope(order.tenant_id):
        Assignment.objects.filter(order=order).update(expires_at=clock.now() - timedelta(seconds=1))


def sweep_again(order: Any) -> None:
    with tenant_scope(order.tenant_id):
        AnnotatorStats.objects.filter(order=order).update(swept_at=None)


@pytest.fixture
def requester(make_actor: Callable[..., Any]) -> Any:
    return make_actor()


@pytest.fixture
def people(make_actor: Callable[..., Any]) -> list[Any]:
    return [make_actor(personal=True) for _ in range(3)]


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Every statement that PostgreSQL gets, the scope's settings included (they bypass Django's own counting)."""
    seen: list[str] = []

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    original = tenant.apply_scope

    def counting(raw: Any) -> None:
        seen.append("set_config")
        original(raw)

    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(wrapper):
        patch.setattr(tenant, "apply_scope", counting)
        yield seen


@pytest.mark.django_db
class TestLeasing:
    def test_an_item_is_lent_as_often_as_its_redundancy_and_never_twice_to_one(self, requester, people, make_order):
        order = make_order(requester, items=3, redundancy=2)
        first, second, third = people
        assert len(lease(first, order, 50).tasks) == 3
        again = lease(first, order, 50)
        assert again.tasks == ()
        assert not again.remaining
        assert len(lease(second, order, 50).tasks) == 3
        none = lease(third, order, 50)
        assert none.tasks == ()
        assert none.remaining
        assert none.retry_after_s > 0

    def test_check_questions_cannot_be_told_from_others(self, requester, people, make_order):
        order = make_order(requester, items=20, gold=10, redundancy=1)
        batch = lease(people[0], order, 20)
        answers = [(task, submit(people[0], task)) for task in batch.tasks]
        seen = {
            (
                task_of(order, task).gold is not None,
                tuple(sorted(task.as_json(clock.now()))),
                done.annotation.rule,
                done.annotation.reason,
                done.annotation.amount,
            )
            for task, done in answers
        }
        assert len({shape[1:] for shape in seen}) == 1
        assert {shape[0] for shape in seen} == {True, False}

    def test_check_questions_are_spread_over_the_whole_queue(self, requester, make_order):
        order = make_order(requester, items=100, gold=10)
        with tenant_scope(order.tenant_id):
            places = sorted(Task.objects.filter(gold__isnull=False).values_list("position", flat=True))
        assert [place // 10 for place in places] == list(range(10))

    def test_at_most_fifty_tasks_are_held_at_a_time(self, requester, people, make_order):
        order = make_order(requester, items=70, redundancy=1)
        assert len(lease(people[0], order, 500).tasks) == 50
        assert len(lease(people[0], order, 5).tasks) == 0

    def test_a_requesters_members_cannot_work_on_its_order(self, requester, make_actor, make_order):
        from apps.tenancy.models import Membership
        from apps.tenancy.selectors import actor_for

        order = make_order(requester)
        member = make_actor(organisation_id=requester.organisation_id, name="Member")
        for actor in (requester, actor_for(member.user_id), actor_for(requester.user_id)):
            with pytest.raises(OwnOrder):
                lease(actor, order)
        with all_tenants(reason="test"):
            assert Membership.objects.filter(user_id=member.user_id).count() == 2

    def test_a_team_cannot_work(self, requester, other_actor, make_order):
        with pytest.raises(NotPersonal):
            lease(other_actor, make_order(requester))

    def test_orders_that_are_drafts_or_ended_lend_nothing(self, requester, people, make_order):
        draft = make_order(requester, launch=False)
        with pytest.raises(OrderNotFound):
            lease(people[0], draft)
        order = make_order(requester)
        task = lease(people[0], order).tasks[0]
        with tenant_scope(requester.organisation_id):
            services.cancel_order(actor=requester, order_id=order.id)
        with pytest.raises(OrderNotOpen):
            lease(people[0], order)
        with pytest.raises(OrderNotOpen):
            submit(people[0], task)
        with tenant_scope(requester.organisation_id):
            assert not Annotation.objects.exists()

    def test_who_fails_most_check_questions_gets_no_more_tasks(self, requester, people, make_order, work):
        order = make_order(requester, items=30, gold=15, redundancy=2)
        with pytest.raises(NotPermitted) as caught:
            work(people[0], order, wrong, limit=30)
        assert caught.value.code == "standing_lost"

    def test_a_lapsed_lease_goes_to_the_next_annotator(self, requester, people, make_order):
        order = make_order(requester, items=1, redundancy=1)
        task = lease(people[0], order).tasks[0]
        assert lease(people[1], order).tasks == ()
        lapse(order)
        sweep_again(order)
        assert len(lease(people[1], order).tasks) == 1
        with pytest.raises(LeaseExpired) as caught:
            submit(people[0], task)
        assert "extend" in caught.value.context["extend_url"]
        with as_annotator(people[0]), pytest.raises(LeaseLost):
            services.extend_lease(actor=people[0], assignment_id=task.assignment_id)

    def test_a_lapsed_lease_is_taken_back_while_nobody_else_has_it(self, requester, people, make_order):
        order = make_order(requester, items=1, redundancy=1)
        task = lease(people[0], order).tasks[0]
        lapse(order)
        with all_tenants(reason="test"):
            assert services.close_expired_leases() >= 1
        assert task_of(order, task).open_slots == 1
        with pytest.raises(LeaseExpired):
            submit(people[0], task)
        with as_annotator(people[0]):
            services.extend_lease(actor=people[0], assignment_id=task.assignment_id)
        assert task_of(order, task).open_slots == 0
        assert submit(people[0], task).totals.submitted == 1

    def test_nobody_holds_a_task_for_more_than_an_hour(self, requester, people, make_order):
        order = make_order(requester, items=1, redundancy=1)
        task = lease(people[0], order).tasks[0]
        with tenant_scope(order.tenant_id):
            Assignment.objects.update(leased_at=clock.now() - timedelta(minutes=61))
        with as_annotator(people[0]), pytest.raises(LeaseLost):
            services.extend_lease(actor=people[0], assignment_id=task.assignment_id)


@pytest.mark.django_db
class TestAnswering:
    def test_the_same_answer_again_is_the_same_row_and_another_is_refused(self, requester, people, make_order):
        order = make_order(requester)
        task = lease(people[0], order).tasks[0]
        first = submit(people[0], task, "ham")
        again = submit(people[0], task, "ham")
        assert first.annotation.id == again.annotation.id
        assert again.totals.submitted == 1
        with pytest.raises(AlreadyAnswered) as caught:
            submit(people[0], task, "spam")
        assert caught.value.context["answer_text"] == "ham"
        with tenant_scope(order.tenant_id):
            assert Annotation.objects.count() == 1

    def test_only_the_orders_choices_are_answers(self, requester, people, make_order):
        task = lease(people[0], make_order(requester)).tasks[0]
        with pytest.raises(UnusableAnswer) as caught:
            submit(people[0], task, "eggs")
        assert caught.value.errors[0]["field"] == "answer.label"

    def test_a_task_of_somebody_else_does_not_exist(self, requester, people, make_order):
        task = lease(people[0], make_order(requester)).tasks[0]
        for call in (services.extend_lease, services.skip_task, services.flag_task, services.undo_annotation):
            with as_annotator(people[1]), pytest.raises(AssignmentNotFound):
                call(actor=people[1], assignment_id=task.assignment_id)
        with pytest.raises(AssignmentNotFound):
            submit(people[1], task)

    def test_an_undone_answer_leaves_no_trace_and_can_be_given_anew(self, requester, people, make_order):
        order = make_order(requester, items=2, gold=2)
        task = lease(people[0], order).tasks[0]
        submit(people[0], task, wrong(task.data["text"]))
        with as_annotator(people[0]):
            services.undo_annotation(actor=people[0], assignment_id=task.assignment_id)
        with tenant_scope(order.tenant_id):
            stats = AnnotatorStats.objects.get(order=order)
            assert (stats.submitted, stats.gold_seen, stats.gold_right) == (0, 0, 0)
        assert task_of(order, task).labels_done == 0
        assert submit(people[0], task).totals.submitted == 1

    def test_only_the_last_ten_can_be_undone(self, requester, people, make_order):
        order = make_order(requester, items=12)
        tasks = lease(people[0], order, 11).tasks
        for task in tasks:
            submit(people[0], task)
        with as_annotator(people[0]):
            with pytest.raises(NotUndoable):
                services.undo_annotation(actor=people[0], assignment_id=tasks[0].assignment_id)
            services.undo_annotation(actor=people[0], assignment_id=tasks[1].assignment_id)

    def test_a_decided_answer_cannot_be_undone(self, requester, people, make_order):
        from apps.core import outbox

        order = make_order(requester, items=2, redundancy=1)
        task = lease(people[0], order).tasks[0]
        submit(people[0], task)
        outbox.drain()
        with as_annotator(people[0]), pytest.raises(NotUndoable):
            services.undo_annotation(actor=people[0], assignment_id=task.assignment_id)

    def test_an_answer_undone_before_it_was_decided_is_not_paid(self, requester, people, make_order):
        from apps.core import outbox

        order = make_order(requester, items=2, redundancy=1)
        task = lease(people[0], order).tasks[0]
        submit(people[0], task)
        with as_annotator(people[0]):
            services.undo_annotation(actor=people[0], assignment_id=task.assignment_id)
        outbox.drain()
        assert task_of(order, task).state == "open"
        done = submit(people[0], task)
        outbox.drain()
        assert task_of(order, task).state == "settled"
        with tenant_scope(order.tenant_id):
            assert Annotation.objects.get(id=done.annotation.id).amount_minor == 4

    def test_a_skipped_task_goes_to_others_and_does_not_come_back(self, requester, people, make_order):
        order = make_order(requester, items=1, redundancy=1)
        task = lease(people[0], order).tasks[0]
        with as_annotator(people[0]):
            for _ in range(2):
                services.skip_task(actor=people[0], assignment_id=task.assignment_id)
            with pytest.raises(GivenBack):
                services.extend_lease(actor=people[0], assignment_id=task.assignment_id)
        assert task_of(order, task).open_slots == 1
        sweep_again(order)
        assert lease(people[0], order).tasks == ()
        assert len(lease(people[1], order).tasks) == 1

    def test_an_item_that_two_flag_is_taken_out_and_its_answers_are_paid(self, requester, people, make_order):
        from apps.core import outbox

        order = make_order(requester, items=2, redundancy=3)
        tasks = [lease(one, order, 1).tasks[0] for one in people]
        assert len({task.data["text"] for task in tasks}) == 1
        submit(people[0], tasks[0])
        for one, task in zip(people[1:], tasks[1:], strict=True):
            with as_annotator(one):
                services.flag_task(actor=one, assignment_id=task.assignment_id, note="empty")
        outbox.drain()
        row = task_of(order, tasks[0])
        assert (row.state, row.open_slots) == ("unusable", 0)
        with tenant_scope(order.tenant_id):
            answer = Annotation.objects.get()
        assert (answer.state, answer.rule, answer.amount_minor) == ("accepted", "item_unusable", 4)


@pytest.mark.django_db(transaction=True)
class TestStatements:
    def test_fetch_and_submit_take_at_most_six_statements_each(self, requester, people, make_order):
        order = make_order(requester, items=8, redundancy=1)
        lease(people[0], order)
        with counted_statements() as fetch:
            task = lease(people[0], order, 3).tasks[0]
        assert len(fetch) <= MOST_STATEMENTS, fetch
        with counted_statements() as send:
            submit(people[0], task)  # completes its item, so it publishes too
        in_its_transaction = send[2:]  # the look-up of the lease in the annotator's own scope comes first
        assert len(in_its_transaction) <= MOST_STATEMENTS, send

    def test_a_submission_that_completes_nothing_takes_five(self, requester, people, make_order):
        order = make_order(requester, items=2, redundancy=2)
        task = lease(people[0], order).tasks[0]
        with counted_statements() as send:
            submit(people[0], task)
        assert len(send) <= 5, send


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work(n)` in threads that start together; a domain error is a result."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        try:
            barrier.wait(timeout=30)
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
