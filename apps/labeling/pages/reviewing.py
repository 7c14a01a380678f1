"""Pages of review and adjudication: for members of the requester, and for annotators with the reviewer's skill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import actor_required
from apps.core.errors import Conflict, InvalidInput, NotPermitted, PaymentRequired
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.brief import instruction_html
from apps.labeling.design import Design
from apps.labeling.errors import OrderNotFound
from apps.labeling.pages.forms import money_of
from apps.labeling.pages.live import live_page
from apps.labeling.pages.work import annotator_of_visitor
from apps.labeling.policies import table
from apps.labeling.review_errors import UnusableSettings
from apps.labeling.review_types import MAX_REASON, MIN_REASON, ReviewedItem
from apps.labeling.selectors import orders
from apps.labeling.selectors import reviewing as selectors
from apps.labeling.selectors.eligibility import usable_skills
from apps.labeling.types import Answer, LabelingPermission
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor


@contextmanager
def _annotator(request: HttpRequest) -> Iterator[Actor]:
    with annotator_of_visitor(request) as actor:
        if actor is None:
            raise OrderNotFound
        yield actor


@require_GET
@never_cache
@actor_required
def queue(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """GET /orders/<order>/review/: items whose answers differ, the most disputed first; who may review."""
    actor = actor_of(request)
    order = orders.order(actor, order_id)
    may_review = table.allows(actor, LabelingPermission.ORDER_REVIEW)
    items = selectors.review_queue(selectors.reviewer_of(actor, order_id), order_id) if may_review else []
    context = {
        "order": order,
        "items": items,
        "may_review": may_review,
        "may_set": table.allows(actor, LabelingPermission.ORDER_LAUNCH),
        "skills": usable_skills(actor),
        "price": Money(order.review_price_minor or 5, order.currency).minor / 100,
        "item_route": "orders:review-item",
        "order_url": reverse("orders:order", args=[order.id]),
    }
    return live_page(request, "review_queue", "review_queue_live", context)


@require_POST
@actor_required
def settings(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """POST /orders/<order>/review/settings/ with `adjudication`, `skill`, `price`, `reviews`."""
    actor = actor_of(request)
    orders.order(actor, order_id)
    skill, reviews = request.POST.get("skill", ""), request.POST.get("reviews", "")
    try:
        services.set_reviews(
            actor=actor,
            order_id=order_id,
            adjudication=bool(request.POST.get("adjudication")),
            skill_id=UUID(skill) if skill else None,
            price=_price(request.POST.get("price", "")),
            reviews=int(reviews) if reviews.isdecimal() else 0,
        )
    except (InvalidInput, Conflict, PaymentRequired) as error:
        messages.warning(request, error.message)
    except ValueError:
        messages.warning(request, "Choose a skill from the list.")
    else:
        messages.success(request, "Saved.")
    return redirect("orders:review", order_id)


def _price(text: str) -> Money:
    try:
        return money_of(Decimal(text or "0"))
    except (InvalidOperation, ValueError):
        raise UnusableSettings("price", "The price is an amount in dollars, such as 0.05.") from None


@require_GET
@never_cache
@actor_required
def item(request: HttpRequest, order_id: UUID, task_id: UUID) -> HttpResponse:
    """GET /orders/<order>/review/<task>/: the item, its answers as they were given, the adjudicator's editors."""
    actor = actor_of(request)
    found = selectors.reviewed_item(selectors.reviewer_of(actor, order_id), order_id, task_id)
    return _item_page(request, found, "orders")


@require_POST
@actor_required
def decide(request: HttpRequest, order_id: UUID, task_id: UUID) -> HttpResponse:
    """POST /orders/<order>/review/<task>/decide/: an answer accepted or rejected, or the item adjudicated."""
    return _decide(request, actor_of(request), order_id, task_id, "orders:review-item")


