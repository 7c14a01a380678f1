"""Money that an ended order keeps for appeals: exactly what upholding them would cost, until they are decided.

An order's hold is released when it ends, but for the price of every rejected answer that can still be appealed, or is,
and the fee that would fall due with it. Fees are taken on the sum of all pay, rounded up once: what each upheld appeal
adds to the fee telescopes, so that reserve, captures and releases always sum to what was held.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min, Q, Sum

from apps.core import clock
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling.appeal_models import Appeal
from apps.labeling.appeal_types import APPEAL_WINDOW, AppealState
from apps.labeling.models import Annotation, Order
from apps.labeling.types import AnnotationState
from apps.ledger import selectors as ledger_facts
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef, units_of
from apps.tenancy.selectors import platform_organisation_id

ORDERS_AT_ONCE = 200
#: So that a window which ends with the clock's tick has ended when it is looked at.
AFTER_THE_WINDOW = timedelta(seconds=1)


def fee_on(order: Order, paid_minor: int) -> Money:
    """The platform's fee on so much pay."""
    return Money(paid_minor, order.currency).fraction_bps(order.fee_bps)


def paid_for(order: Order) -> int:
    """What was paid to annotators, in minor units."""
    return Annotation.objects.filter(order=order).aggregate(total=Sum("amount_minor"))["total"] or 0


def reserve_of(order: Order) -> Money:
    """What the appeals of an order, filed or still possible, would cost if all were upheld; fee included."""
    open_appeals = Appeal.objects.filter(order=order, state=AppealState.OPEN).count()
    cost = order.price_minor * (open_appeals + _appealable(order).count())
    paid = paid_for(order)
    return Money(cost, order.currency) + fee_on(order, paid + cost) - fee_on(order, paid)


def keep_reserve(order: Order) -> None:
    """Release what an ended order holds beyond its reserve. The caller has locked the order; repeats change nothing."""
    if order.hold_id is None:
        raise RuntimeError("an order that ended after its launch has a hold")
    reserve = reserve_of(order)
    surplus = units_of(ledger_facts.hold(order.hold_id).open) - reserve.minor
    if surplus > 0:
        ledger.release_hold(hold_id=order.hold_id, amount=Money(surplus, order.currency))
    first = _appealable(order).aggregate(first=Min("decided_at"))["first"]
    order.reserved_until = first + APPEAL_WINDOW + AFTER_THE_WINDOW if first is not None else None
    order.save(update_fields=["reserved_until", "updated_at"])


def capture_added_fee(order: Order, *, key: str) -> None:
    """Take what one more paid answer adds to the fee of an ended order, once for each key."""
    paid = paid_for(order)
    added = fee_on(order, paid) - fee_on(order, paid - order.price_minor)
    if not added or order.hold_id is None:
        return
    ledger.capture_hold(
        hold_id=order.hold_id,
        credit=AccountRef(platform_organisation_id(), AccountKind.FEES, order.currency),
        amount=added,
        idempotency_key=f"labeling.appeal-fee:{key}",
        reason=f"Platform fee after an appeal: “{order.title}”",
        source=SourceRef("labeling.order", str(order.id), {"fee_bps": order.fee_bps, "paid_minor": paid}),
    )


def release_due_reserves() -> int:
    """Give requesters back what was kept for appeals that can no longer be filed. Returns how many orders."""
    with all_tenants(reason="appeal windows of every organisation's orders end"):
        due = list(
            Order.objects.filter(reserved_until__lte=clock.now())
            .order_by("reserved_until")
            .values_list("id", "tenant_id")[:ORDERS_AT_ONCE]
        )
    for order_id, tenant_id in due:
        with tenant_scope(tenant_id), transaction.atomic():
            keep_reserve(Order.objects.select_for_update(no_key=True).get(id=order_id))
    return len(due)


def _appealable(order: Order) -> Any:
    """Rejected answers whose window is open and that were not appealed."""
    return Annotation.objects.filter(
        Q(appeal__isnull=True),
        order=order,
        state=AnnotationState.REJECTED,
        decided_at__gt=clock.now() - APPEAL_WINDOW,
    )
