"""What an answer may tell whoever reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid5

from django.db import transaction

from apps.agents.output.copying import Allowance, length
from apps.agents.output.rules import OutputRules, Reach
from apps.agents.output.secrets import Secrets
from apps.agents.runtime import Found, RunPlan
from apps.agents.types import ChatTarget, Turn
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors as knowledge
from apps.tenancy.types import Actor


def reader_of(actor: Actor) -> UUID:
    """Who reads what the actor is told: its organisation, or whoever holds a key that can only ask agents."""
    if actor.key is not None and actor.only_asks:
        return uuid5(actor.organisation_id, actor.key.id)
    return actor.organisation_id


def output_rules(
    *, actor: Actor, reader_id: UUID, target: ChatTarget, plan: RunPlan, found: Found, history: Sequence[Turn]
) -> OutputRules:
    """The rules for one answer: nothing is held back where asker and reader are the agent's owner. Blocks.

    Args:
        actor: who asks.
        reader_id: who reads the answer in the end: the organisation that asks, or a visitor on whose behalf it does.
    """
    if actor.organisation_id == target.owner_id == reader_id:
        return OutputRules()
    own_config = target.version.config if target.version is not None else target.config
    owner = Actor.system(target.owner_id)
    with tenant_scope(target.owner_id), transaction.atomic():
        privacy = knowledge.privacy_rules(owner, own_config.knowledge_base_ids)
    limits = [rules.longest_quote for rules in privacy] + [own_config.guard.longest_copy or 5_000]
    by_base = {rules.knowledge_base_id: rules for rules in privacy}

    def allowances(document_ids: Sequence[UUID]) -> Mapping[UUID, Allowance]:
        with tenant_scope(target.owner_id), transaction.atomic():
            told = knowledge.told_to(owner, reader_id, document_ids)
        return {
            document_id: Allowance(
                max(0, by_base[state.knowledge_base_id].allowance(state.characters) - length(state.spans)),
                list(state.spans),
            )
            for document_id, state in told.items()
            if state.knowledge_base_id in by_base
        }

    own = frozenset({plan.attachments.knowledge_base_id} if plan.attachments is not None else ())
    reach = Reach(min(limits), own, allowances)
    copied = reach.add(found.passages)
    asked = [found.question, *(turn.text for turn in history if turn.role == "user")]
    secrets = Secrets(
        texts=[own_config.instruction] if own_config.guard.keep_instruction else [],
        codes=[mark for rules in privacy for mark in rules.canaries],
        copied=[item.text for item in copied],
        allowed=[own_config.name, own_config.job, *own_config.starters, *asked],
    )
    return OutputRules(secrets, reach)
