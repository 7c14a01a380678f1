"""An order with everything that is set on it, drafted in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.core.errors import FieldProblem, InvalidInput
from apps.labeling.models import Order
from apps.labeling.services.eligibility import set_requirements
from apps.labeling.services.machine import set_machine
from apps.labeling.services.review_pay import set_reviews
from apps.tenancy.types import Actor


@dataclass(frozen=True)
class DraftSettings:
    """What is set on a draft beside its items; what is left out stays off.

    Attributes:
        machine: as `set_machine` takes it.
        requirements: `skills`, `languages` and `level`, as `set_requirements` takes them.
        review: `adjudication`, `skill_id`, `price` and `reviews`, as `set_reviews` takes them.
    """

    machine: Mapping[str, Any] | None = None
    requirements: Mapping[str, Any] | None = None
    review: Mapping[str, Any] | None = None


@transaction.atomic
def draft_with(*, actor: Actor, settings: DraftSettings, draft: Callable[[], Order]) -> Order:
    """Save a draft with its settings, or nothing.

    Args:
        draft: saves the draft.

    Raises what the draft and the single settings raise; their fields are named `requirements.…` and `review.…`.
    """
    order = draft()
    if settings.machine:
        order = set_machine(actor=actor, order_id=order.id, machine=settings.machine)
    if settings.requirements:
        with _named("requirements"):
            order = set_requirements(actor=actor, order_id=order.id, **settings.requirements)
    if settings.review:
        with _named("review"):
            order = set_reviews(actor=actor, order_id=order.id, **settings.review)
    return order


@contextmanager
def _named(part: str) -> Iterator[None]:
    """Say of which part of the draft a refused field is."""
    try:
        yield
    except InvalidInput as error:
        problems: list[FieldProblem] = [
            {"field": f"{part}.{one.get('field', '')}".rstrip("."), "message": one["message"]} for one in error.errors
        ]
        raise InvalidInput(error.code, error.message, errors=problems) from error
