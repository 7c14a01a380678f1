"""Reads of the agents app."""

from apps.agents.selectors.ab_tests import ab_test, ab_tests, visitor_of_call
from apps.agents.selectors.access import (
    access_to,
    offered_agents,
    public_agent,
    published_target,
    slug_of,
    usable_agents,
)
from apps.agents.selectors.agents import (
    agent,
    agent_info,
    agent_rows,
    agents,
    draft_target,
    gate,
    missing_for_publishing,
    version_info,
    versions,
)
from apps.agents.selectors.approvals import calls_by_id, decided_calls, pending_call, pending_calls
from apps.agents.selectors.attachments import attachments
from apps.agents.selectors.conversations import Branch, conversation, conversations, messages
from apps.agents.selectors.drafts import revisions, version_differences
from apps.agents.selectors.evaluations import evaluation, evaluation_results, evaluation_sets, evaluations, get_set
from apps.agents.selectors.models import classifier_options, language_model_options
from apps.agents.selectors.parts import connection, connection_users, connections, table, tables
from apps.agents.selectors.responses import stored_response
from apps.agents.selectors.stored import citation, stored_answer
from apps.agents.selectors.traces import feedback, trace
from apps.agents.selectors.usage import usage
from apps.agents.selectors.widget import EmbeddedAgent, embedded_agent, widget_of

__all__ = [
    "Branch",
    "EmbeddedAgent",
    "ab_test",
    "ab_tests",
    "access_to",
    "agent",
    "agent_info",
    "agent_rows",
    "agents",
    "attachments",
    "calls_by_id",
    "citation",
    "classifier_options",
    "connection",
    "connection_users",
    "connections",
    "conversation",
    "conversations",
    "decided_calls",
    "draft_target",
    "embedded_agent",
    "evaluation",
    "evaluation_results",
    "evaluation_sets",
    "evaluations",
    "feedback",
    "gate",
    "get_set",
    "language_model_options",
    "messages",
    "missing_for_publishing",
    "offered_agents",
    "pending_call",
    "pending_calls",
    "public_agent",
    "published_target",
    "revisions",
    "slug_of",
    "stored_answer",
    "stored_response",
    "table",
    "tables",
    "trace",
    "usable_agents",
    "usage",
    "version_differences",
    "version_info",
    "versions",
    "visitor_of_call",
    "widget_of",
]
