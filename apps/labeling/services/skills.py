"""Skills: named sets of check questions, taken as short paid orders for one annotator."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.core import clock
from apps.core.errors import FieldProblem, InvalidInput
from apps.core.ids import uuid7
from apps.core.live import notify
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.datasets.tables import Table
from apps.labeling import uploads
from apps.labeling.brief import check_brief
from apps.labeling.errors import NotPersonal, OrderUnfunded, OwnOrder
from apps.labeling.models import Annotation, Order, Skill, SkillAttempt, Task
from apps.labeling.policies import require
from apps.labeling.services.orders import begin_closing, launch_order
from apps.labeling.skill_errors import (
    GuestsHaveNoSkills,
    NoAttempt,
    RetakeTooEarly,
    SkillExhausted,
    SkillHeld,
    SkillNotFound,
)
from apps.labeling.types import OPEN_ORDER_STATES, AnnotationState, LabelingPermission, MadeBy, OrderState
from apps.tenancy import selectors as tenancy
from apps.tenancy.services import record_audit
from apps.tenancy.types import PLATFORM_ID, Actor, OrganisationKind

MIN_QUESTIONS, MAX_QUESTIONS = 3, 500
MAX_DRAWN = 100
MAX_DAYS = 3_650
MAX_ATTEMPTS = 100_000
#: An attempt that is not ended within this time ends by itself.
ATTEMPT_TIME = timedelta(days=1)
ATTEMPTS_AT_ONCE = 500


def create_skill(
    *,
    actor: Actor,
    name: str,
    instruction: str,
    table: Table,
    price: Money,
    design: Mapping[str, Any] | None = None,
    classes: Sequence[str | Mapping[str, Any]] = (),
    drawn: int = 10,
    pass_percent: int = 80,
    retake_days: int = 7,
    valid_days: int = 365,
    attempts: int = 100,
    is_open: bool = True,
    filename: str = "the upload",
) -> Skill:
    """Save a skill with its questions, each with its known answer.

    Args:
        table: from `uploads.read_upload` or `uploads.read_rows` with answers.
        design, classes: as of an order.
        drawn: questions in one test, drawn anew for each attempt.
        attempts: how many the organisation pays for.

    Raises:
        InvalidInput: `invalid_skill` or `invalid_order` naming fields, or `invalid_rows` naming rows.
    """
    require(actor, LabelingPermission.SKILL_MANAGE)
    brief = check_brief(
        title=name,
        instruction=instruction,
        example=None,
        design=design,
        classes=classes or (uploads.guess_classes(table) if design is None else ()),
        price=price,
        redundancy=1,
        gold_percent=0,
    )
    items = uploads.gold_items(table, brief.design, filename)
    unknown = [item.row for item in items if item.gold is None]
    limits: tuple[tuple[str, bool, str], ...] = (
        ("file", not unknown, f"Row {unknown[0] if unknown else 0} has no known answer; each question needs one."),
        (
            "file",
            MIN_QUESTIONS <= len(items) <= MAX_QUESTIONS,
            f"A skill has {MIN_QUESTIONS} to {MAX_QUESTIONS} questions; these are {len(items)}.",
        ),
        (
            "drawn",
            MIN_QUESTIONS <= drawn <= min(len(items), MAX_DRAWN),
            f"A test draws {MIN_QUESTIONS} to {min(len(items), MAX_DRAWN)} of the questions.",
        ),
        ("pass_percent", 1 <= pass_percent <= 100, "Between 1 and 100 percent of right answers pass."),
        ("retake_days", 0 <= retake_days <= MAX_DAYS, f"Between 0 and {MAX_DAYS:,} days until the next attempt."),
        ("valid_days", 1 <= valid_days <= MAX_DAYS, f"A skill counts for 1 to {MAX_DAYS:,} days."),
        ("attempts", 0 <= attempts <= MAX_ATTEMPTS, f"Pay for 0 to {MAX_ATTEMPTS:,} attempts."),
    )
    problems: list[FieldProblem] = [{"field": field, "message": message} for field, good, message in limits if not good]
    if problems:
        raise InvalidInput("invalid_skill", problems[0]["message"], errors=problems)
    skill = Skill.objects.create(
        tenant_id=actor.organisation_id,
        name=brief.title,
        instruction=brief.instruction,
        design=brief.design.as_json(),
        questions=[
            {"row": item.row, "external_id": item.external_id, "data": item.data, "gold": item.gold} for item in items
        ],
        drawn=drawn,
        price_minor=price.minor,
        currency=price.currency,
        pass_percent=pass_percent,
        retake_days=retake_days,
        valid_days=valid_days,
        attempts_left=attempts,
        is_open=is_open,
    )
    record_audit(actor, action="skill.created", target_type="skill", target_id=skill.id)
    return skill


@transaction.atomic
def change_skill(
    *, actor: Actor, skill_id: UUID, is_open: bool | None = None, add_attempts: int | None = None
) -> Skill:
    """Open or close a skill to new attempts, or pay for more of them. Who has it keeps it.

    Raises SkillNotFound, InvalidInput.
    """
    skill = Skill.objects.select_for_update().filter(id=skill_id).first()
    if skill is None or skill.tenant_id != actor.organisation_id:
        raise SkillNotFound
    require(actor, LabelingPermission.SKILL_MANAGE, skill)
    if add_attempts is not None:
        if not 1 <= add_attempts <= MAX_ATTEMPTS - skill.attempts_left:
            message = f"Between 1 and {MAX_ATTEMPTS - skill.attempts_left:,} more attempts."
            raise InvalidInput("invalid_skill", message, errors=[{"field": "add_attempts", "message": message}])
        skill.attempts_left += add_attempts
    if is_open is not None:
        skill.is_open = is_open
    skill.save(update_fields=["is_open", "attempts_left", "updated_at"])
    record_audit(actor, action="skill.changed", target_type="skill", target_id=skill.id)
    return skill


def take_skill(*, actor: Actor, skill_id: UUID) -> SkillAttempt:
    """Begin a skill's test: an order of some of its questions, for this annotator only. The attempt in progress, if
    there is one.

    Raises:
        SkillNotFound, NotPersonal, GuestsHaveNoSkills, OwnOrder
        SkillHeld, RetakeTooEarly: say until when.
        SkillExhausted: nobody pays for further attempts.
    """
    require(actor, LabelingPermission.TASK_WORK)
    if tenancy.organisation(actor.organisation_id).kind != OrganisationKind.PERSONAL:
        raise NotPersonal
    if actor.is_guest:
        raise GuestsHaveNoSkills
    with all_tenants(reason="skills of all organisations are open to all annotators"):
        tenant_id = Skill.objects.filter(id=skill_id, is_open=True).values_list("tenant_id", flat=True).first()
    if tenant_id is None:
        raise SkillNotFound
    if tenant_id == actor.organisation_id:
        raise OwnOrder
    if actor.user_id is not None and tenancy.is_member(actor.user_id, tenant_id):
        raise OwnOrder
    with tenant_scope(tenant_id), transaction.atomic():
        skill = Skill.objects.select_for_update().get(id=skill_id)
        latest = SkillAttempt.objects.filter(skill=skill, annotator_id=actor.organisation_id).order_by("-id").first()
        if latest is not None and latest.passed is None:
            return latest
        _require_due(skill, latest)
        if not skill.attempts_left:
            raise SkillExhausted
        skill.attempts_left -= 1
        skill.save(update_fields=["attempts_left", "updated_at"])
        try:
            return _begin(skill, actor.organisation_id)
        except OrderUnfunded as error:
            raise SkillExhausted from error


def _require_due(skill: Skill, latest: SkillAttempt | None) -> None:
    if latest is None or latest.decided_at is None:
        return
    now = clock.now()
    if latest.valid_until is not None and latest.valid_until > now:
        raise SkillHeld(latest.valid_until)
    again = latest.decided_at + timedelta(days=skill.retake_days)
    if not latest.passed and again > now:
        raise RetakeTooEarly(again)


def _begin(skill: Skill, annotator_id: UUID) -> SkillAttempt:
    """The order of one attempt, launched."""
    order_id = uuid7()
    asked = random.Random(f"skill:{order_id}").sample(skill.questions, skill.drawn)  # noqa: S311  # no secret
    order = Order.objects.create(
        id=order_id,
        tenant_id=skill.tenant_id,
        title=f"Test: {skill.name}"[:120],
        instruction=skill.instruction,
        design=skill.design,
        price_minor=skill.price_minor,
        currency=skill.currency,
        # The platform takes no fee from itself.
        fee_bps=0 if skill.tenant_id == PLATFORM_ID else settings.FEES["label_bps"],
        redundancy=1,
        item_count=len(asked),
        gold_count=len(asked),
        skill=skill,
        reserved_for=annotator_id,
    )
    Task.objects.bulk_create(
        Task(
            tenant_id=skill.tenant_id,
            order=order,
            position=position,
            row=question["row"],
            external_id=question["external_id"],
            data=question["data"],
            gold=question["gold"],
            made_by=MadeBy.REQUESTER,
            open_slots=1,
        )
        for position, question in enumerate(asked)
    )
    launch_order(actor=Actor.system(skill.tenant_id), order_id=order.id)
    now = clock.now()
    return SkillAttempt.objects.create(
        skill=skill,
        order=order,
        annotator_id=annotator_id,
        started_at=now,
        expires_at=now + ATTEMPT_TIME,
        questions=len(asked),
    )


def end_attempt(*, actor: Actor, skill_id: UUID) -> None:
    """End the attempt in progress; what is not answered counts as wrong. Raises NoAttempt."""
    with tenant_scope(actor.organisation_id):
        live = SkillAttempt.as_annotator.filter(skill_id=skill_id, passed__isnull=True)
        found = live.values_list("tenant_id", "order_id").first()
    if found is None:
        raise NoAttempt
    _end(*found)


def end_lapsed_attempts() -> int:
    """End attempts whose time is over (on a schedule). Returns how many."""
    with all_tenants(reason="attempts at the tests of every organisation's skills lapse"):
        lapsed = SkillAttempt.objects.filter(passed__isnull=True, expires_at__lte=clock.now()).order_by("expires_at")
        due = list(lapsed.values_list("tenant_id", "order_id")[:ATTEMPTS_AT_ONCE])
    for tenant_id, order_id in due:
        _end(tenant_id, order_id)
    return len(due)


def _end(tenant_id: UUID, order_id: UUID) -> None:
    with tenant_scope(tenant_id), transaction.atomic():
        order = Order.objects.select_for_update().get(id=order_id)
        if order.state in OPEN_ORDER_STATES:
            begin_closing(order, OrderState.FINISHED)


@transaction.atomic
def judge_attempt(order: Order) -> None:
    """Whether the answers of an ended attempt give the skill; again after an appeal was upheld."""
    attempt = SkillAttempt.objects.select_for_update(of=("self",)).select_related("skill").get(order=order)
    skill = attempt.skill
    right = Annotation.objects.filter(order=order, state=AnnotationState.ACCEPTED).count()
    if attempt.passed is not None and right == attempt.right:
        return
    attempt.right = right
    attempt.decided_at = attempt.decided_at or clock.now()
    attempt.passed = right * 100 >= attempt.questions * skill.pass_percent
    attempt.valid_until = attempt.decided_at + timedelta(days=skill.valid_days) if attempt.passed else None
    attempt.save(update_fields=["right", "decided_at", "passed", "valid_until"])
    notify(f"work:{attempt.annotator_id}", {"skill": str(skill.id), "passed": attempt.passed})
