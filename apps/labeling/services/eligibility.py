"""What annotators declare of themselves, and what orders ask of annotators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.core.tenant import tenant_scope
from apps.labeling.eligibility import check_languages, check_requirements
from apps.labeling.errors import NotPersonal, WrongOrderState
from apps.labeling.models import AnnotatorProfile, BoardListing, Order
from apps.labeling.policies import require
from apps.labeling.selectors.eligibility import Profile, profile, usable_skills
from apps.labeling.services.orders import lock_order
from apps.labeling.types import OPEN_ORDER_STATES, LabelingPermission, OrderState
from apps.tenancy import selectors as tenancy
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor, OrganisationKind


def declare_languages(*, actor: Actor, languages: Sequence[Any]) -> Profile:
    """Say which languages the annotator speaks, in place of what was said before.

    Raises NotPersonal, InvalidInput `unknown_language`.
    """
    require(actor, LabelingPermission.TASK_WORK)
    codes = check_languages(languages)
    if tenancy.organisation(actor.organisation_id).kind != OrganisationKind.PERSONAL:
        raise NotPersonal
    with tenant_scope(actor.organisation_id), transaction.atomic():
        AnnotatorProfile.objects.update_or_create(tenant_id=actor.organisation_id, defaults={"languages": list(codes)})
    return profile(actor)


@transaction.atomic
def set_requirements(
    *, actor: Actor, order_id: UUID, skills: Sequence[UUID] = (), languages: Sequence[Any] = (), level: int = 0
) -> Order:
    """What an order asks of those who want to work on it. In a running order it counts for those who come from now on.

    Raises OrderNotFound, WrongOrderState, InvalidInput naming the field.
    """
    order = lock_order(actor, order_id, LabelingPermission.ORDER_CREATE)
    if order.state not in (OrderState.DRAFT, *OPEN_ORDER_STATES):
        raise WrongOrderState(order.state, "a draft or running")
    usable = [skill.id for skill in usable_skills(actor)]
    asked = check_requirements(skills=skills, languages=languages, level=level, usable_skills=usable)
    order.requirements = asked.as_json()
    order.save(update_fields=["requirements", "updated_at"])
    BoardListing.objects.filter(order_id=order.id).update(requirements=order.requirements)
    record_audit(actor, action="order.requirements", target_type="order", target_id=order.id, detail=order.requirements)
    return order
