"""Who reviews an order and what annotators are paid for it, from money set aside for reviews alone."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.core.ids import uuid7
from apps.core.money import Money
from apps.labeling.errors import OrderUnfunded, WrongOrderState
from apps.labeling.models import AnswerReview, Order
from apps.labeling.review_errors import ReviewsUsedUp, UnusableSettings
from apps.labeling.review_types import MAX_REVIEW_PRICE_MINOR, MAX_REVIEWS
from apps.labeling.selectors.eligibility import usable_skills
from apps.labeling.services.funding import release_reviews
from apps.labeling.services.orders import lock_order
from apps.labeling.types import OPEN_ORDER_STATES, LabelingPermission, OrderState
from apps.ledger import selectors as facts
from apps.ledger import services as ledger
from apps.ledger.errors import HoldExceeded, InsufficientFunds
from apps.ledger.types import AccountKind, AccountRef, SourceRef, units_of
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor


@transaction.atomic
def set_reviews(
    *,
    actor: Actor,
    order_id: UUID,
    adjudication: bool,
    skill_id: UUID | None = None,
    price: Money | None = None,
    reviews: int = 0,
) -> Order:
    """Whether items whose answers differ wait for an adjudicator, and which annotators may review beside the members.

    Args:
        skill_id: annotators who have it may review; None: members only.
        price: pay for one decision of theirs.
        reviews: how many are paid; the money is set aside now and what is not used comes back.

    Raises OrderNotFound, WrongOrderState, UnusableSettings, OrderUnfunded.
    """
    order = lock_order(actor, order_id, LabelingPermission.ORDER_LAUNCH)
    if order.state not in (OrderState.DRAFT, *OPEN_ORDER_STATES):
        raise WrongOrderState(order.state, "a draft or running")
    if skill_id is not None:
        if skill_id not in {skill.id for skill in usable_skills(actor)}:
            raise UnusableSettings("skill", "Choose one of your organisation's skills or the platform's.")
        if price is None or not 1 <= price.minor <= MAX_REVIEW_PRICE_MINOR:
            raise UnusableSettings("price", f"A review pays {Money(1)} to {Money(MAX_REVIEW_PRICE_MINOR)}.")
        if not 1 <= reviews <= MAX_REVIEWS:
            raise UnusableSettings("reviews", f"Pay for 1 to {MAX_REVIEWS:,} reviews.")
    release_reviews(order)
    order.adjudication, order.review_skill_id = adjudication, skill_id
    order.review_price_minor = price.minor if price is not None and skill_id is not None else 0
    if skill_id is not None and price is not None:
        _hold(order, price * reviews)
    order.save(update_fields=["adjudication", "review_skill", "review_price_minor", "review_hold_id", "updated_at"])
    record_audit(actor, action="order.reviews", target_type="order", target_id=order.id)
    return order


def _hold(order: Order, total: Money) -> None:
    account = AccountRef(order.tenant_id, AccountKind.CASH, order.currency)
    try:
        hold = ledger.place_hold(
            account=account,
            amount=total,
            idempotency_key=f"labeling.reviews:{order.id}:{uuid7()}",
            reason=f"Reviews of “{order.title}”",
            source=SourceRef("labeling.order", str(order.id)),
        )
    except InsufficientFunds as error:
        available = units_of(facts.balance(account).available)
        raise OrderUnfunded(total, Money(available, order.currency)) from error
    order.review_hold_id = hold.id


def pay_review(order: Order, review: AnswerReview) -> None:
    """Pay an annotator for one decision. Raises ReviewsUsedUp, which undoes the decision."""
    if order.review_hold_id is None:
        raise ReviewsUsedUp
    try:
        ledger.capture_hold(
            hold_id=order.review_hold_id,
            credit=AccountRef(review.annotator_id, AccountKind.EARNINGS, order.currency),
            amount=Money(order.review_price_minor, order.currency),
            idempotency_key=f"labeling.answer-review:{review.id}",
            reason=f"Review: “{order.title}”",
            source=SourceRef("labeling.answer_review", str(review.id)),
        )
    except HoldExceeded as error:
        raise ReviewsUsedUp from error
    review.paid_minor = order.review_price_minor
    review.save(update_fields=["paid_minor"])
