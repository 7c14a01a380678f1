"""As whom somebody works."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.core.tenant import all_tenants
from apps.labeling.appeal_models import Appeal, AppealReview
from apps.labeling.case_models import ReviewCase
from apps.labeling.models import Annotation, AnnotatorStats, Assignment
from apps.tenancy import selectors as tenancy
from apps.tenancy.types import Actor, OrganisationKind


def annotator_of(actor: Actor, *, chose_organisation: bool) -> Actor:
    """The person behind an actor of a browser session, in the own personal organisation, where work is paid.

    Args:
        chose_organisation: the session has switched to an organisation, which may be a team.
    """
    if not chose_organisation or actor.user_id is None:
        return actor
    if tenancy.organisation(actor.organisation_id).kind == OrganisationKind.PERSONAL:
        return actor
    return tenancy.actor_for(actor.user_id, is_guest=actor.is_guest, is_staff=actor.is_staff)


@transaction.atomic
def move_work(*, source_id: UUID, target_id: UUID) -> None:
    """A guest signed in as an existing user: the guest's answers are the user's.

    Orders in which both have worked stay apart, for nobody answers an item twice; their pay goes to the user all the
    same (the ledger joins the accounts).
    """
    with all_tenants(reason="an annotator's answers are in the orders of many requesters"):
        both = AnnotatorStats.objects.filter(annotator_id=target_id).values("order_id")
        for model in (Assignment, Annotation, AnnotatorStats, Appeal, ReviewCase):
            rows = model.objects.filter(annotator_id=source_id).exclude(order_id__in=both)
            ids = list(rows.values_list("id", flat=True))
            model.objects.filter(id__in=ids).update(annotator_id=target_id)
        reviewed = AppealReview.objects.filter(annotator_id=target_id).values("appeal_id")
        reviews = AppealReview.objects.filter(annotator_id=source_id).exclude(appeal_id__in=reviewed)
        AppealReview.objects.filter(id__in=list(reviews.values_list("id", flat=True))).update(annotator_id=target_id)
