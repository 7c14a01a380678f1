"""Pages of agents: the builder's under `/agents/`, the public one under `/a/`."""

from apps.agents.pages.builder import agent_documents, agent_edit, agent_list, agent_new
from apps.agents.pages.overview import agent_chat, agent_detail, agent_pause, agent_publish
from apps.agents.pages.public import public_agent, public_chat

__all__ = [
    "agent_chat",
    "agent_detail",
    "agent_documents",
    "agent_edit",
    "agent_list",
    "agent_new",
    "agent_pause",
    "agent_publish",
    "public_agent",
    "public_chat",
]
