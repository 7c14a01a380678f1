"""Pages of appeals: an answer with its history, reviews for annotators, the appeals in an order for its requester."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import actor_required
from apps.core.errors import Conflict, InvalidInput, NotPermitted
from apps.core.money import Money
from apps.core.pagination import cursor_page
from apps.labeling import services
from apps.labeling.appeal_errors import AppealNotFound
from apps.labeling.appeal_types import MAX_APPEAL, MIN_APPEAL, REVIEW_PRICE, ReviewInfo, Verdict
from apps.labeling.brief import instruction_html
from apps.labeling.design import Design
from apps.labeling.pages.live import live_page
from apps.labeling.pages.work import annotator_of_visitor
from apps.labeling.selectors import appeals as selectors
from apps.labeling.selectors import orders
from apps.tenancy.actors import actor_of

#: What a verdict says; where both values are the same, BOTH and NEITHER say whether it is right.
WORDS = {
    Verdict.FIRST: "Only A is right",
    Verdict.SECOND: "Only B is right",
    Verdict.BOTH: "Both are right",
    Verdict.NEITHER: "Neither is right",
}
WORDS_FOR_ONE = {Verdict.BOTH: "It is right", Verdict.NEITHER: "It is wrong"}


@require_GET
@never_cache
@actor_required
def answer_page(request: HttpRequest, annotation_id: UUID) -> HttpResponse:
    """GET /work/mine/<annotation>/: one answer, what became of it, and how to appeal."""
    return _answer_page(request, annotation_id)


def _answer_page(
    request: HttpRequest, annotation_id: UUID, error: InvalidInput | None = None, text: str = ""
) -> HttpResponse:
    with annotator_of_visitor(request) as actor:
        if actor is None:
            return redirect("work:board")
        answer = selectors.my_annotation(actor, annotation_id)
        try:
            appeal = selectors.my_appeal(actor, annotation_id)
        except AppealNotFound:
            appeal = None
    context: dict[str, Any] = {"answer": answer, "appeal": appeal, "error": error, "text": text, "annotator": actor}
    context |= {"least": MIN_APPEAL, "most": MAX_APPEAL}
    return live_page(request, "answer", "answer_live", context, status=422 if error else 200)


@require_POST
@actor_required
def file_appeal(request: HttpRequest, annotation_id: UUID) -> HttpResponse:
    """POST /work/mine/<annotation>/appeal/ with `text`."""
    text = request.POST.get("text", "")
    try:
        with annotator_of_visitor(request) as actor:
            if actor is not None:
                services.file_appeal(actor=actor, annotation_id=annotation_id, text=text)
    except InvalidInput as error:
        return _answer_page(request, annotation_id, error, text)
    except Conflict as error:
        messages.warning(request, error.message)
    else:
        messages.success(request, "Your appeal is filed. Others will look at the answer without knowing whose it is.")
    return redirect("work:annotation", annotation_id)


@require_GET
@never_cache
@actor_required
def reviews(request: HttpRequest) -> HttpResponse:
    """GET /work/reviews/: the review in hand, or how to take one and what it pays."""
    with annotator_of_visitor(request) as actor:
        if actor is None:
            return redirect("work:board")
        review = selectors.current_review(actor)
        given, paid = selectors.my_reviews(actor)
    context: dict[str, Any] = {"price": REVIEW_PRICE, "given": given, "paid": Money(paid, REVIEW_PRICE.currency)}
    if review is not None:
        context |= _shown(review)
    return render(request, "labeling/reviews.html", context)


def _shown(review: ReviewInfo) -> dict[str, Any]:
    design = Design.from_json(review.design)
    words = WORDS if review.second is not None else WORDS_FOR_ONE
    return {
        "review": review,
        "design": design,
        "instruction": instruction_html(review.instruction),
        "shown": [(one, review.data[one.name]) for one in design.inputs],
        "first": design.shown_answer(review.first),
        "second": design.shown_answer(review.second) if review.second is not None else None,
        "answers": {
            "design": review.design,
            "data": review.data,
            "answers": [
                {"id": name, "answer": answer}
                for name, answer in (("first", review.first), ("second", review.second))
                if answer is not None
            ],
        },
        "verdicts": [(verdict.value, words[verdict]) for verdict in review.verdicts],
    }


@require_POST
@actor_required
def take_review(request: HttpRequest) -> HttpResponse:
    """POST /work/reviews/take/"""
    try:
        with annotator_of_visitor(request) as actor:
            if actor is not None and services.take_review(actor=actor) is None:
                messages.info(request, "No appeal waits for a review of yours right now.")
    except NotPermitted as error:
        messages.warning(request, error.message)
    return redirect("work:reviews")


@require_POST
@actor_required
def decide_review(request: HttpRequest, review_id: UUID) -> HttpResponse:
    """POST /work/reviews/<review>/decide/ with `verdict`."""
    try:
        with annotator_of_visitor(request) as actor:
            if actor is not None:
                paid = services.decide_review(actor=actor, review_id=review_id, verdict=request.POST.get("verdict", ""))
                messages.success(request, f"Thank you: {paid} is in your earnings.")
    except (Conflict, InvalidInput) as error:
        messages.warning(request, error.message)
    return redirect("work:reviews")


@require_GET
@actor_required
def order_appeals(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """GET /orders/<order>/appeals/: what annotators appealed, and what reviewers found."""
    order = orders.order(actor_of(request), order_id)
    page = cursor_page(request, selectors.order_appeals(order))
    context = {
        "order": order,
        "rows": [selectors.appeal_info(row) for row in page.results],
        "page": page,
        "kept": services.reserve_of(order) if order.closed_at and order.hold_id else None,
        "order_url": reverse("orders:order", args=[order.id]),
    }
    return live_page(request, "order_appeals", "order_appeals_live", context)
