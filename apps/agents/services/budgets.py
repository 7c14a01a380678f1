"""What an agent may use on one day (UTC), and what it has used."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import F

from apps.agents.errors import BudgetSpent
from apps.agents.models import AgentDay
from apps.agents.runtime import Found
from apps.agents.specs import EndpointModel
from apps.agents.types import AgentConfig, Answer, AnswerMode, ChatTarget
from apps.core import clock
from apps.core.tenant import tenant_scope
from apps.knowledge.chunking import estimate_tokens
from apps.tenancy.types import Actor

MILLION = 1_000_000
MAX_PROMPT_TOKENS = 800
"""Of instruction, passages and earlier turns beside the question (`apps.agents.prompting` keeps to less)."""


def require_day_budget(target: ChatTarget) -> None:
    """Refuse a question where the agent's budget of the day is used up.

    Answers that are on their way are not counted yet; each of them is bounded by the budget of one answer.

    Raises:
        BudgetSpent: says which and when it starts anew.
    """
    budget = target.config.budget
    if not (budget.day_tokens or budget.day_micro_usd):
        return
    with tenant_scope(target.owner_id):
        used = AgentDay.objects.filter(agent_id=target.agent_id, day=clock.now().date()).first()
    if used is None:
        return
    if (budget.day_tokens and used.tokens >= budget.day_tokens) or (
        budget.day_micro_usd and used.micro_usd >= budget.day_micro_usd
    ):
        tomorrow = (clock.now() + timedelta(days=1)).date().isoformat()
        message = f"This agent has used its budget of today. It answers again from {tomorrow} 00:00 UTC."
        raise BudgetSpent("agent_budget_spent", message, again_at=f"{tomorrow}T00:00:00Z")


def note_day(target: ChatTarget, *, tokens: int, micro_usd: int) -> None:
    """Count an answer, in the transaction that keeps it."""
    with tenant_scope(target.owner_id):
        row, is_new = AgentDay.objects.get_or_create(
            tenant_id=target.owner_id,
            agent_id=target.agent_id,
            day=clock.now().date(),
            defaults={"tokens": tokens, "micro_usd": micro_usd},
        )
        if not is_new:
            AgentDay.objects.filter(id=row.id).update(tokens=F("tokens") + tokens, micro_usd=F("micro_usd") + micro_usd)


def cost_micro_usd(config: AgentConfig, prompt_tokens: int, completion_tokens: int) -> int:
    """What an answer cost at the prices of the chosen endpoint, rounded up; the platform's own models cost none."""
    if not isinstance(config.model, EndpointModel):
        return 0
    raw = prompt_tokens * config.model.input_price + completion_tokens * config.model.output_price
    return -(-raw // MILLION)


def money_of(actor: Actor, target: ChatTarget, answer: Answer) -> dict[str, object]:
    """What the model took, for the trace. At whose prices another's agent works is its owner's business."""
    if actor.organisation_id != target.owner_id:
        return {}
    cost = cost_micro_usd(target.config, answer.prompt_tokens, answer.completion_tokens)
    return {"micro_usd": cost, "priced": target.config.has_prices}


def used_today(owner_id: UUID, agent_id: UUID) -> tuple[int, int]:
    """Tokens and micro-dollars of the day so far."""
    with tenant_scope(owner_id):
        row = AgentDay.objects.filter(agent_id=agent_id, day=clock.now().date()).first()
    return (row.tokens, row.micro_usd) if row is not None else (0, 0)


def most_tokens(found: Found) -> int:
    """What an answer takes at most, about: a key's spend cap sets so many aside."""
    tokens = estimate_tokens(found.question)
    if found.config.mode is not AnswerMode.GENERATE:
        return tokens
    return MAX_PROMPT_TOKENS + tokens + found.config.max_answer_tokens
