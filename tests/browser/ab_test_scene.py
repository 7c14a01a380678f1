"""A published agent whose versions share its visitors: a test that can tell something, and one that ended."""

from __future__ import annotations

from typing import Any

from apps.agents import services
from apps.agents.models import AbTestAnswer, AgentFeedback
from apps.agents.services import AgentChanges
from apps.agents.types import AbTestInfo, FinishReason
from apps.core.ids import uuid7
from apps.tenancy.types import Actor

THUMBS = {1: (9, 21), 2: (33, 3)}
"""Up and down by version."""


def tested(actor: Actor) -> dict[str, Any]:
    """Make it. Returns ids for the pages."""
    agent_id = services.create_agent_from_template(
        actor=actor, template_key="tutor", name="Tutor with two voices", knowledge_base_ids=[]
    ).id
    services.publish_agent(actor=actor, agent_id=agent_id)
    services.update_agent(actor=actor, agent_id=agent_id, changes=AgentChanges(tone="formal"))
    before = services.start_ab_test(actor=actor, agent_id=agent_id, shares={1: 90, 0: 10})
    services.stop_ab_test(actor=actor, agent_id=agent_id, ab_test_id=before.id)
    test = services.start_ab_test(actor=actor, agent_id=agent_id, shares={1: 50, 2: 50})
    _answered(actor, test)
    return {"agent_tested": agent_id, "ab_test": test.id, "ab_test_ended": before.id}


def _answered(actor: Actor, test: AbTestInfo) -> None:
    for arm in test.arms:
        up, down = THUMBS[arm.number]
        for number in range(up + down):
            message_id = uuid7()
            AbTestAnswer.objects.create(
                ab_test_id=test.id,
                version_id=arm.version_id,
                subject=f"{arm.number}-{number // 2}",
                message_id=message_id,
                finish=FinishReason.ABSTAINED if number % 7 == arm.number else FinishReason.STOP,
                tokens=200,
                micro_usd=0,
                seconds=2.5,
                first_token_s=0.4 + number / 100,
            )
            AgentFeedback.objects.create(
                message_id=message_id,
                agent_id=test.agent_id,
                version_number=arm.number,
                rating=1 if number < up else -1,
            )
