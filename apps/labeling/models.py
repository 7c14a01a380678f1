"""Orders, their tasks, who holds them, and what was answered."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.core.ids import uuid7
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.labeling.appeal_models import Appeal, AppealReview
from apps.labeling.case_models import ReviewCase
from apps.labeling.import_models import Import, ImportedItem, Media, QuarantinedRow
from apps.labeling.machine_models import MachineItem, MachineRun
from apps.labeling.managers import BOTH_SIDES, AnnotatorManager
from apps.labeling.review_models import AnswerReview
from apps.labeling.skill_models import AnnotatorProfile, Skill, SkillAttempt
from apps.labeling.types import AnnotationState, AssignmentState, MadeBy, OrderState, Rule, TaskState

#: Django finds an app's models in this module.
__all__ = [
    "Annotation",
    "AnnotatorProfile",
    "AnnotatorStats",
    "AnswerReview",
    "Appeal",
    "AppealReview",
    "Assignment",
    "BoardListing",
    "Import",
    "ImportedItem",
    "MachineItem",
    "MachineRun",
    "Media",
    "Order",
    "QuarantinedRow",
    "ReviewCase",
    "Skill",
    "SkillAttempt",
    "Task",
]


def _choices(values: type[StrEnum]) -> list[tuple[str, str]]:
    return [(value.value, value.value.replace("_", " ")) for value in values]


class Order(TenantOwned, TimeStamped):
    """A requester's order: items to be labelled, how, for how much."""

    title = models.CharField(max_length=120)
    instruction = models.TextField(help_text="Markdown")
    example = models.JSONField(default=dict, help_text="{data, answer, why}: one worked example")
    design = models.JSONField(help_text="{inputs, controls}: what a task shows and asks; see apps.labeling.design")
    price_minor = models.PositiveIntegerField(help_text="pay for one label, in minor units")
    currency = models.CharField(max_length=3, default="USD")
    fee_bps = models.PositiveIntegerField()
    redundancy = models.PositiveSmallIntegerField()
    target = models.FloatField(
        null=True, help_text="how probable each result must be, at the least labels; null: redundancy labels an item"
    )
    budget_minor = models.PositiveBigIntegerField(
        null=True, help_text="the most to spend, fee included; null: what all labels cost"
    )
    deadline = models.DateTimeField(
        null=True, help_text="no task is lent from then on; the order ends with what it has"
    )
    machine = models.JSONField(
        default=dict, help_text="{mode, precision, audit, source} where a machine helps; else {}"
    )
    planned_answers = models.IntegerField(default=-1, help_text="answers that the last plan of labels knew")
    state = models.CharField(max_length=10, choices=_choices(OrderState), default=OrderState.DRAFT)
    outcome = models.CharField(max_length=10, blank=True, help_text="what a closing order becomes")
    item_count = models.PositiveIntegerField(default=0)
    gold_count = models.PositiveIntegerField(default=0)
    word_count = models.PositiveIntegerField(default=0)
    items_done = models.PositiveIntegerField(default=0, help_text="settled or taken out")
    hold_id = models.UUIDField(null=True)
    captured_before_minor = models.PositiveBigIntegerField(
        default=0, help_text="paid from the holds that the present one replaced when the order was extended"
    )
    dataset_id = models.UUIDField(null=True, help_text="the dataset its result is or becomes a version of")
    dataset_version_id = models.UUIDField(null=True)
    sample = models.JSONField(default=list, help_text="[{task, answer, elapsed_ms}]: the requester's own answers")
    launched_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    reserved_until = models.DateTimeField(null=True, help_text="when money kept for appeals is looked at again")
    auto_approve_days = models.PositiveSmallIntegerField(default=7, help_text="a pending answer is accepted after")
    requirements = models.JSONField(default=dict, help_text="what annotators need; see apps.labeling.eligibility")
    skill = models.ForeignKey(Skill, on_delete=models.CASCADE, null=True, help_text="it is an attempt at its test")
    reserved_for = models.UUIDField(null=True, help_text="the only annotator who may work on it")
    adjudication = models.BooleanField(default=False, help_text="items whose answers differ wait for an adjudicator")
    review_skill = models.ForeignKey(
        Skill, on_delete=models.PROTECT, null=True, related_name="+", help_text="annotators who have it may review"
    )
    review_price_minor = models.PositiveIntegerField(default=0, help_text="pay for one decision of theirs")
    review_hold_id = models.UUIDField(null=True)
    watched_answers = models.PositiveIntegerField(default=0, help_text="answers when signals were last looked for")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(price_minor__gt=0), name="order_price_positive"),
            models.CheckConstraint(condition=Q(redundancy__gte=1, redundancy__lte=25), name="order_redundancy_range"),
            models.CheckConstraint(
                condition=Q(target__isnull=True) | Q(target__gte=0.5, target__lte=0.99), name="order_target_range"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["running", "paused", "closing", "finished"]) | Q(hold_id__isnull=False),
                name="order_running_is_funded",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="order_tenant_newest"),
            models.Index(fields=["reserved_until"], name="order_reserve", condition=Q(reserved_until__isnull=False)),
            models.Index(
                fields=["deadline"],
                name="order_deadline",
                condition=Q(deadline__isnull=False, state__in=["running", "paused"]),
            ),
            models.Index(
                fields=["tenant"],
                name="order_with_budget",
                condition=Q(budget_minor__isnull=False, state="running"),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Task(TenantOwned):
    """One item of an order. Check questions are tasks like all others, but for `gold`."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="tasks")
    position = models.PositiveIntegerField(help_text="order of work, shuffled")
    row = models.PositiveIntegerField(help_text="place in the upload")
    external_id = models.CharField(max_length=200, blank=True)
    data = models.JSONField(help_text="{input name: value}")
    gold = models.JSONField(null=True, help_text="the known answer of a check question, {control name: value}")
    open_slots = models.PositiveSmallIntegerField(help_text="labels still to be given out: neither leased nor answered")
    labels_done = models.PositiveSmallIntegerField(default=0)
    flags = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=_choices(TaskState), default=TaskState.OPEN)
    decided = models.BooleanField(default=False, help_text="its answers were decided")
    result = models.JSONField(null=True, help_text="{control name: value}, once decided")
    confidence = models.FloatField(null=True, help_text="that the result is right; the least of its controls")
    made_by = models.CharField(max_length=11, choices=_choices(MadeBy), default=MadeBy.HUMAN)
    disagreement = models.FloatField(null=True, help_text="how far its answers differ, 0 to 1, once all are in")
    imported_item_id = models.UUIDField(null=True, help_text="the item of an import that it was made of")
    rights = models.JSONField(default=dict, help_text="{licence, source, consent} of an imported item")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "order", "position"], name="task_position_once"),
        ]
        indexes = [
            models.Index(fields=["order", "position"], name="task_to_give_out", condition=Q(open_slots__gt=0)),
            models.Index(fields=["order"], name="task_unfinished", condition=Q(state="open")),
            models.Index(fields=["order", "row"], name="task_by_row"),
            models.Index(fields=["order", "-disagreement"], name="task_disputed", condition=Q(disagreement__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} #{self.row}"


class Assignment(TenantOwned):
    """A task lent to one annotator for a few minutes. One row a task and annotator, ever."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="assignments")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="assignments")
    annotator = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=_choices(AssignmentState), default=AssignmentState.LEASED)
    leased_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    note = models.CharField(max_length=300, blank=True, help_text="why the item was flagged")

    tenant_columns: ClassVar[tuple[str, ...]] = BOTH_SIDES
    as_annotator: ClassVar[AnnotatorManager] = AnnotatorManager()

    class Meta:
        default_manager_name = "objects"  # an own manager would come before the inherited one
        constraints = [
            models.UniqueConstraint(fields=["tenant", "task", "annotator"], name="assignment_once_an_annotator"),
        ]
        indexes = [
            models.Index(fields=["order", "annotator"], name="assignment_live", condition=Q(state="leased")),
            models.Index(fields=["expires_at"], name="assignment_expiry", condition=Q(state="leased")),
        ]

    def __str__(self) -> str:
        return f"{self.task_id} {self.state}"


