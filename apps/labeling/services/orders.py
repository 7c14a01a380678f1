"""Drafting, launching and ending orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.core import clock
from apps.core.errors import InvalidInput
from apps.core.ids import uuid7
from apps.core.live import notify
from apps.core.money import Money
from apps.core.outbox import publish
from apps.datasets.tables import Table
from apps.labeling import uploads
from apps.labeling.brief import Brief, check_brief, read_design
from apps.labeling.errors import OrderNotFound, WrongOrderState
from apps.labeling.events import OrderClosed
from apps.labeling.models import AnnotatorStats, Assignment, Order, Task
from apps.labeling.policies import require
from apps.labeling.selectors.orders import quote_of
from apps.labeling.services.board import close_listing, list_order
from apps.labeling.services.funding import hold_for, release_reviews
from apps.labeling.services.offering import offer_slots
from apps.labeling.terms import Terms, check_deadline
from apps.labeling.types import OPEN_ORDER_STATES, AssignmentState, Item, LabelingPermission, MadeBy, OrderState
from apps.tenancy import limits
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Origin:
    """The item of an import that a task is made of, and its licence, source and consent."""

    item_id: UUID
    rights: dict[str, str]


def create_order(
    *,
    actor: Actor,
    title: str,
    instruction: str,
    price: Money,
    redundancy: int,
    table: Table,
    design: Mapping[str, Any] | None = None,
    classes: Sequence[str | Mapping[str, Any]] = (),
    filename: str = "the upload",
    example: Mapping[str, Any] | None = None,
    gold_percent: int = 10,
    gold_table: Table | None = None,
    gold_filename: str = "the check questions",
    auto_approve_days: int = 7,
    terms: Terms | None = None,
    origins: Mapping[int, Origin] | None = None,
) -> Order:
    """Save a draft with all its items, or nothing.

    Args:
        design: what tasks show and ask, as JSON (`apps.labeling.design`).
        classes: instead, the choices of the plain text classification: names, or {name, key} with the key that picks
            it; none: the labels found in the table.
        table: from `uploads.read_upload` or `uploads.read_rows`: a column for each input; a control's column holds
            known answers.
        gold_percent: share of the items used as hidden check questions, where the table has known labels but no
            column `gold`.
        gold_table: more check questions, each with its label.
        auto_approve_days: an answer that is not decided after so many days is accepted and paid.
        terms: a target, a budget, a deadline.
        origins: row of the table -> the item of an import that it is.

    Raises:
        InvalidInput: `invalid_order` naming fields, or `invalid_rows` naming rows and fields.
    """
    require(actor, LabelingPermission.ORDER_CREATE)
    brief = check_brief(
        title=title,
        instruction=instruction,
        example=example,
        design=design,
        classes=classes or (uploads.guess_classes(table) if design is None else ()),
        price=price,
        redundancy=redundancy,
        gold_percent=gold_percent,
        auto_approve_days=auto_approve_days,
    )
    terms = terms or Terms()
    terms.check(brief.design, redundancy=redundancy, price=price, fee_bps=settings.FEES["label_bps"])
    order_id = uuid7()
    items = uploads.items_of(table, brief.design, gold_percent, str(order_id), filename)
    if gold_table is not None:
        extra = uploads.gold_items(gold_table, brief.design, gold_filename)
        last = max((item.row for item in items), default=0)
        items += [replace(item, row=last + n) for n, item in enumerate(extra, start=1)]
    if len(items) > uploads.MAX_ITEMS:
        message = f"An order has at most {uploads.MAX_ITEMS:,} items; these are {len(items):,}."
        raise InvalidInput("too_many_items", message, errors=[{"field": "file", "message": message}])
    return _save(actor, order_id, brief, items, terms, origins or {})


@transaction.atomic
def _save(
    actor: Actor,
    order_id: UUID,
    brief: Brief,
    items: Sequence[Item],
    terms: Terms,
    origins: Mapping[int, Origin],
) -> Order:
    order = Order.objects.create(
        id=order_id,
        tenant_id=actor.organisation_id,
        title=brief.title,
        instruction=brief.instruction,
        example=brief.example,
        design=brief.design.as_json(),
        price_minor=brief.price.minor,
        currency=brief.price.currency,
        fee_bps=settings.FEES["label_bps"],
        redundancy=brief.redundancy,
        target=terms.target,
        budget_minor=terms.budget.minor if terms.budget is not None else None,
        deadline=terms.deadline,
        auto_approve_days=brief.auto_approve_days,
        item_count=len(items),
        gold_count=sum(1 for item in items if item.gold is not None),
        word_count=sum(brief.design.words(item.data) for item in items),
    )
    Task.objects.bulk_create(
        (
            Task(
                tenant_id=actor.organisation_id,
                order=order,
                position=position,
                row=item.row,
                external_id=item.external_id,
                data=item.data,
                gold=item.gold,
                made_by=MadeBy.HUMAN if item.gold is None else MadeBy.REQUESTER,
                # A plan offers the items of an order with a target.
                open_slots=brief.redundancy if terms.target is None or item.gold is not None else 0,
                imported_item_id=origins[item.row].item_id if item.row in origins else None,
                rights=origins[item.row].rights if item.row in origins else {},
            )
            for position, item in enumerate(uploads.in_order_of_work(items, str(order_id)))
        ),
        batch_size=BATCH,
    )
    record_audit(
        actor, action="order.drafted", target_type="order", target_id=order.id, detail={"items": order.item_count}
    )
    return order


def create_order_from_file(
    *,
    actor: Actor,
    file: IO[bytes],
    filename: str,
    gold_file: IO[bytes] | None = None,
    gold_filename: str = "",
    design: Mapping[str, Any] | None = None,
    **brief: Any,
) -> Order:
    """`create_order` from an uploaded table and, if wanted, a second one with check questions."""
    require(actor, LabelingPermission.ORDER_CREATE)
    checked = read_design(design) if design is not None else None
    gold_table = None
    if gold_file is not None:
        gold_table = uploads.read_upload(gold_file, gold_filename, design=checked, with_answers=True)
    return create_order(
        actor=actor,
        table=uploads.read_upload(file, filename, design=checked),
        filename=filename,
        gold_table=gold_table,
        gold_filename=gold_filename,
        design=design,
        **brief,
    )


@transaction.atomic
def launch_order(*, actor: Actor, order_id: UUID) -> Order:
    """Set the most it can cost aside and put the order on the task board. Launching twice changes nothing.

    Raises:
        OrderUnfunded: the prepaid balance is too low; nothing was changed.
        WrongOrderState: the order has ended, or is paused.
        InvalidInput: its deadline has passed.
    """
    order = lock_order(actor, order_id, LabelingPermission.ORDER_LAUNCH)
    if order.state == OrderState.RUNNING:
        return order
    _require_state(order, OrderState.DRAFT)
    limits.require_good_standing(organisation_id=order.tenant_id)
    if order.deadline is not None:
        check_deadline(order.deadline)
    found = quote_of(order)
    hold_for(order, found.held)
    order.state = OrderState.RUNNING
    order.launched_at = clock.now()
    order.save(update_fields=["state", "hold_id", "launched_at", "updated_at"])
    if found.is_limited:
        offer_slots(order)
    list_order(order)
    record_audit(
        actor, action="order.launched", target_type="order", target_id=order.id, detail={"held": found.held.as_json()}
    )
    notify(f"order:{order.id}", {"state": order.state})
    return order


@transaction.atomic
def cancel_order(*, actor: Actor, order_id: UUID) -> Order:
    """End an order for good. Answers given so far are decided and paid by the rules; all the rest is released.

    Raises WrongOrderState where the order has ended already; cancelling twice changes nothing.
    """
    order = lock_order(actor, order_id, LabelingPermission.ORDER_CANCEL)
    if order.state == OrderState.CANCELLED or (order.state, order.outcome) == (
        OrderState.CLOSING,
        OrderState.CANCELLED,
    ):
        return order
    if order.state == OrderState.DRAFT:
        order.state = OrderState.CANCELLED
        order.closed_at = clock.now()
        release_reviews(order)
        order.save(update_fields=["state", "closed_at", "review_hold_id", "updated_at"])
        Task.objects.filter(order=order).delete()
    else:
        _require_state(order, *OPEN_ORDER_STATES)
        begin_closing(order, OrderState.CANCELLED)
    record_audit(actor, action="order.cancelled", target_type="order", target_id=order.id)
    return order


@transaction.atomic
def finish_order(*, actor: Actor, order_id: UUID) -> Order:
    """End an order early with what is labelled: answers are decided and paid, a dataset version is made of the items
    that have any, all the rest is released.

    Raises:
        WrongOrderState: it takes no answers.
        InvalidInput: nothing was labelled yet.
    """
    order = lock_order(actor, order_id, LabelingPermission.ORDER_CANCEL)
    if (order.state, order.outcome) == (OrderState.CLOSING, OrderState.FINISHED) or order.state == OrderState.FINISHED:
        return order
    _require_state(order, *OPEN_ORDER_STATES)
    if not AnnotatorStats.objects.filter(order=order, submitted__gt=0).exists():
        raise InvalidInput("nothing_labelled", "Nothing was labelled yet. Cancel the order to get the money back.")
    begin_closing(order, OrderState.FINISHED)
    record_audit(actor, action="order.finished_early", target_type="order", target_id=order.id)
    return order


def begin_closing(order: Order, outcome: OrderState) -> None:
    """Stop answers at once; the rest happens in `close_order`. The caller has locked the order."""
    order.state = OrderState.CLOSING
    order.outcome = outcome
    order.save(update_fields=["state", "outcome", "updated_at"])
    # An answer shares a lock on the order, so it was either in before this transaction or finds the order closing.
    Assignment.objects.filter(order=order, state=AssignmentState.LEASED).update(state=AssignmentState.VOID)
    close_listing(order.id)
    publish(OrderClosed(order.id))
    notify(f"order:{order.id}", {"state": order.state})


def lock_order(actor: Actor, order_id: UUID, permission: LabelingPermission) -> Order:
    """Lock an own order against all other changes and new leases. Raises OrderNotFound."""
    order = Order.objects.select_for_update().filter(id=order_id).first()
    if order is None or order.tenant_id != actor.organisation_id:
        raise OrderNotFound
    require(actor, permission, order)
    return order


def _require_state(order: Order, *wanted: OrderState) -> None:
    if order.state not in wanted:
        raise WrongOrderState(order.state, *wanted)
