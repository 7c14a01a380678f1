"""How an answer came about, and what people thought of answers."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Q

from apps.agents.errors import AgentNotFound
from apps.agents.models import Agent, AgentFeedback, AgentVersion, Message
from apps.agents.policies import require
from apps.agents.selectors.conversations import conversation_info, message_info
from apps.agents.types import AgentsPermission, FeedbackSummary, KnowledgePin, Step, Trace, Turn
from apps.core import clock
from apps.core.errors import NotFound
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor

COMMENTS_SHOWN = 10


def trace(actor: Actor, message_id: UUID) -> Trace:
    """Everything that is known of an answer to the actor.

    Raises:
        NotFound: it is no answer to the actor.
    """
    row = Message.objects.select_related("conversation", "parent").filter(id=message_id, role="assistant").first()
    if row is None or row.conversation.user_id != actor.user_id:
        raise NotFound("message_not_found", "There is no such answer.")
    return Trace(
        message=message_info(row, (row.id,)),
        question=row.parent.text if row.parent is not None else "",
        conversation=conversation_info(row.conversation, 0),
        agent_version_number=_number(row),
        agent_version_id=row.agent_version_id,
        config_hash=row.config_hash,
        language_model=row.language_model,
        classifier=row.classifier,
        knowledge=tuple(KnowledgePin.from_json(pin) for pin in row.knowledge),
        steps=tuple(Step.from_json(step) for step in row.steps),
        prompt=tuple(Turn(**turn) for turn in row.prompt),
        first_token_s=row.first_token_s,
    )


def feedback(actor: Actor, agent_id: UUID, days: int = 30) -> FeedbackSummary:
    """What people thought of an agent's answers in the last `days`.

    Raises:
        AgentNotFound: the agent is not the actor's.
    """
    require(actor, AgentsPermission.VIEW)
    if not Agent.objects.filter(id=agent_id).exists():
        raise AgentNotFound(str(agent_id))
    rows = AgentFeedback.objects.filter(agent_id=agent_id, updated_at__gte=clock.now() - timedelta(days=days))
    totals = rows.aggregate(good=Count("id", filter=Q(rating=1)), bad=Count("id", filter=Q(rating=-1)))
    reasons = rows.filter(rating=-1).exclude(reason="").values_list("reason").annotate(Count("id")).order_by("reason")
    comments = rows.exclude(comment="").values_list("comment", flat=True)[:COMMENTS_SHOWN]
    return FeedbackSummary(totals["good"], totals["bad"], dict(reasons), tuple(comments))


def _number(row: Message) -> int | None:
    """The number of the version that answered, which may be another organisation's."""
    if row.agent_version_id is None:
        return None
    with tenant_scope(row.conversation.agent_owner_id):
        return AgentVersion.objects.filter(id=row.agent_version_id).values_list("number", flat=True).first()
