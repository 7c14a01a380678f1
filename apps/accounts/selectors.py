"""Reads of users and wallets."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from apps.accounts.models import User, Wallet, WalletEntry
from apps.accounts.types import WalletInfo
from apps.core.tenant import all_tenants, tenant_scope
from apps.tenancy import selectors as tenancy
from apps.tenancy.types import Actor, Role


def user(user_id: UUID) -> User | None:
    """An active user, or None."""
    return User.objects.filter(id=user_id, is_active=True).first()


def guest(user_id: UUID) -> User | None:
    """A guest that has not signed up yet, or None."""
    return User.objects.filter(id=user_id, is_active=True, is_guest=True).first()


def names_of(user_ids: set[UUID]) -> dict[UUID, str]:
    """What users are shown as, by id."""
    return {row.id: str(row) for row in User.objects.filter(id__in=user_ids)}


def owner_addresses(organisation_id: UUID) -> list[str]:
    """E-mail addresses of an organisation's owners: who is told when something about its money changes."""
    with tenant_scope(organisation_id):
        owners = tenancy.members(Actor.system(organisation_id)).filter(role=Role.OWNER, user__is_active=True)
        return [str(row.user.email) for row in owners if row.user.email]


def wallet(organisation_id: UUID) -> WalletInfo:
    """Where an organisation is paid, whether that is proved to be its own, and the change that waits."""
    with all_tenants(reason="payouts look up the payee's wallet"):
        row = Wallet.objects.filter(tenant_id=organisation_id).first()
    if row is None:
        return WalletInfo()
    return WalletInfo(
        address=row.address,
        is_proved=row.proved_at is not None,
        pending_address=row.pending_address or None,
        pending_is_proved=row.pending_proved_at is not None,
        pending_until=row.pending_until,
    )


def wallet_address(organisation_id: UUID) -> str | None:
    """The address that an organisation is paid out to, with its checksum, or None."""
    return wallet(organisation_id).address


def linked_wallet(organisation_id: UUID) -> str | None:
    """The address that an organisation has proved to be its own, or None: the owner of what it has on chain."""
    found = wallet(organisation_id)
    return found.address if found.is_proved else None


def linked_wallets(organisation_ids: Iterable[UUID]) -> dict[UUID, str]:
    """`linked_wallet` of those organisations that have one, in one query."""
    with all_tenants(reason="what organisations have on chain is at their linked wallets"):
        rows = Wallet.objects.filter(tenant_id__in=set(organisation_ids), proved_at__isnull=False)
        return dict(rows.values_list("tenant_id", "address"))


def organisation_of_wallet(address: str) -> UUID | None:
    """The one organisation that has proved an address (with its checksum) to be its own, or None."""
    with all_tenants(reason="what an address owns on chain belongs to the organisation that linked it"):
        return (
            Wallet.objects.filter(address=address, proved_at__isnull=False).values_list("tenant_id", flat=True).first()
        )


def is_linked_elsewhere(address: str, organisation_id: UUID) -> bool:
    """Whether another organisation has proved the address."""
    found = organisation_of_wallet(address)
    return found is not None and found != organisation_id


def wallet_history(actor: Actor) -> QuerySet[WalletEntry]:
    """What happened to the wallet of the actor's organisation, newest first."""
    return WalletEntry.objects.filter(tenant_id=actor.organisation_id).order_by("-id")


def wallet_entry(organisation_id: UUID, entry_id: UUID) -> WalletEntry:
    """One line of an organisation's wallet history."""
    with tenant_scope(organisation_id):
        return WalletEntry.objects.get(id=entry_id)