class Annotation(TenantOwned):
    """One annotator's answer to one task, what became of it, and by which rule."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="annotations")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="annotations")
    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="answers")
    annotator = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    answer = models.JSONField(help_text="{control name: value}")
    elapsed_ms = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=_choices(AnnotationState), default=AnnotationState.PENDING)
    rule = models.CharField(max_length=30, choices=_choices(Rule), default=Rule.AWAITING_LABELS)
    reason = models.CharField(max_length=400)
    amount_minor = models.PositiveIntegerField(default=0, help_text="paid")
    submitted_at = models.DateTimeField()
    auto_approve_at = models.DateTimeField(null=True, help_text="if it is still pending, it is accepted then")
    decided_at = models.DateTimeField(null=True)

    # What the annotator's own list shows. The requester's rows are out of an annotator's sight, so it is kept here.
    order_title = models.CharField(max_length=120)
    task_text = models.CharField(max_length=200, help_text="the task in a few words")
    answer_text = models.CharField(max_length=200, help_text="the answer in a few words")
    currency = models.CharField(max_length=3)

    tenant_columns: ClassVar[tuple[str, ...]] = BOTH_SIDES
    as_annotator: ClassVar[AnnotatorManager] = AnnotatorManager()

    class Meta:
        default_manager_name = "objects"  # an own manager would come before the inherited one
        constraints = [
            models.UniqueConstraint(fields=["tenant", "task", "annotator"], name="annotation_once_an_annotator"),
            models.UniqueConstraint(fields=["tenant", "assignment"], name="annotation_once_an_assignment"),
            models.CheckConstraint(
                condition=Q(state="accepted") | Q(amount_minor=0), name="annotation_paid_if_accepted"
            ),
        ]
        indexes = [
            models.Index(fields=["annotator", "-id"], name="annotation_of_annotator"),
            models.Index(fields=["order", "annotator"], name="annotation_pending", condition=Q(state="pending")),
            models.Index(fields=["auto_approve_at"], name="annotation_auto_approve", condition=Q(state="pending")),
            models.Index(fields=["order", "-submitted_at"], name="annotation_of_order"),
            models.Index(fields=["task"], name="annotation_of_task"),
        ]

    def __str__(self) -> str:
        return f"{self.task_id}: {self.answer_text}"


class AnnotatorStats(TenantOwned):
    """One annotator in one order: the place in the queue, the record on check questions, the totals.

    Its row is also the lock that keeps one annotator's parallel calls in line.
    """

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="annotators")
    annotator = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    queue_position = models.IntegerField(default=-1, help_text="tasks up to here were offered")
    swept_at = models.DateTimeField(null=True, help_text="when the queue was last searched from its start")
    preferred = models.JSONField(default=list, help_text="ids of tasks about which this annotator would tell most")
    submitted = models.PositiveIntegerField(default=0)
    gold_seen = models.PositiveIntegerField(default=0)
    gold_right = models.PositiveIntegerField(default=0)
    accepted = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    earned_minor = models.PositiveBigIntegerField(default=0)
    stopped = models.CharField(max_length=400, blank=True, help_text="why a review ended the work on this order")
    created_at = models.DateTimeField(auto_now_add=True)

    tenant_columns: ClassVar[tuple[str, ...]] = BOTH_SIDES
    as_annotator: ClassVar[AnnotatorManager] = AnnotatorManager()

    class Meta:
        default_manager_name = "objects"  # an own manager would come before the inherited one
        constraints = [
            models.UniqueConstraint(fields=["tenant", "order", "annotator"], name="annotator_stats_once"),
            models.CheckConstraint(
                condition=Q(gold_right__lte=F("gold_seen")), name="annotator_gold_right_within_seen"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.annotator_id} in {self.order_id}"


class BoardListing(models.Model):
    """Public projection of a running order: everybody may see it, so it holds no item and nothing secret.

    Not tenant-owned on purpose. `requester` says whose scope a service enters after its checks.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order_id = models.UUIDField(unique=True)
    requester = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=120)
    instruction = models.TextField()
    example = models.JSONField(default=dict)
    design = models.JSONField()
    price_minor = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    open_labels = models.PositiveIntegerField()
    total_labels = models.PositiveIntegerField()
    seconds_per_label = models.PositiveIntegerField()
    open = models.BooleanField(default=True)
    paused = models.BooleanField(default=False, help_text="it takes the answers in hand and lends nothing new")
    launched_at = models.DateTimeField()
    requirements = models.JSONField(default=dict, help_text="what annotators need; see apps.labeling.eligibility")
    reserved_for = models.UUIDField(null=True, help_text="the only annotator who may see and do it")

    class Meta:
        indexes = [models.Index(fields=["-launched_at"], name="board_listing_open", condition=Q(open=True))]

    def __str__(self) -> str:
        return self.title
