"""What annotators say and can show of themselves: profiles, skills, attempts at the tests of skills."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.labeling.managers import BOTH_SIDES, AnnotatorManager


class AnnotatorProfile(TenantOwned):
    """What an annotator declares; the tenant is the annotator's personal organisation."""

    languages = models.JSONField(default=list, help_text="codes of ISO 639-1, as declared")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant"], name="annotator_profile_once")]

    def __str__(self) -> str:
        return f"{self.tenant_id}: {', '.join(self.languages)}"


class Skill(TenantOwned, TimeStamped):
    """A named set of check questions; passing a paid test of some of them gives the skill."""

    name = models.CharField(max_length=120)
    instruction = models.TextField(help_text="Markdown")
    design = models.JSONField(help_text="{inputs, controls}: what a question shows and asks")
    questions = models.JSONField(help_text="[{row, external_id, data, gold}]: all that a test is drawn from")
    drawn = models.PositiveSmallIntegerField(help_text="questions in one test")
    price_minor = models.PositiveIntegerField(help_text="pay for one right answer, in minor units")
    currency = models.CharField(max_length=3, default="USD")
    pass_percent = models.PositiveSmallIntegerField(help_text="share of right answers that passes")
    retake_days = models.PositiveSmallIntegerField(help_text="days between two attempts")
    valid_days = models.PositiveSmallIntegerField(help_text="days that a passed test counts")
    attempts_left = models.PositiveIntegerField(help_text="attempts that are still paid for")
    is_open = models.BooleanField(default=True, help_text="annotators see it and can take it")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(pass_percent__gte=1, pass_percent__lte=100), name="skill_pass_percent"),
            models.CheckConstraint(condition=Q(drawn__gte=1), name="skill_draws_some"),
        ]
        indexes = [models.Index(fields=["-id"], name="skill_open", condition=Q(is_open=True))]

    def __str__(self) -> str:
        return self.name


class SkillAttempt(TenantOwned):
    """One annotator's test of a skill: a short order for nobody else."""

    skill = models.ForeignKey(Skill, on_delete=models.CASCADE, related_name="attempts")
    order = models.OneToOneField("labeling.Order", on_delete=models.CASCADE, related_name="attempt")
    annotator = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="what is not answered by then counts as wrong")
    questions = models.PositiveSmallIntegerField()
    right = models.PositiveSmallIntegerField(default=0)
    passed = models.BooleanField(null=True, help_text="null while it is being taken")
    decided_at = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True, help_text="until when the skill is held")

    tenant_columns: ClassVar[tuple[str, ...]] = BOTH_SIDES
    as_annotator: ClassVar[AnnotatorManager] = AnnotatorManager()

    class Meta:
        default_manager_name = "objects"  # an own manager would come before the inherited one
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "skill", "annotator"], name="skill_attempt_one_live", condition=Q(passed__isnull=True)
            ),
        ]
        indexes = [
            models.Index(fields=["annotator", "-id"], name="skill_attempt_of_annotator"),
            models.Index(fields=["expires_at"], name="skill_attempt_lapse", condition=Q(passed__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.skill_id}: {self.right} of {self.questions}"
