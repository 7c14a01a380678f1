"""Users, guests and payout wallets."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

from apps.accounts.types import WalletAction
from apps.core.append_only import never_truncated
from apps.core.ids import uuid7
from apps.core.tenant import TenantOwned


class UserManager(BaseUserManager["User"]):
    """Makes users; an account always has a personal organisation (`services.register_user`)."""

    def create_user(self, email: str | None = None, password: str | None = None, **fields: Any) -> User:
        """A user; without a password it can only be signed in by other means."""
        user = self.model(email=self.normalize_email(email).lower() if email else None, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A member of the platform's staff."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. A guest has no e-mail yet; signing up turns the same row into an account."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(null=True, blank=True, unique=True)  # many guests have none, and addresses are unique
    display_name = models.CharField(max_length=80, blank=True)
    is_guest = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_once"),
            models.CheckConstraint(
                condition=models.Q(is_guest=True, email=None) | models.Q(is_guest=False, email__isnull=False),
                name="user_guest_has_no_email",
            ),
        ]

    def __str__(self) -> str:
        return self.display_name or self.email or "Guest"


class Wallet(TenantOwned):
    """The EVM address that an organisation is paid out to, and the one that waits to take its place.

    `proved_at`: a signature has shown that the address is the organisation's own; only then does it own, here, what
    the address owns on chain. A proved address belongs to one organisation.
    """

    address = models.CharField(max_length=42)
    proved_at = models.DateTimeField(null=True)
    pending_address = models.CharField(max_length=42, blank=True)
    pending_proved_at = models.DateTimeField(null=True)
    pending_until = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="wallet_one_an_organisation"),
            models.UniqueConstraint(
                fields=["address"], name="wallet_proved_once", condition=models.Q(proved_at__isnull=False)
            ),
            models.CheckConstraint(
                condition=models.Q(pending_address="", pending_until=None, pending_proved_at=None)
                | (~models.Q(pending_address="") & models.Q(pending_until__isnull=False)),
                name="wallet_pending_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["pending_until"], name="wallet_due", condition=models.Q(pending_until__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.address


class WalletChallenge(TenantOwned):
    """A text that was issued for signing, to the letter; its nonce links a wallet once."""

    nonce = models.CharField(max_length=40)
    address = models.CharField(max_length=42)
    message = models.TextField()
    user_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "nonce"], name="wallet_nonce_once")]

    def __str__(self) -> str:
        return self.nonce


class WalletEntry(TenantOwned):
    """One line of the history of an organisation's wallet. Append-only by trigger."""

    action = models.CharField(max_length=20, choices=WalletAction.choices)
    address = models.CharField(max_length=42)
    previous = models.CharField(max_length=42, blank=True)
    is_proved = models.BooleanField(default=False)
    user_id = models.UUIDField(null=True, help_text="empty for the platform itself")
    effective_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "-id"], name="wallet_entry_of_tenant")]
        triggers = [
            pgtrigger.Protect(name="wallet_history_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("wallet_history_is_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.address}"
