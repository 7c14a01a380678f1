"""Reads of who may work on what: annotators' credentials, skills, what is missing for an order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from apps.core import clock
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling.eligibility import Credentials, Missing, Requirements, level_of, missing
from apps.labeling.models import AnnotatorProfile, AnnotatorStats, Skill, SkillAttempt
from apps.labeling.policies import require
from apps.labeling.skill_errors import NotEligible, SkillNotFound
from apps.labeling.types import BoardEntry, LabelingPermission
from apps.tenancy.selectors import organisation_names
from apps.tenancy.types import PLATFORM_ID, Actor


@dataclass(frozen=True)
class Profile:
    """What an annotator declares and what the accepted work amounts to."""

    languages: tuple[str, ...]
    level: int
    accepted: int
    rejected: int

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "languages": list(self.languages),
            "level": self.level,
            "accepted": self.accepted,
            "rejected": self.rejected,
        }


@dataclass(frozen=True)
class SkillInfo:
    """A skill as everybody may see it: no question, no answer."""

    id: UUID
    owner: str
    name: str
    instruction: str
    questions: int
    price: Money
    pass_percent: int
    retake_days: int
    valid_days: int
    is_open: bool

    @property
    def needed(self) -> int:
        """Right answers that pass."""
        return -(-self.questions * self.pass_percent // 100)

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "id": str(self.id),
            "owner": self.owner,
            "name": self.name,
            "instruction": self.instruction,
            "questions": self.questions,
            "price_per_label": self.price.as_json(),
            "pass_percent": self.pass_percent,
            "retake_days": self.retake_days,
            "valid_days": self.valid_days,
        }


@dataclass(frozen=True)
class MySkill:
    """Where an annotator stands with a skill."""

    skill: SkillInfo
    order_id: UUID | None = None
    right: int | None = None
    questions: int | None = None
    decided_at: datetime | None = None
    valid_until: datetime | None = None
    retake_at: datetime | None = None

    @property
    def is_held(self) -> bool:
        """Whether it counts now."""
        return self.valid_until is not None and self.valid_until > clock.now()

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return self.skill.as_json() | {
            "held": self.is_held,
            "order_id": str(self.order_id) if self.order_id else None,
            "right": self.right,
            "of": self.questions,
            "decided_at": self.decided_at,
            "valid_until": self.valid_until,
            "retake_at": self.retake_at,
        }


def profile(actor: Actor) -> Profile:
    """The annotator's profile."""
    with tenant_scope(actor.organisation_id):
        declared = AnnotatorProfile.objects.values_list("languages", flat=True).first() or []
        done = AnnotatorStats.as_annotator.aggregate(accepted=Sum("accepted"), rejected=Sum("rejected"))
    accepted, rejected = done["accepted"] or 0, done["rejected"] or 0
    return Profile(tuple(declared), level_of(accepted, rejected), accepted, rejected)


def credentials(actor: Actor) -> Credentials:
    """What the annotator can show for an order that asks."""
    known = profile(actor)
    with tenant_scope(actor.organisation_id):
        held = SkillAttempt.as_annotator.filter(passed=True, valid_until__gt=clock.now())
        skills = frozenset(held.values_list("skill_id", flat=True))
    return Credentials(skills, frozenset(known.languages), known.level)


def skill_names(skill_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Names by id."""
    wanted = set(skill_ids)
    if not wanted:
        return {}
    with all_tenants(reason="orders ask for skills of whichever organisation"):
        return dict(Skill.objects.filter(id__in=wanted).values_list("id", "name"))


def missing_for(actor: Actor, entries: Sequence[BoardEntry]) -> dict[UUID, tuple[Missing, ...]]:
    """By order, what the annotator lacks; orders that ask for nothing are left out."""
    asked = {entry.order_id: Requirements.from_json(entry.requirements) for entry in entries if entry.requirements}
    if not asked:
        return {}
    has = credentials(actor)
    names = skill_names(skill for one in asked.values() for skill in one.skills)
    return {order_id: missing(one, has, names) for order_id, one in asked.items()}


def require_eligible(actor: Actor, asked: Requirements) -> None:
    """Raise NotEligible unless the annotator has all that is asked for."""
    lacking = missing(asked, credentials(actor), skill_names(asked.skills))
    if lacking:
        raise NotEligible(lacking)


def skill_info(row: Skill, owner: str) -> SkillInfo:
    """A skill's public facts."""
    return SkillInfo(
        id=row.id,
        owner=owner,
        name=row.name,
        instruction=row.instruction,
        questions=row.drawn,
        price=Money(row.price_minor, row.currency),
        pass_percent=row.pass_percent,
        retake_days=row.retake_days,
        valid_days=row.valid_days,
        is_open=row.is_open,
    )


def open_skills(actor: Actor | None) -> list[MySkill]:
    """Skills that can be taken, newest first, and where the annotator stands with each; None for a visitor."""
    with all_tenants(reason="skills of all organisations are open to all annotators"):
        rows = list(Skill.objects.filter(is_open=True).order_by("-id")[:200])
    return _with_attempts(actor, rows)


def my_skill(actor: Actor | None, skill_id: UUID) -> MySkill:
    """One skill. Raises SkillNotFound where it is closed and the annotator never took it."""
    with all_tenants(reason="skills of all organisations are open to all annotators"):
        row = Skill.objects.filter(id=skill_id).first()
    if row is None:
        raise SkillNotFound
    [found] = _with_attempts(actor, [row])
    if not row.is_open and found.questions is None:
        raise SkillNotFound
    return found


def _with_attempts(actor: Actor | None, rows: Sequence[Skill]) -> list[MySkill]:
    owners = organisation_names(row.tenant_id for row in rows)
    latest: dict[UUID, SkillAttempt] = {}
    if actor is not None:
        with tenant_scope(actor.organisation_id):
            attempts = SkillAttempt.as_annotator.filter(skill_id__in=[row.id for row in rows]).order_by("id")
            latest = {attempt.skill_id: attempt for attempt in attempts}
    return [_mine(row, owners.get(row.tenant_id, ""), latest.get(row.id)) for row in rows]


def _mine(row: Skill, owner: str, attempt: SkillAttempt | None) -> MySkill:
    info = skill_info(row, owner)
    if attempt is None:
        return MySkill(info)
    decided: datetime | None = attempt.decided_at
    if decided is None:
        return MySkill(info, order_id=attempt.order_id, questions=attempt.questions)
    again: datetime = attempt.valid_until or decided + timedelta(days=row.retake_days)
    return MySkill(
        info,
        right=attempt.right,
        questions=attempt.questions,
        decided_at=decided,
        valid_until=attempt.valid_until,
        retake_at=again if again > clock.now() else None,
    )


def skills(actor: Actor) -> QuerySet[Skill, Any]:
    """The organisation's own skills, newest first, with how many took and passed each."""
    require(actor, LabelingPermission.ORDER_VIEW)
    taken = Count("attempts", filter=Q(attempts__passed__isnull=False))
    return Skill.objects.annotate(taken=taken, passed=Count("attempts", filter=Q(attempts__passed=True))).order_by(
        "-id"
    )


def usable_skills(actor: Actor) -> list[Skill]:
    """Skills that an order of the organisation can ask for: its own and the platform's."""
    require(actor, LabelingPermission.ORDER_VIEW)
    with all_tenants(reason="the platform's skills are there for all requesters"):
        rows = Skill.objects.filter(is_open=True, tenant_id__in=(actor.organisation_id, PLATFORM_ID))
        return list(rows.order_by("name", "id"))
