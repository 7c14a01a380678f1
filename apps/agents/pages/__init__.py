"""Pages of agents: the builder under `/agents/`, the public page under `/a/`, what was said under `/conversations/`."""

from apps.agents.pages.ab_tests import agent_ab_test, agent_ab_test_choose, agent_ab_test_stop, agent_ab_tests
from apps.agents.pages.answers import answer_replay, citation, stored_answer
from apps.agents.pages.builder import agent_documents, agent_edit, agent_list, agent_new
from apps.agents.pages.calls import call_decide, call_list, conversation_calls
from apps.agents.pages.connections import connection_change, connection_list
from apps.agents.pages.conversations import (
    answer_events,
    answer_stop,
    attachment_list,
    attachment_remove,
    conversation_delete,
    conversation_export,
    conversation_list,
    conversation_rename,
    message_rate,
    message_trace,
)
from apps.agents.pages.embed import agent_widget, embed, embed_chat, widget_script
from apps.agents.pages.evaluations import (
    agent_evaluation,
    agent_evaluation_cancel,
    agent_evaluation_live,
    agent_evaluations,
)
from apps.agents.pages.limits import agent_limits
from apps.agents.pages.overview import (
    agent_attach,
    agent_chat,
    agent_chat_log,
    agent_detail,
    agent_pause,
    agent_publish,
)
from apps.agents.pages.public import public_agent, public_attach, public_chat, public_chat_log
from apps.agents.pages.question_sets import question_set, question_set_new
from apps.agents.pages.tools import agent_tools, tool_connection, tool_remove
from apps.agents.pages.versions import agent_restore, agent_version

__all__ = [
    "agent_ab_test",
    "agent_ab_test_choose",
    "agent_ab_test_stop",
    "agent_ab_tests",
    "agent_attach",
    "agent_chat",
    "agent_chat_log",
    "agent_detail",
    "agent_documents",
    "agent_edit",
    "agent_evaluation",
    "agent_evaluation_cancel",
    "agent_evaluation_live",
    "agent_evaluations",
    "agent_limits",
    "agent_list",
    "agent_new",
    "agent_pause",
    "agent_publish",
    "agent_restore",
    "agent_tools",
    "agent_version",
    "agent_widget",
    "answer_events",
    "answer_replay",
    "answer_stop",
    "attachment_list",
    "attachment_remove",
    "call_decide",
    "call_list",
    "citation",
    "connection_change",
    "connection_list",
    "conversation_calls",
    "conversation_delete",
    "conversation_export",
    "conversation_list",
    "conversation_rename",
    "embed",
    "embed_chat",
    "message_rate",
    "message_trace",
    "public_agent",
    "public_attach",
    "public_chat",
    "public_chat_log",
    "question_set",
    "question_set_new",
    "stored_answer",
    "tool_connection",
    "tool_remove",
    "widget_script",
]
