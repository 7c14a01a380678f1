"""Tables of agents; each module has those of one matter."""

from __future__ import annotations

from apps.agents.models.agents import Agent, AgentSettings, AgentVersion, PublishedAgent
from apps.agents.models.conversations import Conversation, Message
from apps.agents.models.effects import SideEffect
from apps.agents.models.teams import Team, TeamRun, TeamStep, TeamVersion
from apps.agents.models.usage import AgentUsage

__all__ = [
    "Agent",
    "AgentSettings",
    "AgentUsage",
    "AgentVersion",
    "Conversation",
    "Message",
    "PublishedAgent",
    "SideEffect",
    "Team",
    "TeamRun",
    "TeamStep",
    "TeamVersion",
]
