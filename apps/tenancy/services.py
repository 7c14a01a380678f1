"""Changes of organisations, memberships and keys, each with its line in the audit trail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from apps.core import clock
from apps.core.errors import Conflict, FieldProblem, InvalidInput, NotFound, NotPermitted
from apps.core.ids import uuid7
from apps.core.tenant import all_tenants, tenant_scope
from apps.tenancy import limits, policies
from apps.tenancy.agent_choices import agent_choices
from apps.tenancy.errors import LastOwner
from apps.tenancy.limits import Limit
from apps.tenancy.models import ApiKey, AuditEntry, Invitation, Membership, Organisation
from apps.tenancy.policies import TenancyPermission
from apps.tenancy.selectors import api_key, info_of, seats_taken
from apps.tenancy.types import Actor, IssuedApiKey, KeyScope, KeyWishes, OrganisationInfo, OrganisationKind, Role

SLUG_TRIES = 5
MAX_KEY_LIMIT = 2**31


def record_audit(
    actor: Actor, *, action: str, target_type: str, target_id: object, detail: dict[str, Any] | None = None
) -> None:
    """Add a line to the audit trail of the actor's organisation, in the caller's transaction."""
    with tenant_scope(actor.organisation_id):
        AuditEntry.objects.create(
            tenant_id=actor.organisation_id,
            user_id=actor.user_id,
            action=action,
            target_type=target_type,
            target_id=str(target_id),
            detail=detail or {},
        )


@transaction.atomic
def create_organisation(
    *, user_id: UUID, name: str, kind: OrganisationKind = OrganisationKind.TEAM
) -> OrganisationInfo:
    """Found an organisation with the user as its owner."""
    name = name.strip()
    if not name:
        raise InvalidInput(
            "name_missing", "Give the organisation a name.", errors=[{"field": "name", "message": "A name is needed."}]
        )
    row = _create_with_free_slug(name, kind)
    with tenant_scope(row.id):
        Membership.objects.create(tenant_id=row.id, user_id=user_id, role=Role.OWNER)
    record_audit(
        Actor(user_id, row.id, Role.OWNER), action="organisation.created", target_type="organisation", target_id=row.id
    )
    return info_of(row)


def _create_with_free_slug(name: str, kind: OrganisationKind) -> Organisation:
    base = slugify(name)[:48] or "organisation"
    for attempt in range(SLUG_TRIES):
        slug = base if attempt == 0 else f"{base}-{uuid7().hex[-8:]}"
        try:
            with transaction.atomic():
                return Organisation.objects.create(name=name, slug=slug, kind=kind)
        except IntegrityError:
            continue
    raise Conflict("slug_taken", "This name is taken. Choose another one.")


@transaction.atomic
def rename_organisation(*, organisation_id: UUID, name: str) -> None:
    """Change the public name; the slug and its links stay."""
    Organisation.objects.filter(id=organisation_id).update(name=name.strip())


@transaction.atomic
def invite_member(*, actor: Actor, email: str, role: Role) -> None:
    """Invite by e-mail address; inviting the same address again changes the role. Raises `quota_exceeded`."""
    policies.require(actor, TenancyPermission.MANAGE_MEMBERS)
    _refuse_higher_role(actor, role)
    email = email.strip().lower()
    if Membership.objects.filter(user__email=email).exists():
        raise Conflict("already_member", f"{email} is already a member.", field="email")
    if not Invitation.objects.filter(email=email).exists():
        limits.require_room(
            organisation_id=actor.organisation_id, limit=Limit.SEATS, used=seats_taken(actor.organisation_id)
        )
    Invitation.objects.update_or_create(email=email, defaults={"role": role})
    record_audit(actor, action="member.invited", target_type="email", target_id=email, detail={"role": role})


@transaction.atomic
def withdraw_invitation(*, actor: Actor, invitation_id: UUID) -> None:
    """Take back an open invitation."""
    policies.require(actor, TenancyPermission.MANAGE_MEMBERS)
    deleted, _ = Invitation.objects.filter(id=invitation_id).delete()
    if not deleted:
        raise NotFound("invitation_not_found", "There is no such invitation.")
    record_audit(actor, action="member.invitation_withdrawn", target_type="invitation", target_id=invitation_id)


@transaction.atomic
def accept_invitations(*, user_id: UUID, email: str) -> int:
    """Make a user with a verified or password-proven address a member wherever it was invited.

    Returns:
        How many organisations were joined.
    """
    with all_tenants(reason="invitations to one address from any organisation"):
        found = list(Invitation.objects.filter(email=email.strip().lower()))
        for invitation in found:
            Membership.objects.get_or_create(
                tenant_id=invitation.tenant_id, user_id=user_id, defaults={"role": invitation.role}
            )
            record_audit(
                Actor(user_id, invitation.tenant_id, Role(invitation.role)),
                action="member.joined",
                target_type="user",
                target_id=user_id,
            )
            invitation.delete()
    return len(found)


@transaction.atomic
def change_role(*, actor: Actor, membership_id: UUID, role: Role) -> None:
    """Give a member another role. Nobody hands out a role above the own, or takes the last owner away."""
    policies.require(actor, TenancyPermission.MANAGE_MEMBERS)
    _refuse_higher_role(actor, role)
    membership = _lock_membership(actor, membership_id)
    if membership.role == Role.OWNER and role != Role.OWNER:
        _keep_an_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    record_audit(
        actor, action="member.role_changed", target_type="user", target_id=membership.user_id, detail={"role": role}
    )


@transaction.atomic
def remove_member(*, actor: Actor, membership_id: UUID) -> None:
    """Remove a member; the member's keys for this organisation end with it."""
    policies.require(actor, TenancyPermission.MANAGE_MEMBERS)
    membership = _lock_membership(actor, membership_id)
    if membership.role == Role.OWNER:
        _keep_an_owner(membership)
    ApiKey.objects.filter(organisation_id=actor.organisation_id, user_id=membership.user_id).update(revoked=True)
    membership.delete()
    record_audit(actor, action="member.removed", target_type="user", target_id=membership.user_id)


