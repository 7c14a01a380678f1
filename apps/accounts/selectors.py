"""Reads of users and wallets."""

from __future__ import annotations

from uuid import UUID

from apps.accounts.models import User, Wallet
from apps.core.tenant import all_tenants


def user(user_id: UUID) -> User | None:
    """An active user, or None."""
    return User.objects.filter(id=user_id, is_active=True).first()


def guest(user_id: UUID) -> User | None:
    """A guest that has not signed up yet, or None."""
    return User.objects.filter(id=user_id, is_active=True, is_guest=True).first()


def wallet_address(organisation_id: UUID) -> str | None:
    """The address that an organisation is paid out to, with its checksum, or None."""
    with all_tenants(reason="payouts look up the payee's wallet"):
        return Wallet.objects.filter(tenant_id=organisation_id).values_list("address", flat=True).first()
