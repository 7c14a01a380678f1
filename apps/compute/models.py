"""Jobs given to the runner, and what they told of their progress."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.compute.types import JobKind, JobState
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned


class Job(TenantOwned, TimeStamped):
    """One piece of long work on the runner, known there by the same id."""

    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in JobKind])
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.WAITING)
    spec = models.JSONField(help_text="what the runner is asked for, without the data")
    rows_key = models.CharField(max_length=300, help_text="training rows in object storage")
    rows_sha256 = models.CharField(max_length=64)
    source_type = models.CharField(max_length=60)
    source_id = models.CharField(max_length=80)
    topic = models.CharField(max_length=120, blank=True, help_text="live topic that is told of progress")
    phase = models.CharField(max_length=60, blank=True)
    fraction = models.FloatField(default=0.0)
    seconds_left = models.FloatField(null=True)
    attempt = models.PositiveIntegerField(default=0)
    submissions = models.PositiveIntegerField(default=0, help_text="times it was given to a runner that lacked it")
    cancel_requested_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=1000, blank=True)
    result = models.JSONField(null=True)
    artifacts = models.JSONField(default=list, help_text="[{name, key, sha256, size}]")
    tokens = models.BigIntegerField(default=0)
    cpu_seconds = models.FloatField(default=0.0)
    wall_seconds = models.FloatField(default=0.0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "source_type", "source_id"], name="job_once_for_source"),
            models.CheckConstraint(
                condition=Q(fraction__gte=0) & Q(fraction__lte=1), name="job_fraction_between_0_and_1"
            ),
            models.CheckConstraint(
                condition=~Q(state=JobState.SUCCEEDED) | Q(result__isnull=False), name="job_succeeded_has_result"
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                name="job_active",
                condition=Q(state__in=[JobState.WAITING, JobState.QUEUED, JobState.RUNNING]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class JobProgress(TenantOwned):
    """One progress line of the runner. A runner that lost the job numbers from 0 again: hence `submission`."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="progress")
    submission = models.PositiveIntegerField()
    n = models.PositiveIntegerField()
    event = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "job", "submission", "n"], name="job_progress_line_once"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} {self.submission}.{self.n}"