@require_GET
@never_cache
@actor_required
def annotator_queue(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """GET /work/<order>/review/: the queue for an annotator with the reviewer's skill."""
    with _annotator(request) as actor:
        reviewer = selectors.reviewer_of(actor, order_id)
        items = selectors.review_queue(reviewer, order_id)
    with tenant_scope(reviewer.tenant_id):
        order = orders.order(Actor.system(reviewer.tenant_id), order_id)
    context = {
        "order": order,
        "items": items,
        "may_review": True,
        "pay": Money(order.review_price_minor, order.currency),
        "item_route": "work:review-item",
        "order_url": reverse("work:player", args=[order.id]),
    }
    return live_page(request, "review_queue", "review_queue_live", context)


@require_GET
@never_cache
@actor_required
def annotator_item(request: HttpRequest, order_id: UUID, task_id: UUID) -> HttpResponse:
    """GET /work/<order>/review/<task>/"""
    with _annotator(request) as actor:
        found = selectors.reviewed_item(selectors.reviewer_of(actor, order_id), order_id, task_id)
    return _item_page(request, found, "work")


@require_POST
@actor_required
def annotator_decide(request: HttpRequest, order_id: UUID, task_id: UUID) -> HttpResponse:
    """POST /work/<order>/review/<task>/decide/"""
    with _annotator(request) as actor:
        return _decide(request, actor, order_id, task_id, "work:review-item")


def _item_page(request: HttpRequest, found: ReviewedItem, side: str) -> HttpResponse:
    """The page for one side: “orders”, the requester's, or “work”, an annotator's."""
    design = Design.from_json(found.design)
    place = [found.order_id, found.task_id]
    context: dict[str, Any] = {
        "item": found,
        "design": design,
        "instruction": instruction_html(found.instruction),
        "shown": [(one, found.data[one.name]) for one in design.inputs],
        "queue_url": reverse(f"{side}:review", args=[found.order_id]),
        "item_url": reverse(f"{side}:review-item", args=place),
        "decide_url": reverse("orders:review-decide" if side == "orders" else "work:review-item-decide", args=place),
        "may_follow": side == "orders",
        "stamp": found.stamp,
        "is_news": request.GET.get("seen", found.stamp) != found.stamp,
        "review": found.as_json(),
        "least": MIN_REASON,
        "most": MAX_REASON,
    }
    return live_page(request, "review_item", "review_item_live", context)


def _decide(request: HttpRequest, actor: Actor, order_id: UUID, task_id: UUID, item_route: str) -> HttpResponse:
    found = selectors.reviewed_item(selectors.reviewer_of(actor, order_id), order_id, task_id)
    try:
        _act(request, actor, found)
    except (InvalidInput, Conflict, NotPermitted) as error:
        messages.warning(request, error.message)
    else:
        messages.success(request, "Decided; its annotators are told.")
    return redirect(item_route, order_id, task_id)


def _act(request: HttpRequest, actor: Actor, found: ReviewedItem) -> None:
    reason = request.POST.get("reason", "")
    verdict, _, annotation_id = request.POST.get("verdict", "").partition(":")
    if not verdict:
        answer = _answer(request, found)
        services.adjudicate(actor=actor, order_id=found.order_id, task_id=found.task_id, answer=answer, reason=reason)
        return
    given = next((one.id for one in found.answers if str(one.id) == annotation_id), None)
    if given is None:
        raise InvalidInput("answer_missing", "The form names no answer of this item. Open the page again.")
    services.review_answer(actor=actor, order_id=found.order_id, annotation_id=given, verdict=verdict, reason=reason)


def _answer(request: HttpRequest, found: ReviewedItem) -> Answer:
    """The adjudicator's answer: from the editors as JSON, or one of those that were given."""
    text, chosen = request.POST.get("answer", ""), request.POST.get("as", "")
    given = next((one.answer for one in found.answers if str(one.id) == chosen), None)
    if given is not None:
        return given
    if not text:
        raise InvalidInput("unusable_answer", "Choose which of the answers is right.")
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise InvalidInput("unusable_answer", "The answer did not come as a whole. Open the page again.")
    return read
