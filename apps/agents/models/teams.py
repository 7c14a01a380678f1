"""Teams, their immutable versions, runs and steps."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q

from apps.agents.teams.types import NodeKind, RunState, StepState
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned


class TeamSettings(models.Model):
    """What a run needs to know: editable in a draft, frozen in a version."""

    name = models.CharField(max_length=80)
    job = models.CharField(max_length=300, blank=True)
    graph = models.JSONField(default=dict)
    tokens = models.PositiveIntegerField(default=4000, help_text="budget of a run, prompts and answers together")
    tool_calls = models.PositiveIntegerField(default=20, help_text="most of one step and what it calls")
    minutes = models.PositiveIntegerField(default=60, help_text="a run that takes longer is ended")

    class Meta:
        abstract = True


class Team(TenantOwned, TimeStamped, TeamSettings):
    """A team and its draft."""

    slug = models.SlugField(max_length=100, unique=True)
    template = models.CharField(max_length=40, blank=True)
    revision = models.PositiveIntegerField(default=1, help_text="goes up with each change: two editors are told apart")
    current_version = models.OneToOneField("agents.TeamVersion", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["tenant", "-id"], name="team_by_tenant")]

    def __str__(self) -> str:
        return self.name


class TeamVersion(TenantOwned, TeamSettings):
    """A released state of a team, with the versions of its agents. Never changed."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    agents = models.JSONField(default=dict, help_text="agent version by slug")
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "team", "number"], name="team_version_number")]
        triggers = [
            pgtrigger.Protect(name="team_version_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"


class TeamRun(TenantOwned, TimeStamped):
    """One run: everything that it needs is in its rows, so that any worker can go on with it."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="runs")
    version = models.ForeignKey(TeamVersion, on_delete=models.PROTECT, null=True, related_name="+")
    user_id = models.UUIDField(null=True)
    question = models.TextField()
    graph = models.JSONField()
    agents = models.JSONField(default=dict)
    grant = models.JSONField(default=dict)
    state = models.CharField(max_length=10, default=RunState.RUNNING)
    output = models.TextField(blank=True)
    problem = models.TextField(blank=True)
    tokens = models.PositiveIntegerField(help_text="the budget")
    spent_tokens = models.PositiveIntegerField(default=0)
    reserved_tokens = models.PositiveIntegerField(default=0, help_text="set apart for steps that are open")
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    reader_id = models.UUIDField(null=True, help_text="the organisation that reads what comes out, where not the own")
    asked = models.JSONField(default=dict, help_text="the question to a published agent that it answers")
    key = models.CharField(max_length=120, blank=True, help_text="by which whoever asked finds it again")
    watched_at = models.DateTimeField(null=True, help_text="when whoever asked was last there")
    is_told = models.BooleanField(default=False, help_text="whoever asked has been told its end")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[item.value for item in RunState]), name="team_run_state_known"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "team", "-id"], name="team_run_by_team"),
            models.Index(fields=["tenant", "key"], name="team_run_by_key", condition=~Q(key="")),
            models.Index(fields=["expires_at"], name="team_run_due", condition=Q(state__in=["running", "waiting"])),
        ]

    def __str__(self) -> str:
        return f"{self.team_id} {self.state}"


class TeamStep(TenantOwned, TimeStamped):
    """One node at work in a run; a node in a loop has a step each round, a supervisor's worker has one of its own."""

    run = models.ForeignKey(TeamRun, on_delete=models.CASCADE, related_name="steps")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="children")
    node = models.CharField(max_length=40)
    kind = models.CharField(max_length=12)
    name = models.CharField(max_length=80)
    agent = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=10, default=StepState.QUEUED)
    ticket = models.PositiveIntegerField(default=0, help_text="goes up when it is queued; older deliveries do nothing")
    attempt = models.PositiveIntegerField(default=0, help_text="how often a worker has begun since it was queued")
    input = models.TextField(blank=True)
    arrivals = models.JSONField(default=list, help_text="name and text of each branch that has arrived")
    rounds = models.JSONField(default=dict, help_text="how often each loop around it has gone")
    label = models.CharField(max_length=200, blank=True)
    output = models.TextField(blank=True)
    sources = models.JSONField(default=list)
    choice = models.CharField(max_length=200, blank=True, help_text="the way that was taken")
    grant = models.JSONField(default=dict)
    reserved_tokens = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)
    problem = models.TextField(blank=True)
    problem_code = models.CharField(max_length=60, blank=True)
    approval = models.JSONField(null=True, help_text="what is asked, and who decided what")
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[item.value for item in StepState]), name="team_step_state_known"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[item.value for item in NodeKind]), name="team_step_kind_known"
            ),
        ]
        indexes = [models.Index(fields=["run", "id"], name="team_step_by_run")]

    def __str__(self) -> str:
        return f"{self.name} {self.state}"
