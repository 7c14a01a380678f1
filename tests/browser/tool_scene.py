"""A draft with tools, limits and an evaluation, and a call that waits for a person in its chat."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any
from uuid import UUID

from apps.agents import services
from apps.agents.evaluating import figures_of
from apps.agents.models import EvaluationResult, EvaluationRun, PendingCall
from apps.agents.services import AgentChanges
from apps.agents.types import CallState, ConnectionKind, EvaluationState
from apps.core import clock
from apps.tenancy.types import Actor
from tests.apps.agents.foreign_servers import SHOP_DOCUMENT

SALES = b"region,product,units\nNorth,Lamp,3\nSouth,Desk,4\nNorth,Desk,5\n"
CASES: list[dict[str, Any]] = [
    {"question": "What do plants need for photosynthesis?", "expected": ["light"], "citation": "light"},
    {"question": "Who won the world cup in 1998?", "unknown": True},
    {"question": "Which gas do plants give off?", "expected": ["oxygen"], "forbidden": ["nitrogen"]},
]


def tooled(actor: Actor, conversation_id: UUID | None) -> dict[str, Any]:
    """Make it; the call waits in that conversation. Returns ids for the pages."""
    agent_id = services.create_agent_from_template(
        actor=actor, template_key="tutor", name="Tutor with tools", knowledge_base_ids=[]
    ).id
    shop = services.create_connection(
        actor=actor,
        kind=ConnectionKind.HTTP,
        name="Shop of a partner with a rather long name",
        url="https://shop.example/with/a/rather/long/path/to/its/interface/version-1",
        secret="sk-scene",
        document=SHOP_DOCUMENT,
    )
    services.create_connection(
        actor=actor, kind=ConnectionKind.MODEL, name="Own model", url="https://models.example/v1"
    )
    table = services.upload_table(actor=actor, filename="sales of the first quarter.csv", file=io.BytesIO(SALES))
    kept = services.save_evaluation_set(actor=actor, name="What pupils ask", cases=CASES)
    shopping = {
        "kind": "http",
        "name": "shop",
        "connection_id": str(shop.id),
        "operations": ["getStock", "placeOrder"],
        "examples": ["How many lamps are left?"],
    }
    services.update_agent(
        actor=actor,
        agent_id=agent_id,
        changes=AgentChanges(
            tools=[{"kind": "calculator"}, {"kind": "table", "name": "sales", "table_id": str(table.id)}, shopping],
            guard={"refused_topics": ["medical advice", "exams that are not over"], "mask_input": True},
            budget={"day_tokens": 200_000, "max_micro_usd": 20_000},
            checks={"evaluation_set_id": str(kept.id)},
        ),
    )
    order = {"item": "lamp", "count": 2, "note": "To the back door, please.\nRing twice.", "tags": ["gift", "fast"]}
    common: dict[str, Any] = {
        "agent_id": agent_id,
        "agent_name": "Tutor",
        "owner_id": actor.organisation_id,
        "user_id": actor.user_id,
        "spec": shopping,
        "tool": "shop_placeorder",
        "arguments": {"body": order},
        "arguments_hash": "0" * 64,
        "expires_at": clock.now() + timedelta(days=1),
    }
    PendingCall.objects.create(**common, conversation_id=conversation_id)
    PendingCall.objects.create(**common, state=CallState.DONE, result='{"order": 1}', decided_at=clock.now())
    return {
        "agent_tooled": agent_id,
        "connection": shop.id,
        "evaluation_set": kept.id,
        "evaluation_run": _evaluated(actor, agent_id, kept.id),
    }


def _evaluated(actor: Actor, agent_id: UUID, set_id: UUID) -> UUID:
    """An evaluation as it looks at its end."""
    run = services.start_evaluation(actor=actor, agent_id=agent_id, set_id=set_id)
    services.cancel_evaluation(actor=actor, agent_id=agent_id, run_id=run.id)
    said: tuple[tuple[str, list[str], bool | None], ...] = (
        ("Plants need light, water and carbon dioxide [1].", [], True),
        ("France won it.", ["should say that it does not know"], None),
        ("They give off oxygen.", [], None),
    )
    rows = [
        EvaluationResult.objects.create(
            run_id=run.id,
            number=number,
            question=str(case["question"]),
            answer=text,
            problems=problems,
            is_cited=is_cited,
            tokens=120,
            seconds=1.4,
        )
        for number, (case, (text, problems, is_cited)) in enumerate(zip(CASES, said, strict=True), start=1)
    ]
    EvaluationRun.objects.filter(id=run.id).update(state=EvaluationState.DONE, figures=figures_of(rows))
    return run.id
