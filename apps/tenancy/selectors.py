"""Reads of organisations, memberships, keys and the audit trail."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.db import connection, models

from apps.core import clock
from apps.core.errors import NotFound
from apps.core.tenant import all_tenants, tenant_scope
from apps.tenancy import policies
from apps.tenancy.errors import OrganisationNotFound
from apps.tenancy.models import ApiKey, ApiKeyWindow, AuditEntry, Invitation, Membership, Organisation
from apps.tenancy.policies import TenancyPermission
from apps.tenancy.quotas import month_of
from apps.tenancy.types import (
    PLATFORM_ID,
    Actor,
    KeyGrant,
    KeyUsage,
    MembershipInfo,
    OrganisationInfo,
    OrganisationKind,
    Role,
)

if TYPE_CHECKING:
    from apps.core.postgresql.base import DatabaseWrapper

#: A user's memberships in every organisation, the personal one first, for `memberships_from`.
MEMBERSHIPS = "tenancy_memberships({})"


def platform_organisation_id() -> UUID:
    """The platform's own organisation."""
    return PLATFORM_ID


def info_of(row: Organisation) -> OrganisationInfo:
    """The public facts of an organisation's row."""
    return OrganisationInfo(row.id, row.name, row.slug, OrganisationKind(row.kind))


def organisation(organisation_id: UUID) -> OrganisationInfo:
    """Public facts of an organisation. Raises OrganisationNotFound."""
    row = Organisation.objects.filter(id=organisation_id).first()
    if row is None:
        raise OrganisationNotFound
    return info_of(row)


def organisation_by_slug(slug: str) -> UUID | None:
    """The organisation with this public short name, or None."""
    return Organisation.objects.filter(slug=slug.strip().lower()).values_list("id", flat=True).first()


