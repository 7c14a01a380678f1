"""Datasets and their released versions. Ids are those of the asset and the asset version that they are."""

from __future__ import annotations

from django.db import models

from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned


class Dataset(TenantOwned, TimeStamped):
    """A dataset; `id` is the id of its asset."""

    name = models.CharField(max_length=120)
    summary = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "-id"], name="dataset_tenant_newest")]

    def __str__(self) -> str:
        return self.name


class DatasetVersion(TenantOwned, TimeStamped):
    """What a version contains and where its files are; `id` is the id of its asset version."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    row_count = models.PositiveIntegerField()
    content_root = models.CharField(max_length=66)
    schema = models.JSONField(help_text="column -> what it holds")
    classes = models.JSONField(default=list)
    card = models.JSONField()
    files = models.JSONField(help_text="[{format, key, size, sha256}]")
    preview = models.JSONField(help_text="the first rows")
    design = models.JSONField(default=dict, help_text="{inputs, controls}: which columns were shown, which asked")
    removed_leaves = models.JSONField(default=list, help_text="hashes of rows that were taken out, for the root")
    idempotency_key = models.CharField(max_length=120, null=True, help_text="what it was released for")  # noqa: DJ001  # NULLs do not collide

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "dataset", "number"], name="dataset_version_number_once"),
            models.UniqueConstraint(fields=["tenant", "idempotency_key"], name="dataset_version_released_once"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} v{self.number}"


class Removal(TenantOwned):
    """One person's data was taken out of a dataset. What stays is that it happened, not whose it was."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="removals")
    column = models.CharField(max_length=200, help_text="where the person was named; empty for an annotator")
    rows = models.PositiveIntegerField(help_text="over all versions")
    answers = models.PositiveIntegerField(help_text="over all versions")
    versions = models.JSONField(help_text="numbers of those that lost something")
    new_version = models.PositiveIntegerField(null=True, help_text="the version without them")
    removed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "dataset", "-id"], name="removal_of_dataset")]

    def __str__(self) -> str:
        return f"{self.dataset_id}: {self.rows} rows"
