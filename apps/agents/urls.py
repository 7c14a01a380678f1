"""Routes of agents."""

from __future__ import annotations

from django.urls import path

from apps.agents import pages
from apps.agents.api import (
    ab_tests,
    agents,
    answers,
    connections,
    drafts,
    evaluations,
    openai,
    responses,
    teams,
    tools,
    widget,
)
from apps.agents.pages import teams as team_pages

_AGENT = "agents/<uuid:agent_id>/"
_AB_TEST = f"{_AGENT}ab-tests/<uuid:ab_test_id>/"
_EVALUATION = f"{_AGENT}evaluations/<uuid:evaluation_run_id>/"
_CONNECTION = "agent-connections/<uuid:connection_id>/"
_CONVERSATION = "conversations/<uuid:conversation_id>/"

api_urlpatterns = [
    path("agent-templates/", agents.TemplatesView.as_view(), name="api-agent-templates"),
    path("agents/", agents.AgentsView.as_view(), name="api-agents"),
    path(_AGENT, agents.AgentView.as_view(), name="api-agent"),
    path(f"{_AGENT}documents/", agents.AgentDocumentsView.as_view(), name="api-agent-documents"),
    path(f"{_AGENT}chat/", agents.TestChatView.as_view(), name="api-agent-chat"),
    path(f"{_AGENT}publish/", agents.PublishView.as_view(), name="api-agent-publish"),
    path(f"{_AGENT}pause/", agents.PauseView.as_view(), name="api-agent-pause"),
    path(f"{_AGENT}resume/", agents.ResumeView.as_view(), name="api-agent-resume"),
    path(f"{_AGENT}versions/", agents.VersionsView.as_view(), name="api-agent-versions"),
    path(f"{_AGENT}revisions/", drafts.RevisionsView.as_view(), name="api-agent-revisions"),
    path(f"{_AGENT}differences/", drafts.DifferencesView.as_view(), name="api-agent-differences"),
    path(f"{_AGENT}restore/", drafts.RestoreView.as_view(), name="api-agent-restore"),
    path(f"{_AGENT}ab-tests/", ab_tests.AbTestsView.as_view(), name="api-agent-ab-tests"),
    path(_AB_TEST, ab_tests.AbTestView.as_view(), name="api-agent-ab-test"),
    path(f"{_AB_TEST}stop/", ab_tests.StopAbTestView.as_view(), name="api-agent-ab-test-stop"),
    path(f"{_AB_TEST}choose/", ab_tests.ChooseVersionView.as_view(), name="api-agent-ab-test-choose"),
    path("agent-connections/", connections.ConnectionsView.as_view(), name="api-agent-connections"),
    path("evaluation-sets/", evaluations.SetsView.as_view(), name="api-evaluation-sets"),
    path("evaluation-sets/<uuid:evaluation_set_id>/", evaluations.SetView.as_view(), name="api-evaluation-set"),
    path(f"{_AGENT}evaluations/", evaluations.EvaluationsView.as_view(), name="api-agent-evaluations"),
    path(
        f"{_AGENT}evaluations/<uuid:evaluation_run_id>/",
        evaluations.EvaluationView.as_view(),
        name="api-agent-evaluation",
    ),
    path("agent-tables/", tools.TablesView.as_view(), name="api-agent-tables"),
    path("agent-tables/<uuid:agent_table_id>/", tools.TableView.as_view(), name="api-agent-table"),
    path("agent-calls/", tools.CallsView.as_view(), name="api-agent-calls"),
    path("agent-calls/<uuid:pending_call_id>/", tools.CallView.as_view(), name="api-agent-call"),
    path("agent-calls/<uuid:pending_call_id>/settle/", tools.SettleCallView.as_view(), name="api-agent-call-settle"),
    path(f"{_CONNECTION}offers/", tools.OffersView.as_view(), name="api-agent-connection-offers"),
    path(_CONNECTION, connections.ConnectionView.as_view(), name="api-agent-connection"),
    path(f"{_AGENT}widget/", widget.WidgetView.as_view(), name="api-agent-widget"),
    path(f"{_AGENT}calibrate/", answers.CalibrateView.as_view(), name="api-agent-calibrate"),
    path("answers/<uuid:message_id>/replay/", answers.ReplayView.as_view(), name="api-answer-replay"),
    path(f"{_AGENT}usage/", agents.UsageView.as_view(), name="api-agent-usage"),
]

