"""A/B tests of the actor's agents with what came of them, and who gets which version."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Aggregate, Avg, Count, F, FloatField, Q, QuerySet

from apps.agents.ab_tests.assigning import subject_of, version_for
from apps.agents.ab_tests.comparing import Rate, best, rate
from apps.agents.models import AbTest, AbTestAnswer, AbTestArm, AgentFeedback
from apps.agents.selectors.agents import config_of, get_agent
from apps.agents.types import AbTestInfo, AbTestState, AgentsPermission, ArmInfo, Assigned, FinishReason, Visitor
from apps.core.errors import NotFound
from apps.tenancy.types import Actor

MOST_LISTED = 50
_UNSAID = (FinishReason.FAILED, FinishReason.CANCELLED)


class _Percentile(Aggregate):
    """PostgreSQL's `percentile_cont`; rows without a value do not count."""

    function = "percentile_cont"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def ab_tests(actor: Actor, agent_id: UUID) -> list[AbTestInfo]:
    """The tests of an agent, newest first.

    Raises:
        AgentNotFound: the agent is not the actor's.
    """
    get_agent(actor, agent_id, AgentsPermission.VIEW)
    return [ab_test_info(row) for row in _rows().filter(agent_id=agent_id).order_by("-id")[:MOST_LISTED]]


def ab_test(actor: Actor, agent_id: UUID, ab_test_id: UUID) -> AbTestInfo:
    """One test.

    Raises:
        AgentNotFound, NotFound: the agent is not the actor's, or has no such test.
    """
    return ab_test_info(get_ab_test(actor, agent_id, ab_test_id, AgentsPermission.VIEW))


def get_ab_test(actor: Actor, agent_id: UUID, ab_test_id: UUID, permission: AgentsPermission) -> AbTest:
    """The row, after the permission check."""
    get_agent(actor, agent_id, permission)
    row = _rows().filter(id=ab_test_id, agent_id=agent_id).first()
    if row is None:
        raise NotFound("ab_test_not_found", "There is no such A/B test.", ab_test_id=str(ab_test_id))
    return row


def assigned_to(agent_id: UUID, visitor: Visitor) -> Assigned | None:
    """The version that a visitor gets, where a test of the agent is running; in its owner's organisation."""
    test = AbTest.objects.filter(agent_id=agent_id, state=AbTestState.RUNNING).first()
    if test is None:
        return None
    shares = dict(AbTestArm.objects.filter(ab_test=test).values_list("version_id", "share"))
    subject = subject_of(test.id, visitor.key)
    before = _answered_by(test, subject) if visitor.keeps_version else None
    version_id = before if before is not None and shares.get(before) else version_for(test.id, visitor.key, shares)
    return Assigned(test.id, version_id, subject, visitor.conversation_id)


def visitor_of_call(actor: Actor, user: str = "") -> Visitor:
    """Who a call by itself is from, as far as it says; else whoever holds its key."""
    holder = actor.key.id if actor.key is not None else str(actor.user_id)
    return Visitor.of_call(actor.organisation_id, holder, user)


def ab_test_info(row: AbTest) -> AbTestInfo:
    """A test as a plain value."""
    arms = list(AbTestArm.objects.filter(ab_test=row).select_related("version").order_by("version__number"))
    shown = tuple(_arm(row, arm, len(arms)) for arm in arms)
    return AbTestInfo(
        id=row.id,
        agent_id=row.agent_id,
        state=AbTestState(row.state),
        arms=shown,
        better=best({arm.number: arm.good for arm in shown}),
        answers_more=best({arm.number: arm.abstained for arm in shown}, high_is_good=False),
        chosen=row.chosen.number if row.chosen is not None else None,
        started_at=row.created_at,
        shares_changed_at=row.shares_changed_at,
        ended_at=row.ended_at,
    )


def _rows() -> QuerySet[AbTest]:
    return AbTest.objects.select_related("agent", "chosen")


def _answered_by(test: AbTest, subject: str) -> UUID | None:
    rows = AbTestAnswer.objects.filter(ab_test=test, subject=subject).order_by("-id")
    return rows.values_list("version_id", flat=True).first()


def _arm(test: AbTest, arm: AbTestArm, arms: int) -> ArmInfo:
    answers = AbTestAnswer.objects.filter(ab_test=test, version_id=arm.version_id)
    said = ~Q(finish__in=_UNSAID)
    found = answers.aggregate(
        answers=Count("id", filter=said),
        failed=Count("id", filter=Q(finish=FinishReason.FAILED)),
        abstained=Count("id", filter=Q(finish=FinishReason.ABSTAINED)),
        conversations=Count("subject", distinct=True),
        micro_usd=Avg("micro_usd", filter=said),
        p50=_Percentile(F("first_token_s"), share="0.5"),
        p95=_Percentile(F("first_token_s"), share="0.95"),
    )
    return ArmInfo(
        version_id=arm.version_id,
        number=arm.version.number,
        share=arm.share,
        is_live=test.agent.current_version_id == arm.version_id,
        conversations=found["conversations"],
        answers=found["answers"],
        good=_good(answers, arms),
        abstained=rate(found["abstained"], found["answers"], arms),
        failed=found["failed"],
        mean_micro_usd=found["micro_usd"] if config_of(arm.version).has_prices else None,
        first_token_p50_s=found["p50"],
        first_token_p95_s=found["p95"],
    )


def _good(answers: Any, arms: int) -> Rate:
    """Thumbs up of all thumbs."""
    rated = AgentFeedback.objects.filter(message_id__in=answers.exclude(message_id=None).values("message_id"))
    counted = rated.aggregate(good=Count("id", filter=Q(rating=1)), rated=Count("id"))
    return rate(counted["good"], counted["rated"], arms)