def _lock_membership(actor: Actor, membership_id: UUID) -> Membership:
    """Lock all memberships of the organisation in key order, so that two owners cannot remove each other at once."""
    rows = {row.id: row for row in Membership.objects.select_for_update().order_by("id")}
    if membership_id not in rows:
        raise NotFound("member_not_found", "There is no such member.")
    membership = rows[membership_id]
    _refuse_higher_role(actor, Role(membership.role))
    return membership


def _keep_an_owner(membership: Membership) -> None:
    if not Membership.objects.filter(role=Role.OWNER).exclude(id=membership.id).exists():
        raise LastOwner


def _refuse_higher_role(actor: Actor, role: Role) -> None:
    if role.rank > actor.role.rank:
        raise NotPermitted("role_above_own", "You cannot manage a role above your own.")


@transaction.atomic
def issue_api_key(*, actor: Actor, name: str, wishes: KeyWishes | None = None) -> IssuedApiKey:
    """Make a key that acts as this user for this organisation, within `wishes`. Its secret cannot be read again.

    Raises:
        NotPermitted: the caller is a guest, or came with a key that is limited itself.
        InvalidInput: a limit makes no sense, or names an agent that the organisation may not call.
    """
    policies.require(actor, TenancyPermission.MANAGE_API_KEYS)
    if actor.user_id is None or actor.is_guest:
        raise NotPermitted("guest", "Sign up first; a guest has no API keys.")
    _refuse_limited_key(actor)
    key, secret = ApiKey.objects.create_key(
        name=name.strip()[:50] or "API key",
        organisation_id=actor.organisation_id,
        user_id=actor.user_id,
        **(_key_limits(actor, wishes) if wishes is not None else {}),
    )
    record_audit(actor, action="api_key.issued", target_type="api_key", target_id=key.prefix, detail={"name": key.name})
    return IssuedApiKey(str(key.pk), key.name, f"sk_{secret}")


@transaction.atomic
def change_api_key(*, actor: Actor, key_id: str, wishes: KeyWishes) -> None:
    """Give a key another name, other scopes and limits; calls that it makes from now on are held to them."""
    _refuse_limited_key(actor)
    key = api_key(actor, key_id)
    key.name = wishes.name.strip()[:50] or key.name
    for field, value in _key_limits(actor, wishes).items():
        setattr(key, field, value)
    key.save()
    record_audit(
        actor, action="api_key.changed", target_type="api_key", target_id=key.prefix, detail={"name": key.name}
    )


def _refuse_limited_key(actor: Actor) -> None:
    if actor.key is not None and actor.key.is_limited:
        raise NotPermitted("key_scope", "A limited key cannot make or change keys.")


def _key_limits(actor: Actor, wishes: KeyWishes) -> dict[str, Any]:
    """The columns of a key's limits, checked."""
    problems: list[FieldProblem] = []
    if not wishes.scopes:
        problems.append({"field": "scopes", "message": "Choose at least one."})
    for field in ("requests_per_minute", "requests_per_day", "tokens_per_month"):
        limit = getattr(wishes, field)
        if limit is not None and not 1 <= limit < MAX_KEY_LIMIT:
            problems.append({"field": field, "message": "A whole number above 0, or nothing for no limit."})
    if wishes.expires_at is not None and wishes.expires_at <= clock.now():
        problems.append({"field": "expires_at", "message": "Choose a time to come."})
    if wishes.agent_ids is not None and not set(wishes.agent_ids) <= {choice[0] for choice in agent_choices(actor)}:
        problems.append({"field": "agent_ids", "message": "Choose agents that your organisation may call."})
    if problems:
        raise InvalidInput("key_limits_invalid", problems[0]["message"], errors=problems)
    return {
        "scopes": [str(scope) for scope in KeyScope if scope in wishes.scopes],
        "agent_ids": None if wishes.agent_ids is None else list(wishes.agent_ids),
        "requests_per_minute": wishes.requests_per_minute,
        "requests_per_day": wishes.requests_per_day,
        "tokens_per_month": wishes.tokens_per_month,
        "expiry_date": wishes.expires_at,
    }


@transaction.atomic
def revoke_api_key(*, actor: Actor, key_id: str) -> None:
    """End a key at once."""
    policies.require(actor, TenancyPermission.MANAGE_API_KEYS)
    keys = ApiKey.objects.filter(organisation_id=actor.organisation_id, pk=key_id, revoked=False)
    if not policies.table.allows(actor, TenancyPermission.MANAGE_MEMBERS):
        keys = keys.filter(user_id=actor.user_id)
    if not keys.update(revoked=True):
        raise NotFound("api_key_not_found", "There is no such key.")
    record_audit(actor, action="api_key.revoked", target_type="api_key", target_id=key_id.partition(".")[0])
