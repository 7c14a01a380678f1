"""Reads of an order's machine: which items it lets people be asked about, and what it has done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import F, Q

from apps.labeling.machine_types import AuditState, MachineFigures, MachineSettings, MachineState, Reason
from apps.labeling.models import MachineItem, MachineRun, Order, Task
from apps.labeling.types import MadeBy, TaskState

GATING = frozenset({MachineState.PREPARING, MachineState.LEARNING, MachineState.AUDITING})


def settings_of(order: Order) -> MachineSettings | None:
    """What the requester asked of the machine; None where it is off."""
    return MachineSettings.from_json(order.machine)


def run_of(order: Order) -> MachineRun | None:
    """The order's machine, if it ever had one."""
    return MachineRun.objects.filter(order=order).first()


def is_chosen_by_machine(order: Order) -> bool:
    """Whether people are asked only about items that the order's machine picks."""
    return settings_of(order) is not None and MachineRun.objects.filter(order=order, state__in=GATING).exists()


def asked_items(order: Order) -> list[UUID] | None:
    """The items that people may be asked about now, in the order of asking; None: any, as no machine chooses."""
    if not is_chosen_by_machine(order):
        return None
    begun = Task.objects.filter(order=order, gold__isnull=True).filter(
        Q(machine_items__asked__isnull=False) | Q(labels_done__gt=0) | Q(assignments__isnull=False)
    )
    found = begun.order_by(F("machine_items__asked").asc(nulls_first=True), "position").values_list("id", flat=True)
    return list(dict.fromkeys(found))


def machine_votes(order: Order) -> list[tuple[str, str]]:
    """What the machine said of items before people answered: (task id, label). Audited items are left out, so that
    an audit rests on people alone."""
    if settings_of(order) is None:
        return []
    rows = MachineItem.objects.filter(order=order, task__labels_done__gt=0).exclude(label="")
    return [(str(one), label) for one, label in rows.exclude(reason=Reason.AUDIT).values_list("task_id", "label")]


def machine_figures(order: Order) -> MachineFigures | None:
    """What the page shows; None where the order never had a machine."""
    run = run_of(order)
    settings = settings_of(order)
    if run is None:
        return None
    audits = list(run.audits)
    passed = [one for one in audits if one["state"] == AuditState.PASSED]
    opened = [one["number"] for one in audits if one["state"] == AuditState.OPEN]
    items = MachineItem.objects.filter(order=order)
    size, right = sum(one["size"] for one in passed), sum(one["right"] for one in passed)
    return MachineFigures(
        state=MachineState(run.state),
        settings=settings,
        model=run.model,
        problem=run.problem,
        asked=items.filter(asked__isnull=False).exclude(reason=Reason.CHECK).count(),
        accepted=Task.objects.filter(order=order, made_by=MadeBy.MACHINE, state=TaskState.SETTLED).count(),
        proposed=items.filter(audit__in=opened).count() if opened else 0,
        audits=len(audits),
        audits_passed=len(passed),
        audited=size,
        right=right,
        measured=_weighed(passed, lambda one: one["right"] / max(1, one["size"])),
        low=_weighed(passed, lambda one: one["low"]),
        high=_weighed(passed, lambda one: one["high"]),
        prepared=run.prepared,
        items=order.item_count,
        audit_log=audits,
    )


def _weighed(passed: list[dict[str, Any]], value: Any) -> float | None:
    """Each accepted proposal counts by its size."""
    stood_for = sum(one["proposed"] for one in passed)
    return round(sum(one["proposed"] * value(one) for one in passed) / stood_for, 4) if stood_for else None