def organisation_names(organisation_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Names by id, in one query."""
    return dict(Organisation.objects.filter(id__in=set(organisation_ids)).values_list("id", "name"))


def memberships_of(user_id: UUID) -> list[MembershipInfo]:
    """The organisations of a user, the personal one first."""
    (found,) = cast("DatabaseWrapper", connection).fetch_prepared(f"SELECT {MEMBERSHIPS.format('%s')}", (user_id,))
    return memberships_from(found)


def memberships_from(answer: str | None) -> list[MembershipInfo]:
    """What `MEMBERSHIPS` answered."""
    return [
        MembershipInfo(OrganisationInfo(UUID(id_), name, slug, OrganisationKind(kind)), Role(role))
        for id_, name, slug, kind, role in json.loads(answer or "[]")
    ]


def personal_organisation_id(user_id: UUID) -> UUID:
    """The user's own organisation. Raises OrganisationNotFound."""
    for membership in memberships_of(user_id):
        if membership.organisation.kind == OrganisationKind.PERSONAL:
            return membership.organisation.id
    raise OrganisationNotFound


def actor_for(
    user_id: UUID,
    organisation_id: UUID | None = None,
    *,
    is_guest: bool = False,
    is_staff: bool = False,
    key: KeyGrant | None = None,
) -> Actor:
    """The user as an actor of an organisation (the personal one where left out). Raises OrganisationNotFound."""
    found = choose_actor(user_id, memberships_of(user_id), organisation_id, is_guest=is_guest, is_staff=is_staff)
    return replace(found, key=key)


def actor_of_key(user_id: UUID, organisation_id: UUID, key_id: str) -> Actor:
    """The actor that came with a key earlier, for work that its call has left to us; without a key where it had none.

    Raises:
        NotFound: the key was revoked or has expired since.
        OrganisationNotFound: the user has left.
    """
    if not key_id:
        return actor_for(user_id, organisation_id)
    key = ApiKey.objects.filter(pk=key_id, revoked=False).first()
    if key is None or key.has_expired:
        raise NotFound("api_key_not_found", "The key of this call is not valid any more.")
    return actor_for(user_id, organisation_id, key=_grant(key))


def choose_actor(
    user_id: UUID,
    memberships: Iterable[MembershipInfo],
    organisation_id: UUID | None = None,
    *,
    is_guest: bool = False,
    is_staff: bool = False,
) -> Actor:
    """`actor_for`, where the user's memberships are at hand, the personal one first."""
    for membership in memberships:
        if organisation_id in (None, membership.organisation.id):
            return Actor(user_id, membership.organisation.id, membership.role, is_guest, is_staff)
    raise OrganisationNotFound


def is_member(user_id: UUID, organisation_id: UUID) -> bool:
    """Whether the user belongs to the organisation, in any role."""
    with all_tenants(reason="a membership is looked up from outside the organisation"):
        return Membership.objects.filter(user_id=user_id, tenant_id=organisation_id).exists()


def members(actor: Actor) -> models.QuerySet[Membership]:
    """The members of the actor's organisation, with their users."""
    policies.require(actor, TenancyPermission.VIEW_MEMBERS)
    return Membership.objects.select_related("user").order_by("id")


def invitations(actor: Actor) -> models.QuerySet[Invitation]:
    """Open invitations of the actor's organisation."""
    policies.require(actor, TenancyPermission.VIEW_MEMBERS)
    return Invitation.objects.order_by("id")


def api_keys(actor: Actor) -> models.QuerySet[ApiKey]:
    """The actor's own live keys for this organisation; administrators see everybody's."""
    policies.require(actor, TenancyPermission.MANAGE_API_KEYS)
    keys = ApiKey.objects.filter(organisation_id=actor.organisation_id, revoked=False).select_related("user")
    if not policies.table.allows(actor, TenancyPermission.MANAGE_MEMBERS):
        keys = keys.filter(user_id=actor.user_id)
    return keys.order_by("-created")


def api_key_owner(secret: str) -> tuple[UUID, UUID, KeyGrant] | None:
    """The user and organisation of a valid key and what it may do, or None (also where it has expired)."""
    try:
        key = cast("ApiKey", ApiKey.objects.get_from_key(secret))
    except ApiKey.DoesNotExist:
        return None
    return None if key.has_expired else (key.user_id, key.organisation_id, _grant(key))


def api_key(actor: Actor, key_id: str) -> ApiKey:
    """One of the keys that the actor sees.

    Raises:
        NotFound: there is none.
    """
    found = api_keys(actor).filter(pk=key_id).first()
    if found is None:
        raise NotFound("api_key_not_found", "There is no such key.")
    return found


def api_key_usage(actor: Actor, key_id: str) -> KeyUsage:
    """What a key was used for in the last 30 days. Raises NotFound."""
    key = api_key(actor, key_id)
    now = clock.now()
    today, month = now.astimezone(UTC).date(), month_of(now)
    rows = ApiKeyWindow.objects.filter(key=key, period="day", starts_at__gte=now - timedelta(days=31))
    days = {row.starts_at.astimezone(UTC).date(): row.requests for row in rows.order_by("-starts_at")}
    this_month = ApiKeyWindow.objects.filter(key=key, period="month", starts_at=month).first()
    return KeyUsage(
        requests_today=days.get(today, 0),
        requests_month=this_month.requests if this_month else 0,
        tokens_month=this_month.tokens if this_month else 0,
        days=tuple(days.items()),
    )


def _grant(key: ApiKey) -> KeyGrant:
    return KeyGrant(
        id=str(key.pk),
        scopes=frozenset(key.scopes),
        agent_ids=None if key.agent_ids is None else frozenset(key.agent_ids),
        requests_per_minute=key.requests_per_minute,
        requests_per_day=key.requests_per_day,
        tokens_per_month=key.tokens_per_month,
    )


def audit_trail(actor: Actor) -> models.QuerySet[AuditEntry]:
    """The audit trail of the actor's organisation, newest first."""
    policies.require(actor, TenancyPermission.VIEW_AUDIT)
    return AuditEntry.objects.order_by("-id")


def seats_taken(organisation_id: UUID) -> int:
    """Members and open invitations."""
    with tenant_scope(organisation_id):
        return Membership.objects.count() + Invitation.objects.count()


def administrator_emails(organisation_id: UUID) -> list[str]:
    """Where notices to an organisation's owners and administrators go."""
    with tenant_scope(organisation_id):
        rows = Membership.objects.filter(role__in=(Role.OWNER, Role.ADMIN)).order_by("id")
        found = list(rows.values_list("user__email", flat=True))
    return [str(email) for email in found if email]
