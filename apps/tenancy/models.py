"""Organisations, who belongs to them, their API keys and their audit trail."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from rest_framework_api_key.models import AbstractAPIKey

from apps.core.append_only import never_truncated
from apps.core.ids import uuid7
from apps.core.tenant import TenantOwned
from apps.tenancy.types import KeyScope, OrganisationKind, Role


class Organisation(models.Model):
    """A party: a person's own space, a team, or the platform. Its name and slug are public."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=60, unique=True)
    kind = models.CharField(max_length=10, choices=OrganisationKind.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Membership(TenantOwned):
    """A user's role in an organisation."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"


class Invitation(TenantOwned):
    """An open invitation; whoever signs up or in with the address and accepts becomes a member."""

    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "email"], name="invitation_once")]

    def __str__(self) -> str:
        return self.email


def all_scopes() -> list[str]:
    """A key that is not limited can do all that its user can."""
    return [str(scope) for scope in KeyScope]


class ApiKey(AbstractAPIKey):
    """A key of one user for one organisation. It is looked up before any scope is known, hence not tenant-owned."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="api_keys")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    last_used_at = models.DateTimeField(null=True)
    scopes = ArrayField(models.CharField(max_length=10), default=all_scopes)
    agent_ids = ArrayField(models.UUIDField(), null=True, help_text="empty for all agents")
    requests_per_minute = models.PositiveIntegerField(null=True)
    requests_per_day = models.PositiveIntegerField(null=True)
    tokens_per_month = models.PositiveBigIntegerField(null=True)

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"


class ApiKeyWindow(TenantOwned):
    """Calls and tokens of a key in one UTC minute, day or month. Written by `apps.tenancy.quotas` alone."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="windows")
    period = models.CharField(max_length=6)
    starts_at = models.DateTimeField()
    requests = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "key", "period", "starts_at"], name="api_key_window_once"),
            models.CheckConstraint(
                condition=models.Q(period__in=["minute", "day", "month"]), name="api_key_window_period_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.period} {self.starts_at}"


class AuditEntry(TenantOwned):
    """Who did what, when. Append-only by trigger."""

    user_id = models.UUIDField(null=True, help_text="empty for the platform itself")
    action = models.CharField(max_length=80)
    target_type = models.CharField(max_length=80)
    target_id = models.CharField(max_length=80)
    detail = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "-id"], name="audit_entry_tenant")]
        triggers = [
            pgtrigger.Protect(name="audit_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("audit_is_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}"
