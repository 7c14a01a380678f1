"""Users, guests and payout wallets."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

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
    """The EVM address that an organisation is paid out to."""

    address = models.CharField(max_length=42)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant"], name="wallet_one_an_organisation")]

    def __str__(self) -> str:
        return self.address