_TEAM = "teams/<uuid:team_id>/"
_RUN = "team-runs/<uuid:run_id>/"
_STEP = "team-steps/<uuid:step_id>/"

api_urlpatterns += [
    path("team-templates/", teams.TemplatesView.as_view(), name="api-team-templates"),
    path("teams/", teams.TeamsView.as_view(), name="api-teams"),
    path(_TEAM, teams.TeamView.as_view(), name="api-team"),
    path(f"{_TEAM}check/", teams.TeamCheckView.as_view(), name="api-team-check"),
    path(f"{_TEAM}publish/", teams.PublishTeamView.as_view(), name="api-team-publish"),
    path(f"{_TEAM}agent/", teams.TeamAgentView.as_view(), name="api-team-agent"),
    path(f"{_TEAM}versions/", teams.TeamVersionsView.as_view(), name="api-team-versions"),
    path(f"{_TEAM}runs/", teams.RunsView.as_view(), name="api-team-runs"),
    path(_RUN, teams.RunView.as_view(), name="api-team-run"),
    path(f"{_RUN}cancel/", teams.CancelRunView.as_view(), name="api-team-run-cancel"),
    path(f"{_RUN}retry/", teams.RetryRunView.as_view(), name="api-team-run-retry"),
    path(f"{_STEP}decide/", teams.DecideStepView.as_view(), name="api-team-step-decide"),
    path(f"{_STEP}settle/", teams.SettleStepView.as_view(), name="api-team-step-settle"),
]

root_urlpatterns = [
    path("v1/chat/completions", openai.ChatCompletionsView.as_view(), name="openai-chat-completions"),
    path("v1/responses", responses.ResponsesView.as_view(), name="openai-responses"),
    path("v1/responses/<str:response_id>", responses.ResponseView.as_view(), name="openai-response"),
    path("v1/responses/<str:response_id>/cancel", responses.CancelResponseView.as_view(), name="openai-cancel"),
    path("v1/responses/<str:response_id>/input_items", responses.InputItemsView.as_view(), name="openai-input-items"),
    path("v1/models", openai.ModelsView.as_view(), name="openai-models"),
    path("v1/models/<slug:slug>", openai.ModelView.as_view(), name="openai-model"),
]

