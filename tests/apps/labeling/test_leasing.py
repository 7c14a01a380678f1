"""Leases: nobody gets an item twice, no item goes beyond its redundancy, time runs out and is given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from apps.core import clock, tenant
from apps.core.errors import NotPermitted
from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling import services
from apps.labeling.errors import (
    LeaseExpired,
    LeaseLost,
    NotPersonal,
    OrderNotFound,
    OrderNotOpen,
    OwnOrder,
)
from apps.labeling.models import Annotation, Assignment, Task
from tests.apps.labeling.conftest import wrong
from tests.apps.labeling.leases import as_annotator, lapse, lease, submit, sweep_again, task_of

MOST_STATEMENTS = 6


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Every statement that PostgreSQL gets, the scope's settings included (they bypass Django's own counting)."""
    seen: list[str] = []

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    original = tenant.send

    def counting(raw: Any, statements: bytes) -> None:
        seen.append(statements.decode())
        original(raw, statements)

    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(wrapper):
        patch.setattr(tenant, "send", counting)
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
