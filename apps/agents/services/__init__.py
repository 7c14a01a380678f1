"""Writes of the agents app."""

from apps.agents.services.answering import answer, stream_answer
from apps.agents.services.create_agent import create_agent_from_template
from apps.agents.services.edit_agent import AgentChanges, add_agent_documents, update_agent
from apps.agents.services.publish import pause_agent, publish_agent, resume_agent

__all__ = [
    "AgentChanges",
    "add_agent_documents",
    "answer",
    "create_agent_from_template",
    "pause_agent",
    "publish_agent",
    "resume_agent",
    "stream_answer",
    "update_agent",
]