page_urlpatterns = [
    path("agents/", pages.agent_list, name="agents"),
    path("agents/question-sets/new/", pages.question_set_new, name="question-set-new"),
    path("agents/question-sets/<uuid:evaluation_set_id>/", pages.question_set, name="question-set"),
    path(f"{_AGENT}evaluations/", pages.agent_evaluations, name="agent-evaluations"),
    path(_EVALUATION, pages.agent_evaluation, name="agent-evaluation"),
    path(f"{_EVALUATION}live/", pages.agent_evaluation_live, name="agent-evaluation-live"),
    path(f"{_EVALUATION}cancel/", pages.agent_evaluation_cancel, name="agent-evaluation-cancel"),
    path("agents/calls/", pages.call_list, name="agent-calls"),
    path("agents/calls/<uuid:pending_call_id>/", pages.call_decide, name="agent-call-decide"),
    path(f"{_CONVERSATION}calls/live/", pages.conversation_calls, name="conversation-calls"),
    path("agents/connections/", pages.connection_list, name="agent-connections"),
    path("agents/connections/<uuid:connection_id>/", pages.connection_change, name="agent-connection-change"),
    path(f"{_AGENT}limits/", pages.agent_limits, name="agent-limits"),
    path(f"{_AGENT}tools/", pages.agent_tools, name="agent-tools"),
    path(f"{_AGENT}tools/remove/", pages.tool_remove, name="agent-tool-remove"),
    path(f"{_AGENT}tools/connections/<uuid:connection_id>/", pages.tool_connection, name="agent-tool-connection"),
    path("agents/answers/<uuid:message_id>/", pages.stored_answer, name="agent-answer"),
    path("agents/answers/<uuid:message_id>/replay/", pages.answer_replay, name="agent-answer-replay"),
    path("agents/answers/<uuid:message_id>/sources/<int:number>/", pages.citation, name="agent-citation"),
    path("agents/new/", pages.agent_new, name="agent-new"),
    path(_AGENT, pages.agent_detail, name="agent"),
    path(f"{_AGENT}edit/", pages.agent_edit, name="agent-edit"),
    path(f"{_AGENT}documents/", pages.agent_documents, name="agent-documents"),
    path(f"{_AGENT}chat/", pages.agent_chat, name="agent-chat"),
    path(f"{_AGENT}chat/log/", pages.agent_chat_log, name="agent-chat-log"),
    path(f"{_AGENT}attachments/", pages.agent_attach, name="agent-attachments"),
    path(f"{_AGENT}publish/", pages.agent_publish, name="agent-publish"),
    path(f"{_AGENT}pause/", pages.agent_pause, name="agent-pause"),
    path(f"{_AGENT}versions/<int:number>/", pages.agent_version, name="agent-version"),
    path(f"{_AGENT}versions/<int:number>/restore/", pages.agent_restore, name="agent-restore"),
    path(f"{_AGENT}ab-tests/", pages.agent_ab_tests, name="agent-ab-tests"),
    path(_AB_TEST, pages.agent_ab_test, name="agent-ab-test"),
    path(f"{_AB_TEST}stop/", pages.agent_ab_test_stop, name="agent-ab-test-stop"),
    path(f"{_AB_TEST}choose/<int:number>/", pages.agent_ab_test_choose, name="agent-ab-test-choose"),
    path("a/<slug:slug>/", pages.public_agent, name="public-agent"),
    path("a/<slug:slug>/chat/", pages.public_chat, name="public-agent-chat"),
    path("a/<slug:slug>/chat/log/", pages.public_chat_log, name="public-agent-chat-log"),
    path("a/<slug:slug>/attachments/", pages.public_attach, name="public-agent-attachments"),
    path("conversations/", pages.conversation_list, name="conversations"),
    path(f"{_CONVERSATION}rename/", pages.conversation_rename, name="conversation-rename"),
    path(f"{_CONVERSATION}delete/", pages.conversation_delete, name="conversation-delete"),
    path(f"{_CONVERSATION}export.json", pages.conversation_export, {"kind": "json"}, name="conversation-json"),
    path(f"{_CONVERSATION}export.md", pages.conversation_export, {"kind": "md"}, name="conversation-md"),
    path(f"{_CONVERSATION}attachments/", pages.attachment_list, name="conversation-attachments"),
    path(f"{_CONVERSATION}attachments/<uuid:attachment_id>/remove/", pages.attachment_remove, name="attachment-remove"),
    path("answers/<uuid:answer_id>/events/", pages.answer_events, name="answer-events"),
    path("answers/<uuid:answer_id>/stop/", pages.answer_stop, name="answer-stop"),
    path("messages/<uuid:message_id>/rating/", pages.message_rate, name="message-rating"),
    path("messages/<uuid:message_id>/trace/", pages.message_trace, name="message-trace"),
    path(f"{_AGENT}widget/", pages.agent_widget, name="agent-widget"),
    path("a/<slug:slug>/embed/", pages.embed, name="agent-embed"),
    path("a/<slug:slug>/embed/chat/", pages.embed_chat, name="agent-embed-chat"),
    path("widget.js", pages.widget_script, name="agent-widget-script"),
]

page_urlpatterns += [
    path("teams/", team_pages.team_list, name="teams"),
    path("teams/new/", team_pages.team_new, name="team-new"),
    path(_TEAM, team_pages.team_edit, name="team"),
    path(f"{_TEAM}nodes/", team_pages.node_add, name="team-node-add"),
    path(f"{_TEAM}nodes/<slug:key>/", team_pages.node_edit, name="team-node"),
    path(f"{_TEAM}nodes/<slug:key>/change/", team_pages.node_change, name="team-node-change"),
    path(f"{_TEAM}connections/", team_pages.edge_add, name="team-edge-add"),
    path(f"{_TEAM}connections/<int:index>/", team_pages.edge_change, name="team-edge-change"),
    path(f"{_TEAM}publish/", team_pages.team_publish, name="team-publish"),
    path(f"{_TEAM}agent/", team_pages.team_agent, name="team-agent"),
    path(f"{_TEAM}run/", team_pages.run_start, name="team-run-start"),
    path(_RUN, team_pages.run_detail, name="team-run"),
    path(f"{_RUN}live/", team_pages.run_live, name="team-run-live"),
    path(f"{_RUN}cancel/", team_pages.run_cancel, name="team-run-cancel"),
    path(f"{_RUN}retry/", team_pages.run_retry, name="team-run-retry"),
    path(f"{_STEP}decide/", team_pages.step_decide, name="team-step-decide"),
    path(f"{_STEP}settle/", team_pages.step_settle, name="team-step-settle"),
]
