"""As whom somebody works."""

from __future__ import annotations

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
