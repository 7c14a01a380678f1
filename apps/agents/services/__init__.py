"""Writes of the agents app."""

from apps.agents.services.answering import BegunAnswer, answer, begin_answer, stream_answer
from apps.agents.services.connections import create_connection, delete_connection, replace_secret
from apps.agents.services.create_agent import create_agent_from_template
from apps.agents.services.drafts import restore_version
from apps.agents.services.edit_agent import AgentChanges, add_agent_documents, update_agent
from apps.agents.services.publish import pause_agent, publish_agent, resume_agent

__all__ = [
    "AgentChanges",
    "BegunAnswer",
    "add_agent_documents",
    "answer",
    "begin_answer",
    "create_agent_from_template",
    "create_connection",
    "delete_connection",
    "pause_agent",
    "publish_agent",
    "replace_secret",
    "restore_version",
    "resume_agent",
    "stream_answer",
    "update_agent",
]
