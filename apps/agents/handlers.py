"""Work that follows events."""

from __future__ import annotations

from uuid import UUID

from apps.agents import services, streaming
from apps.agents.events import AnswerGoesOn, EvaluationQueued, ResponseQueued, TeamRunEnded, TeamStepQueued
from apps.agents.models import AgentTable
from apps.agents.selectors import usable_agents
from apps.agents.services.evaluations import run_evaluation
from apps.agents.services.taking_back import take_back
from apps.agents.services.team_answers import helping, tell_late
from apps.agents.services.teams import run_step
from apps.core import vault
from apps.core.outbox import handles
from apps.knowledge.events import DocumentsRemoved
from apps.tenancy.agent_choices import set_agent_lister


@handles(TeamStepQueued, long_running=True)
def on_team_step_queued(event: TeamStepQueued) -> None:
    """Work on the step."""
    with helping():
        run_step(event.step_id, event.ticket)


@handles(TeamRunEnded, long_running=True)
def on_team_run_ended(event: TeamRunEnded) -> None:
    """Tell whoever asked, where nobody waits for it any more."""
    tell_late(event.run_id)


@handles(ResponseQueued, long_running=True)
def on_response_queued(event: ResponseQueued) -> None:
    """Answer a background response."""
    with helping():
        services.run_response(event.response_id)


@handles(AnswerGoesOn, long_running=True)
def on_answer_goes_on(event: AnswerGoesOn) -> None:
    """Give the rest of the answer."""
    with helping():
        streaming.go_on(event.paused_id, event.owner_id)


@handles(EvaluationQueued, long_running=True)
def on_evaluation_queued(event: EvaluationQueued) -> None:
    """Ask the cases."""
    with helping():
        run_evaluation(event.run_id)


@handles(DocumentsRemoved)
def on_documents_removed(event: DocumentsRemoved) -> None:
    """Take back what was answered from them."""
    documents = [UUID(document_id) for document_id in event.document_ids]
    take_back(knowledge_base_id=event.knowledge_base_id, document_ids=documents)


set_agent_lister(lambda actor: [(agent.agent_id, agent.name) for agent in usable_agents(actor)])
vault.holds_objects(AgentTable)
