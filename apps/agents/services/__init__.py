"""Writes of the agents app."""

from apps.agents.services.ab_tests import DRAFT, change_shares, choose_version, start_ab_test, stop_ab_test
from apps.agents.services.answering import answer, begin_answer, stream_answer
from apps.agents.services.api_documents import connect_api
from apps.agents.services.approvals import decide_call, settle_call
from apps.agents.services.attaching import attach_document, detach_document
from apps.agents.services.begun import BegunAnswer
from apps.agents.services.budgets import used_today
from apps.agents.services.calibrate import Calibration, KnownQuestion, calibrate_agent
from apps.agents.services.connections import (
    connection_offers,
    create_connection,
    delete_connection,
    foreign_card,
    reading_operations,
    replace_secret,
)
from apps.agents.services.conversations import delete_conversation, rate_answer, rename_conversation
from apps.agents.services.create_agent import create_agent_from_template
from apps.agents.services.drafts import restore_version
from apps.agents.services.edit_agent import AgentChanges, add_agent_documents, update_agent
from apps.agents.services.evaluations import (
    cancel_evaluation,
    delete_evaluation_set,
    save_evaluation_set,
    start_evaluation,
)
from apps.agents.services.pausing import give_up_old_answers
from apps.agents.services.publish import go_back_to_version, pause_agent, publish_agent, resume_agent
from apps.agents.services.replay import replay_answer
from apps.agents.services.responses import (
    BegunResponse,
    ResponseRequest,
    answer_response,
    begin_response,
    cancel_response,
    delete_response,
    forget_old_responses,
    queue_response,
    response_events,
    run_response,
)
from apps.agents.services.resuming import begin_again
from apps.agents.services.upload_table import delete_table, upload_table
from apps.agents.services.widget import remove_widget, set_widget

__all__ = [
    "DRAFT",
    "AgentChanges",
    "BegunAnswer",
    "BegunResponse",
    "Calibration",
    "KnownQuestion",
    "ResponseRequest",
    "add_agent_documents",
    "answer",
    "answer_response",
    "attach_document",
    "begin_again",
    "begin_answer",
    "begin_response",
    "calibrate_agent",
    "cancel_evaluation",
    "cancel_response",
    "change_shares",
    "choose_version",
    "connect_api",
    "connection_offers",
    "create_agent_from_template",
    "create_connection",
    "decide_call",
    "delete_connection",
    "delete_conversation",
    "delete_evaluation_set",
    "delete_response",
    "delete_table",
    "detach_document",
    "foreign_card",
    "forget_old_responses",
    "give_up_old_answers",
    "go_back_to_version",
    "pause_agent",
    "publish_agent",
    "queue_response",
    "rate_answer",
    "reading_operations",
    "remove_widget",
    "rename_conversation",
    "replace_secret",
    "replay_answer",
    "response_events",
    "restore_version",
    "resume_agent",
    "run_response",
    "save_evaluation_set",
    "set_widget",
    "settle_call",
    "start_ab_test",
    "start_evaluation",
    "stop_ab_test",
    "stream_answer",
    "update_agent",
    "upload_table",
    "used_today",
]
