"""The money set aside for an order: at its launch, and when more is asked for."""

from __future__ import annotations

from apps.core.money import Money
from apps.labeling.errors import OrderUnfunded
from apps.labeling.models import Order
from apps.ledger import selectors as facts
from apps.ledger import services as ledger
from apps.ledger.errors import InsufficientFunds
from apps.ledger.types import AccountKind, AccountRef, SourceRef, units_of
from apps.tenancy.types import PLATFORM_ID


def hold_for(order: Order, amount: Money) -> None:
    """Set the money of a launch aside. Raises OrderUnfunded; the caller saves the order."""
    _place(order, amount, amount, f"labeling.order:{order.id}")


def hold_more(order: Order, added: Money) -> None:
    """Have an order hold more: its hold gives way to one of what is left of it and what is added.

    The caller is in a transaction, has locked the order, and saves it. Raises OrderUnfunded: roll back.
    """
    if order.hold_id is None:
        raise RuntimeError("an order that runs has a hold")
    former = facts.hold(order.hold_id)
    left, spent = units_of(former.open), units_of(former.captured)
    ledger.release_hold(hold_id=former.id)
    total = order.captured_before_minor + spent + left + added.minor
    _place(order, Money(left, order.currency) + added, added, f"labeling.order:{order.id}:{total}")
    order.captured_before_minor += spent


def release_reviews(order: Order) -> None:
    """Give back what was set aside for reviews and not used. The caller has locked the order and saves it."""
    if order.review_hold_id is not None:
        ledger.release_hold(hold_id=order.review_hold_id)
        order.review_hold_id = None


def _place(order: Order, amount: Money, asked: Money, key: str) -> None:
    """Place the order's hold.

    Args:
        asked: the part of the amount that was free until now.
    """
    # The platform has no prepaid cash: what it orders it pays from its fees.
    kind = AccountKind.FEES if order.tenant_id == PLATFORM_ID else AccountKind.CASH
    account = AccountRef(order.tenant_id, kind, order.currency)
    try:
        hold = ledger.place_hold(
            account=account,
            amount=amount,
            idempotency_key=key,
            reason=f"Labels for “{order.title}”",
            source=SourceRef("labeling.order", str(order.id)),
        )
    except InsufficientFunds as error:
        available = units_of(facts.balance(account).available) - (amount - asked).minor
        raise OrderUnfunded(asked, Money(max(0, available), order.currency)) from error
    order.hold_id = hold.id
