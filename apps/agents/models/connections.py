"""What agents reach beyond the platform: addresses with their sealed secrets, and tables to ask."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.agents.types import ConnectionKind
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned


class Connection(TenantOwned, TimeStamped):
    """An address that agents of the organisation may call. Its secret is sealed and never shown again."""

    kind = models.CharField(max_length=10)
    name = models.CharField(max_length=80)
    url = models.CharField(max_length=2000)
    header = models.CharField(max_length=60, default="Authorization", help_text="carries the secret")
    sealed_secret = models.TextField(blank=True)
    document = models.JSONField(default=dict, help_text="the OpenAPI document, for the kind http")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="agent_connection_name"),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in ConnectionKind]), name="agent_connection_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AgentTable(TenantOwned, TimeStamped):
    """An uploaded table that tools may ask, kept as Parquet."""

    name = models.CharField(max_length=120)
    storage_key = models.CharField(max_length=200)
    columns = models.JSONField(help_text="name and type of each")
    rows = models.PositiveIntegerField()
    size = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name
