"""Answers: only to a task in hand, once, undone without a trace, skipped and flagged without harm."""

from __future__ import annotations

import pytest

from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.errors import (
    AlreadyAnswered,
    AssignmentNotFound,
    GivenBack,
    NotUndoable,
    UnusableAnswer,
)
from apps.labeling.models import Annotation, AnnotatorStats
from tests.apps.labeling.conftest import wrong
from tests.apps.labeling.leases import as_annotator, lease, submit, sweep_again, task_of


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
