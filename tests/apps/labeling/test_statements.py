"""What a fetch and a submission cost the database: a few statements in one transaction, however long the order is."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from apps.core import tenant
from apps.core.postgresql.base import DatabaseWrapper
from apps.core.tenant import tenant_scope
from apps.labeling import locks, services
from apps.labeling.models import Task

pytestmark = pytest.mark.django_db(transaction=True)

MOST = 6


class Watch:
    """What was sent to PostgreSQL since `begin`, by any path; BEGIN, which sets the scope, and COMMIT are one."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.transactions = 0

    def begin(self) -> None:
        self.statements.clear()
        self.transactions = 0

    def told(self) -> str:
        return "\n".join(statement[:100] for statement in self.statements)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    seen = Watch()
    execute, switch, send = psycopg.Cursor.execute, DatabaseWrapper._set_autocommit, tenant.send

    def sent(raw: Any, statements: bytes) -> None:
        seen.statements.append(statements.decode())
        send(raw, statements)

    def noted(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        seen.statements.append(" ".join(str(query).split()))
        return execute(self, query, *args, **options)

    def switched(self: DatabaseWrapper, autocommit: bool) -> None:
        seen.transactions += not autocommit
        switch(self, autocommit)

    monkeypatch.setattr(psycopg.Cursor, "execute", noted)
    monkeypatch.setattr(tenant, "send", sent)
    monkeypatch.setattr(DatabaseWrapper, "_set_autocommit", switched)
    yield seen


@pytest.fixture
def answer_one(watch: Watch) -> Callable[[Any, Any], tuple[int, int]]:
    """`answer_one(annotator, order)`: fetch a task and answer it; statements of both, each in one transaction."""

    def run(annotator: Any, order: Any) -> tuple[int, int]:
        counts = []

        def noted() -> None:
            assert watch.transactions == 1, watch.told()
            assert len(watch.statements) <= MOST, watch.told()
            counts.append(len(watch.statements))

        with tenant_scope(annotator.organisation_id):
            watch.begin()
            (task,) = services.lease_tasks(actor=annotator, order_id=order.id, count=1).tasks
            noted()
            watch.begin()
            services.submit_annotation(
                actor=annotator, assignment_id=task.assignment_id, answer={"label": "spam"}, elapsed_ms=900
            )
            noted()
        return counts[0], counts[1]

    return run


def test_a_fetch_and_a_submission_take_few_statements_in_one_transaction(make_actor, make_order, answer_one):
    """With check questions and several labels an item, also where the label is the item's last one."""
    order = make_order(make_actor(), items=20, gold=6, redundancy=2)
    people = [make_actor(personal=True) for _ in range(2)]
    for one in people:
        with tenant_scope(one.organisation_id):
            (task,) = services.lease_tasks(actor=one, order_id=order.id, count=1).tasks  # enters the order
            services.skip_task(actor=one, assignment_id=task.assignment_id)
    found = [answer_one(one, order) for _ in range(6) for one in people]
    assert {fetched for fetched, _ in found} == {3}
    assert {submitted for _, submitted in found} <= {4, 5}  # the last label of an item tells the outbox


def _rows_read(order_id: Any, annotator_id: Any, sql: str, **changed: Any) -> int:
    """How many rows of the queue are read to lend one task, in an order that the planner knows nothing of yet."""
    params = {"order": order_id, "annotator": annotator_id, "after": 10, "count": 1, "most": 50}
    params |= {"stats": secrets.token_hex(16), "ids": ["00000000-0000-7000-8000-000000000001"], "swept": None}
    params |= {"among": [], "now": "2026-01-01", "expires": "2026-01-01"} | changed
    with tenant_scope(annotator_id), transaction.atomic():
        assert locks.enter(order_id=order_id, annotator_id=annotator_id) is not None
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
            plan = cursor.fetchone()[0]
        transaction.set_rollback(True)
    nodes = [(json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]]
    read = 0
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node.get("Relation Name") == "labeling_task" and node["Node Type"].endswith("Scan"):
            read += (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return int(read)


def test_a_fetch_reads_a_few_rows_of_the_queue_however_long_it_is(make_actor, make_order):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = make_order(requester, items=5_000, redundancy=1, price=1)
    services.lease_tasks(actor=annotator, order_id=order.id, count=1)
    with tenant_scope(requester.organisation_id):
        far = list(Task.objects.filter(order_id=order.id).order_by("-position").values_list("id", flat=True)[:3])
    annotator_id = annotator.organisation_id
    assert 1 <= _rows_read(order.id, annotator_id, locks._PICK_AHEAD) <= 3
    assert 1 <= _rows_read(order.id, annotator_id, locks._PICK_ANYWHERE, after=-1) <= 5
    assert 1 <= _rows_read(order.id, annotator_id, locks._PICK_AMONG, after=-1, among=far) <= 5
