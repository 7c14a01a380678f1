"""The machine of a running order: switched on and off by the requester, moved by a schedule.

Every step reads what is known, computes without any lock, and writes in one transaction that checks that nobody else
took the step meanwhile. A killed worker's claim lapses and its successor repeats the step from what is stored; what a
source has said is stored part by part. Whatever fails, people go on: the page says what is wrong, and the order keeps
giving out items in random order.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q

from apps.assets import selectors as assets
from apps.assets.errors import DevelopRightMissing
from apps.assets.types import AccessRight
from apps.core import clock
from apps.core.errors import DomainError, InvalidInput
from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling.adaptive import decisive_choice
from apps.labeling.brief import plain_text
from apps.labeling.design import Design
from apps.labeling.errors import WrongOrderState
from apps.labeling.machine.sources import Source, source_of
from apps.labeling.machine_types import AuditState, MachineSettings, MachineState
from apps.labeling.models import MachineRun, Order
from apps.labeling.selectors.machine import GATING, settings_of
from apps.labeling.selectors.orders import design_of
from apps.labeling.services.machine_facts import Facts, read_facts
from apps.labeling.services.machine_rows import read_more, read_pool
from apps.labeling.services.machine_step import Plan, plan_step, plan_without
from apps.labeling.services.machine_writes import close_if_done, close_slots, open_everything, write_asked, write_plan
from apps.labeling.services.orders import lock_order
from apps.labeling.services.planning import plan_labels
from apps.labeling.types import LabelingPermission, OrderState
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

logger = logging.getLogger(__name__)

CLAIM = timedelta(minutes=2)
#: How long one visit may read items; the next one goes on.
READ_S = 45.0
RETRY_SOON, RETRY_LATER = timedelta(seconds=30), timedelta(minutes=10)
_MOST_PROBLEM = 500


def check_machine(machine: Mapping[str, Any], design: Design) -> MachineSettings | None:
    """Settings as a requester gives them, checked; None for off.

    Raises:
        InvalidInput: naming the setting, or why the design cannot have a machine.
    """
    mode = machine.get("mode", "assist" if machine else "off")
    found = MachineSettings(
        machine.get("precision", MachineSettings.precision),
        machine.get("audit", MachineSettings.audit),
        machine.get("source") or MachineSettings.source,
    )
    checks = (
        ("mode", mode in ("off", "assist"), "The machine is “off” or assists: “assist”."),
        ("precision", _within(found.precision, 0.5, 0.99), "The promised precision is from 0.5 to 0.99, such as 0.95."),
        ("audit", _within(found.audit, 0.01, 0.5), "The audited share is from 0.01 to 0.5, such as 0.05."),
        ("source", isinstance(found.source, str) and len(found.source) <= 1000, "The source is a name or an address."),
    )
    problems = [{"field": f"machine.{name}", "message": message} for name, good, message in checks if not good]
    if mode == "assist" and (fault := why_not(design)):
        problems.append({"field": "machine", "message": fault})
    if problems:
        raise InvalidInput("invalid_order", problems[0]["message"], errors=problems)
    return found if mode == "assist" else None


def why_not(design: Design) -> str:
    """Why a machine cannot help with a design; empty where it can."""
    if design.lone_choice is None or not design.lone_choice.required:
        return "A machine helps only where one choice is all that is asked."
    if [one.type for one in design.inputs] != ["text"]:
        return "A machine helps only with items that are one text."
    return ""


@transaction.atomic
def set_machine(*, actor: Actor, order_id: UUID, machine: Mapping[str, Any]) -> Order:
    """Switch an order's machine on (or change it) or off; the order is a draft or runs.

    Switched off, accepted labels stay: their audit has passed. Repeats change nothing.

    Args:
        machine: {mode: "assist" | "off", precision, audit, source}.

    Raises:
        WrongOrderState, InvalidInput
        DomainError: the actor may not use the model, or not build on it.
    """
    order = lock_order(actor, order_id, LabelingPermission.ORDER_LAUNCH)
    if order.state not in (OrderState.DRAFT, OrderState.RUNNING):
        raise WrongOrderState(order.state, OrderState.RUNNING)
    design = design_of(order)
    settings = check_machine(machine, design)
    wanted = settings.as_json() if settings is not None else {}
    if wanted == order.machine:
        return order
    run, _ = MachineRun.objects.get_or_create(tenant_id=order.tenant_id, order=order)
    if settings is not None:
        source = _source(actor, order, settings)
        _require_right(order, source)
        changed = order.machine.get("source") != settings.source
        run.model, run.model_version_id = source.name[:300], source.version_id
        run.prepared = 0 if changed else run.prepared
    run.state = MachineState.PREPARING if settings is not None else MachineState.OFF
    run.problem, run.retry_at, run.seen = "", None, ""
    run.audits = [one | {"state": AuditState.DROPPED} if one["state"] == AuditState.OPEN else one for one in run.audits]
    run.step += 1
    run.save()
    order.machine = wanted
    order.save(update_fields=["machine", "updated_at"])
    if settings is not None:
        close_slots(order)
        if order.state == OrderState.RUNNING:
            facts = read_facts(order, run)
            write_asked(order, facts, plan_without(facts))
    else:
        open_everything(order)
    if order.state == OrderState.RUNNING and order.target is not None:
        plan_labels(order_id=order.id)
    record_audit(actor, action="order.machine_set", target_type="order", target_id=order.id, detail=wanted)
    return order


def advance_machines() -> int:
    """Take a step in every running order whose machine has something new to learn from. Returns how many."""
    now = clock.now()
    with all_tenants(reason="machines of every organisation's orders are moved"):
        found = (
            MachineRun.objects.filter(order__state=OrderState.RUNNING, state__in=GATING)
            .filter(Q(claimed_until=None) | Q(claimed_until__lt=now))
            .select_related("order")
            .annotate(answers=Count("order__annotations"))
        )
        due = [
            (run.order_id, run.tenant_id)
            for run in found
            if run.seen != _seen(run.order, run.answers) or (run.retry_at is not None and run.retry_at < now)
        ]
    for order_id, tenant_id in due:
        with tenant_scope(tenant_id):
            advance_machine(order_id)
    return len(due)


def advance_machine(order_id: UUID) -> None:
    """Take one step in an order, unless somebody else is at it. The caller is in the requester's scope, outside a
    transaction."""
    now = clock.now()
    claimed = (
        MachineRun.objects.filter(order_id=order_id, state__in=GATING)
        .filter(Q(claimed_until=None) | Q(claimed_until__lt=now))
        .update(claimed_until=now + CLAIM)
    )
    if not claimed:
        return
    try:
        _advance(order_id)
    finally:
        MachineRun.objects.filter(order_id=order_id).update(claimed_until=None)


def _advance(order_id: UUID) -> None:
    order = Order.objects.get(id=order_id)
    settings = settings_of(order)
    if order.state != OrderState.RUNNING or settings is None:
        return
    if order.target is not None:
        plan_labels(order_id=order.id)
        order.refresh_from_db()
    run = MachineRun.objects.get(order=order)
    seen = _seen(order, order.annotations.count())
    facts = read_facts(order, run)
    now = clock.now()
    if run.retry_at is not None and run.retry_at > now:
        _without(facts, seen, run.problem, run.retry_at)
        return
    try:
        source = _source(Actor.system(order.tenant_id), order, settings)
        ready = _read(order, run, source)
        pool = partial(read_pool, order, source, text_input=_text_input(order))
        plan = plan_step(facts, settings, pool) if ready else None
    except DomainError as error:
        passes = error.retryable or getattr(error, "is_passing", False)
        wait = RETRY_SOON if passes else RETRY_LATER
        _without(facts, seen, error.message[:_MOST_PROBLEM], now + wait)
        return
    if plan is None:
        _without(facts, "", "", None)
        return
    _write(facts, plan, seen)


def _text_input(order: Order) -> str:
    return design_of(order).inputs[0].name


def _read(order: Order, run: MachineRun, source: Source) -> bool:
    """Have the source read all items; whether it has."""
    if run.prepared >= order.item_count:
        return True

    def alive(count: int) -> None:
        MachineRun.objects.filter(id=run.id).update(prepared=count, claimed_until=clock.now() + CLAIM)

    ready = read_more(order, source, text_input=_text_input(order), seconds=READ_S, alive=alive)
    if ready:
        MachineRun.objects.filter(id=run.id).update(prepared=order.item_count)
    return ready


@transaction.atomic
def _without(facts: Facts, seen: str, problem: str, retry_at: Any) -> None:
    """Go on with people only."""
    order, run = _locked(facts)
    if run is None:
        return
    write_asked(order, facts, plan_without(facts))
    run.seen, run.problem, run.retry_at = seen, problem, retry_at
    run.step += 1
    run.save()
    _after(order, facts)


@transaction.atomic
def _write(facts: Facts, plan: Plan, seen: str) -> None:
    order, run = _locked(facts)
    if run is None:
        return
    write_plan(order, facts, plan)
    run.seen, run.problem, run.retry_at = seen if not plan.accept else "", "", None
    run.state, run.audits = plan.state, plan.audits
    run.fitted_at, run.calibrated_at = plan.fitted_at, plan.calibrated_at
    run.step += 1
    if plan.state == MachineState.STOPPED:
        run.problem = "An audit fell below the promised precision: people label the rest, also what had been accepted."
    run.save()
    _after(order, facts)


def _locked(facts: Facts) -> tuple[Order, MachineRun | None]:
    """The order and its machine, locked; no machine where a step was taken meanwhile."""
    order = Order.objects.select_for_update(no_key=True).get(id=facts.order.id)
    run = MachineRun.objects.select_for_update(no_key=True).get(id=facts.run.id)
    if order.state != OrderState.RUNNING or run.step != facts.run.step or order.machine != facts.order.machine:
        return order, None
    return order, run


def _after(order: Order, facts: Facts) -> None:
    if order.target is not None:
        plan_labels(order_id=order.id)
        order.refresh_from_db()
    close_if_done(order, read_facts(order, facts.run))


def _seen(order: Order, answers: int) -> str:
    """What a step depends on, in short."""
    return f"{answers}:{order.items_done}:{order.planned_answers}"


def _source(actor: Actor, order: Order, settings: MachineSettings) -> Source:
    names = decisive_choice(design_of(order)).names
    return source_of(actor, settings.source, names, plain_text(order.instruction)[:1000])


def _require_right(order: Order, source: Source) -> None:
    """A dataset with a model's labels is built on the model. Raises DevelopRightMissing."""
    if source.version_id is None:
        return
    version = assets.version(source.version_id)
    if not assets.has_right(order.tenant_id, version.asset_id, AccessRight.DEVELOP):
        raise DevelopRightMissing(version.asset_id, version.asset_name)


def _within(value: Any, least: float, most: float) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and least <= value <= most
    )
