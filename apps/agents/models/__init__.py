"""Tables of agents; each module has those of one matter."""

from __future__ import annotations

from apps.agents.models.ab_tests import AbTest, AbTestAnswer, AbTestArm
from apps.agents.models.agents import Agent, AgentSettings, AgentVersion, PublishedAgent
from apps.agents.models.approvals import AgentDay, PendingCall
from apps.agents.models.connections import AgentTable, Connection
from apps.agents.models.conversations import Attachment, Conversation, Message
from apps.agents.models.drafts import AgentRevision
from apps.agents.models.effects import SideEffect
from apps.agents.models.evaluations import EvaluationResult, EvaluationRun, EvaluationSet
from apps.agents.models.feedback import AgentFeedback
from apps.agents.models.pausing import PausedAnswer
from apps.agents.models.reach import AgentWidget, RemoteTask
from apps.agents.models.responses import StoredResponse
from apps.agents.models.teams import Team, TeamRun, TeamStep, TeamVersion
from apps.agents.models.usage import AgentUsage

__all__ = [
    "AbTest",
    "AbTestAnswer",
    "AbTestArm",
    "Agent",
    "AgentDay",
    "AgentFeedback",
    "AgentRevision",
    "AgentSettings",
    "AgentTable",
    "AgentUsage",
    "AgentVersion",
    "AgentWidget",
    "Attachment",
    "Connection",
    "Conversation",
    "EvaluationResult",
    "EvaluationRun",
    "EvaluationSet",
    "Message",
    "PausedAnswer",
    "PendingCall",
    "PublishedAgent",
    "RemoteTask",
    "SideEffect",
    "StoredResponse",
    "Team",
    "TeamRun",
    "TeamStep",
    "TeamVersion",
]
