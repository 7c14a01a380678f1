"""What annotators do with tasks in hand, for the tests of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from apps.core import clock
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.models import AnnotatorStats, Assignment, Task
from tests.apps.labeling.conftest import truth


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
