"""Agents, their immutable versions and what the public sees of them."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.agents.types import AgentState, AnswerMode, Tone
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned


class AgentSettings(models.Model):
    """What decides how an agent answers: editable in a draft, frozen in a version."""

    name = models.CharField(max_length=80)
    job = models.CharField(max_length=300)
    instruction = models.TextField(max_length=2000)
    tone = models.CharField(max_length=12, default=Tone.FRIENDLY)
    mode = models.CharField(max_length=12, default=AnswerMode.GENERATE)
    language_model_version = models.ForeignKey(
        "assets.AssetVersion", on_delete=models.PROTECT, null=True, related_name="+"
    )
    classifier_version = models.ForeignKey("assets.AssetVersion", on_delete=models.PROTECT, null=True, related_name="+")
    knowledge_base_ids = ArrayField(models.UUIDField(), default=list)
    starters = models.JSONField(default=list)
    temperature = models.FloatField(default=0.2)
    max_answer_tokens = models.PositiveIntegerField(default=160)
    passages = models.PositiveIntegerField(default=4)
    tools = models.JSONField(default=list)
    model = models.JSONField(default=dict)
    guard = models.JSONField(default=dict)
    budget = models.JSONField(default=dict)
    checks = models.JSONField(default=dict)

    class Meta:
        abstract = True


class Agent(TenantOwned, TimeStamped, AgentSettings):
    """An agent and its draft; what others reach is its current version."""

    slug = models.SlugField(max_length=100, unique=True)
    template = models.CharField(max_length=40)
    state = models.CharField(max_length=10, default=AgentState.DRAFT)
    revision = models.PositiveIntegerField(default=1, help_text="counts the changes of the draft")
    asset = models.OneToOneField("assets.Asset", on_delete=models.PROTECT, null=True, related_name="+")
    current_version = models.OneToOneField("agents.AgentVersion", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[item.value for item in AgentState]), name="agent_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state=AgentState.DRAFT) | Q(current_version__isnull=False, asset__isnull=False),
                name="agent_published_has_version",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="agent_by_tenant")]

    def __str__(self) -> str:
        return self.name


class AgentVersion(TenantOwned, AgentSettings):
    """A published state of an agent. Never changed, so that an answer can always be traced to what gave it."""

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    asset_version = models.OneToOneField("assets.AssetVersion", on_delete=models.PROTECT, related_name="+")
    knowledge = models.JSONField(default=list, help_text="the release of each knowledge base that it answers from")
    config_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "agent", "number"], name="agent_version_number")]
        triggers = [
            pgtrigger.Protect(name="agent_version_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"


class PublishedAgent(models.Model):
    """The public projection of a published agent: a table of all organisations, without anything private."""

    agent_id = models.UUIDField(primary_key=True)
    slug = models.SlugField(max_length=100, unique=True)
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    asset = models.OneToOneField("assets.Asset", on_delete=models.PROTECT, related_name="+")
    asset_version_id = models.UUIDField()
    version_id = models.UUIDField()
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=80)
    job = models.CharField(max_length=300)
    starters = models.JSONField(default=list)
    is_paused = models.BooleanField(default=False)
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["-published_at"]

    def __str__(self) -> str:
        return self.slug
