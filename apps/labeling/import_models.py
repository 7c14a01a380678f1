"""Imports, what they brought, and what was wrong with the rest."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.labeling.import_types import ImportState, MediaKind


class Import(TenantOwned, TimeStamped):
    """Content on its way to becoming items: from where, by which right, how far it is. Orders take ready ones."""

    title = models.CharField(max_length=120)
    sources = models.JSONField(help_text="[{kind, name, key, bytes, …}], in their order; corrections are added")
    secret = models.TextField(blank=True, help_text="sealed keys of a bucket, while they are needed")
    licence = models.CharField(max_length=100)
    licence_text = models.TextField(blank=True)
    source = models.TextField(help_text="where the items come from, in the requester's words")
    consent = models.BooleanField()
    consent_text = models.TextField()
    masking = models.BooleanField(default=True)
    phone_regions = models.JSONField(default=list)
    strict = models.BooleanField(default=False, help_text="import nothing where any row is bad")
    state = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in ImportState], default=ImportState.QUEUED
    )
    problem = models.TextField(blank=True, help_text="why it failed")

    # The durable cursor: everything up to here is stored.
    at_source = models.PositiveIntegerField(default=0)
    at_member = models.PositiveIntegerField(default=0)
    at_index = models.PositiveIntegerField(default=0)

    item_count = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)
    masked_count = models.PositiveIntegerField(default=0, help_text="items in which personal data was found")
    columns = models.JSONField(default=dict, help_text="column -> text, image, audio, video, …, as found so far")
    permille = models.PositiveSmallIntegerField(default=0, help_text="how much has been read")
    rows_per_s = models.FloatField(default=0)
    eta_s = models.PositiveIntegerField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "-id"], name="import_tenant_newest")]

    def __str__(self) -> str:
        return self.title


class Media(TenantOwned):
    """A media file of an organisation, kept once however often it is imported."""

    sha256 = models.CharField(max_length=64, help_text="of what is stored")
    original_sha256 = models.CharField(max_length=64, help_text="of what came in, before it was cleaned")
    kind = models.CharField(max_length=5, choices=[(one.value, one.value) for one in MediaKind])
    content_type = models.CharField(max_length=40)
    bytes = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    storage_key = models.CharField(max_length=300)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "original_sha256"], name="media_once"),
        ]

    def __str__(self) -> str:
        return f"{self.content_type} {self.sha256[:12]}"


class ImportedItem(TenantOwned):
    """A good row or file of an import."""

    batch = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="items")
    ordinal = models.PositiveIntegerField(help_text="its place in the import, from 0")
    row = models.PositiveIntegerField(help_text="its place in its file, as the file's author counts")
    file = models.CharField(max_length=500)
    external_id = models.CharField(max_length=200, blank=True)
    data = models.JSONField(help_text="column -> value, masked; media as {media, content_type, …}")
    known = models.JSONField(default=dict, help_text="{label, gold}: what the requester knows about it")
    licence = models.CharField(max_length=100)
    source = models.TextField()
    consent = models.TextField(help_text="the item's own word on consent; '': the import's")
    originals = models.TextField(blank=True, help_text="sealed: placeholder -> personal data")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "batch", "ordinal"], name="imported_item_once"),
            models.UniqueConstraint(
                fields=["tenant", "batch", "external_id"],
                name="imported_item_id_once",
                condition=~Q(external_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file} #{self.row}"


class QuarantinedRow(TenantOwned):
    """A row or file that was left out: why, and what to do about it."""

    batch = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="quarantine")
    row = models.PositiveIntegerField()
    file = models.CharField(max_length=500)
    field = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=500)
    remedy = models.CharField(max_length=300, blank=True)
    content = models.JSONField(default=dict, help_text="the row as it came, to be corrected")

    class Meta:
        indexes = [models.Index(fields=["batch", "id"], name="quarantine_of_import")]

    def __str__(self) -> str:
        return f"{self.file} #{self.row}: {self.reason}"
