"""Blind reviews of appeals: lent to annotators with a record, who have nothing to do with the item or its requester."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, Sum

from apps.core import clock
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling.appeal_errors import AlreadyReviewed, NoReviewer, ReviewExpired, ReviewNotFound, UnusableVerdict
from apps.labeling.appeal_models import Appeal, AppealReview
from apps.labeling.appeal_types import (
    FIRST_REVIEWS,
    MOST_REVIEWS,
    REVIEW_LEASE,
    REVIEW_PRICE,
    REVIEWER_ANSWERS,
    REVIEWER_PERCENT,
    AppealState,
    ReviewInfo,
    Verdict,
)
from apps.labeling.errors import NotPersonal
from apps.labeling.models import AnnotatorStats, Assignment, Order
from apps.labeling.policies import require
from apps.labeling.selectors.appeals import current_review, review_info
from apps.labeling.services.appealing import resolve
from apps.labeling.types import LabelingPermission
from apps.ledger import services as ledger
from apps.ledger.errors import InsufficientFunds
from apps.ledger.types import AccountKind, AccountRef, SourceRef, TransferSpec
from apps.tenancy import selectors as tenancy
from apps.tenancy.types import Actor, OrganisationKind

#: Open appeals that are looked at for one that a reviewer may see.
LOOKED_AT = 200


def take_review(*, actor: Actor) -> ReviewInfo | None:
    """Lend the oldest open appeal that the annotator may review; the one in hand, if there is one; None without any.

    Raises:
        NotPersonal: the actor is a team.
        NoReviewer: the annotator's record is too short or too poor.
    """
    require(actor, LabelingPermission.TASK_WORK)
    _require_record(actor)
    in_hand = current_review(actor)
    if in_hand is not None:
        return in_hand
    for appeal_id, tenant_id in _candidates(actor):
        if actor.user_id is not None and tenancy.is_member(actor.user_id, tenant_id):
            continue
        with tenant_scope(tenant_id), transaction.atomic():
            lent = _lend(actor, appeal_id)
        if lent is not None:
            return lent
    return None


def _require_record(actor: Actor) -> None:
    with tenant_scope(actor.organisation_id):
        if tenancy.organisation(actor.organisation_id).kind != OrganisationKind.PERSONAL:
            raise NotPersonal
        found = AnnotatorStats.as_annotator.aggregate(accepted=Sum("accepted"), rejected=Sum("rejected"))
    accepted = found["accepted"] or 0
    decided = accepted + (found["rejected"] or 0)
    percent = accepted * 100 // max(1, decided)
    if decided < REVIEWER_ANSWERS or percent < REVIEWER_PERCENT:
        raise NoReviewer(decided, percent)


def _candidates(actor: Actor) -> Iterator[tuple[UUID, UUID]]:
    """Open appeals about items that the annotator was never lent, oldest first."""
    with all_tenants(reason="a review is of whichever requester's order has an appeal open"):
        seen = Assignment.objects.filter(annotator_id=actor.organisation_id).values("task_id")
        reviewed = AppealReview.objects.filter(annotator_id=actor.organisation_id, decided_at__isnull=False)
        found = list(
            Appeal.objects.filter(state=AppealState.OPEN)
            .exclude(tenant_id=actor.organisation_id)
            .exclude(annotation__task_id__in=seen)
            .exclude(id__in=reviewed.values("appeal_id"))
            .order_by("filed_at")
            .values_list("id", "tenant_id")[:LOOKED_AT]
        )
    yield from found


def _lend(actor: Actor, appeal_id: UUID) -> ReviewInfo | None:
    """Lend an appeal where a verdict is wanted that nobody is busy with."""
    now = clock.now()
    appeal = Appeal.objects.select_for_update(skip_locked=True).filter(id=appeal_id, state=AppealState.OPEN).first()
    if appeal is None or _busy(appeal, now) >= appeal.reviews_wanted:
        return None
    review_id = uuid7()
    review, _ = AppealReview.objects.update_or_create(
        appeal=appeal,
        annotator_id=actor.organisation_id,
        defaults={"leased_at": now, "expires_at": now + REVIEW_LEASE},
        # The last bits of the id are random, and fixed before anybody looks.
        create_defaults={
            "id": review_id,
            "is_swapped": bool(review_id.int & 1),
            "leased_at": now,
            "expires_at": now + REVIEW_LEASE,
        },
    )
    return review_info(review)


def _busy(appeal: Appeal, now: datetime) -> int:
    """Verdicts given or on their way."""
    live = Q(decided_at__isnull=False) | Q(expires_at__gt=now)
    return AppealReview.objects.filter(live, appeal=appeal).count()


def decide_review(*, actor: Actor, review_id: UUID, verdict: str) -> Money:
    """Give a verdict, and be paid for it, whatever it is. The same verdict again changes nothing.

    Two verdicts that agree on whether the annotator's value is right decide the appeal; else a third does.

    Returns:
        What the review pays.

    Raises:
        ReviewNotFound, UnusableVerdict, AlreadyReviewed
        ReviewExpired: somebody else has taken it, or the appeal was decided.
    """
    require(actor, LabelingPermission.TASK_WORK)
    with tenant_scope(actor.organisation_id):
        own = AppealReview.as_annotator.filter(id=review_id).values_list("tenant_id", "appeal_id").first()
    if own is None:
        raise ReviewNotFound
    tenant_id, appeal_id = own
    with tenant_scope(tenant_id), transaction.atomic():
        order_id = Appeal.objects.values_list("order_id", flat=True).get(id=appeal_id)
        order = Order.objects.select_for_update(no_key=True).get(id=order_id)
        appeal = Appeal.objects.select_for_update().get(id=appeal_id)
        review = AppealReview.objects.select_for_update().get(id=review_id)
        chosen = _verdict(appeal, verdict)
        if review.decided_at is not None:
            if review.verdict != chosen:
                raise AlreadyReviewed
            return Money(review.paid_minor, REVIEW_PRICE.currency)
        _require_live(appeal, review)
        own_side = Verdict.SECOND if review.is_swapped else Verdict.FIRST
        review.verdict, review.supports = chosen, chosen in (own_side, Verdict.BOTH)
        review.decided_at, review.paid_minor = clock.now(), REVIEW_PRICE.minor
        review.save(update_fields=["verdict", "supports", "decided_at", "paid_minor"])
        _pay(review)
        _count(order, appeal)
    return REVIEW_PRICE


def _verdict(appeal: Appeal, verdict: str) -> Verdict:
    allowed = (Verdict.BOTH, Verdict.NEITHER) if appeal.is_same else tuple(Verdict)
    if verdict not in allowed:
        raise UnusableVerdict(", ".join(allowed))
    return Verdict(verdict)


def _require_live(appeal: Appeal, review: AppealReview) -> None:
    now = clock.now()
    if appeal.state != AppealState.OPEN:
        raise ReviewExpired
    if review.expires_at <= now and _busy(appeal, now) >= appeal.reviews_wanted:
        raise ReviewExpired


def _count(order: Order, appeal: Appeal) -> None:
    """Decide the appeal, or ask for the verdict that breaks a tie."""
    given = list(AppealReview.objects.filter(appeal=appeal).exclude(verdict="").values_list("supports", flat=True))
    supported = given.count(True)
    if len(given) >= FIRST_REVIEWS and supported * 2 != len(given):
        resolve(order, appeal, supported=supported, verdicts=len(given))
    elif len(given) == FIRST_REVIEWS:
        appeal.reviews_wanted = MOST_REVIEWS
        appeal.save(update_fields=["reviews_wanted"])


def _pay(review: AppealReview) -> None:
    """Pay a review from the platform's fees; what they do not cover the platform owes, and the reviewer has it."""
    platform = tenancy.platform_organisation_id()
    fees = AccountRef(platform, AccountKind.FEES, REVIEW_PRICE.currency)
    owed = AccountRef(platform, AccountKind.RECEIVABLE, REVIEW_PRICE.currency, "reviews")
    payment = TransferSpec(
        fees,
        AccountRef(review.annotator_id, AccountKind.EARNINGS, REVIEW_PRICE.currency),
        REVIEW_PRICE,
        f"labeling.review:{review.id}",
        "Review of an appeal",
        SourceRef("labeling.review", str(review.id)),
    )
    try:
        with transaction.atomic():
            ledger.post_batch([payment])
    except InsufficientFunds:
        ledger.post_batch([replace(payment, debit=owed)])
