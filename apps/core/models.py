"""Rows of the ground floor: the outbox, remembered answers and the keys of what is stored encrypted."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.tenant import TenantOwned
from apps.core.types import DeliveryState, ObjectState


class TimeStamped(models.Model):
    """Adds when a row was made and last changed."""

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class OutboxEvent(TenantOwned):
    """A fact published in the same transaction as the change it tells of."""

    type = models.CharField(max_length=120)
    payload = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "-id"], name="outbox_event_tenant")]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class OutboxDelivery(TenantOwned):
    """One event on its way to one handler."""

    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="deliveries")
    handler = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    long_running = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "event", "handler"], name="outbox_delivery_once_a_handler"),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], name="outbox_delivery_due", condition=models.Q(state="pending")),
        ]

    def __str__(self) -> str:
        return f"{self.handler} {self.state}"


class IdempotencyRecord(TenantOwned):
    """The first answer to an unsafe API call, replayed to its repeats for a day."""

    user_id = models.UUIDField(null=True)
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True, help_text="empty while the first call is running")
    content_type = models.CharField(max_length=100, blank=True)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "user_id", "key"], name="idempotency_key_once", nulls_distinct=False
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]

    def __str__(self) -> str:
        return self.key


class OrganisationKey(TenantOwned):
    """The key that wraps an organisation's object keys, wrapped itself by the master key of the environment."""

    wrapped = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant"], name="organisation_key_once")]

    def __str__(self) -> str:
        return f"key of {self.tenant_id}"


class ObjectKey(TenantOwned):
    """The key of one stored object; without it the object's bytes are noise."""

    name = models.CharField(max_length=500, help_text="the object's key in storage")
    wrapped = models.BinaryField(help_text="empty once it was destroyed")
    state = models.CharField(max_length=10, default=ObjectState.NEW)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="object_key_once"),
            models.CheckConstraint(condition=Q(state__in=ObjectState.values), name="object_key_state_known"),
            models.CheckConstraint(
                condition=Q(state=ObjectState.SHREDDED, wrapped=b"") | ~Q(state=ObjectState.SHREDDED) & ~Q(wrapped=b""),
                name="object_key_destroyed_where_shredded",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="object_key_to_tend", condition=~Q(state=ObjectState.KEPT)),
        ]

    def __str__(self) -> str:
        return self.name
