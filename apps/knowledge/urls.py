"""Routes of knowledge bases."""

from __future__ import annotations

from django.urls import path

from apps.knowledge import (
    api,
    pages,
    passage_pages,
    privacy_api,
    privacy_pages,
    question_api,
    question_pages,
    source_api,
    source_pages,
)

_BASE = "knowledge-bases/<uuid:knowledge_base_id>/"
_SOURCE = f"{_BASE}sources/<uuid:source_id>/"
_QUESTIONS = f"{_BASE}question-sets/"
_DOCUMENT = f"{_BASE}documents/<uuid:document_id>/"

api_urlpatterns = [
    path("knowledge-bases/", api.KnowledgeBasesView.as_view(), name="api-knowledge-bases"),
    path(_BASE, api.KnowledgeBaseView.as_view(), name="api-knowledge-base"),
    path(f"{_BASE}documents/", api.DocumentsView.as_view(), name="api-knowledge-documents"),
    path(_DOCUMENT, api.DocumentView.as_view(), name="api-knowledge-document"),
    path(f"{_DOCUMENT}retry/", api.DocumentRetryView.as_view(), name="api-knowledge-document-retry"),
    path(f"{_BASE}sources/", source_api.SourcesView.as_view(), name="api-knowledge-sources"),
    path(_SOURCE, source_api.SourceView.as_view(), name="api-knowledge-source"),
    path(f"{_SOURCE}sync/", source_api.SourceSyncView.as_view(), name="api-knowledge-source-sync"),
    path(_QUESTIONS, question_api.QuestionSetsView.as_view(), name="api-knowledge-question-sets"),
    path(f"{_QUESTIONS}<uuid:set_id>/", question_api.QuestionSetView.as_view(), name="api-knowledge-question-set"),
    path(
        f"{_QUESTIONS}<uuid:set_id>/runs/",
        question_api.QuestionRunsView.as_view(),
        name="api-knowledge-question-set-runs",
    ),
    path(f"{_BASE}search/", api.SearchView.as_view(), name="api-knowledge-search"),
    path(f"{_BASE}privacy/", privacy_api.PrivacyView.as_view(), name="api-knowledge-privacy"),
    path(f"{_BASE}privacy/canaries/", privacy_api.CanariesView.as_view(), name="api-knowledge-canaries"),
    path(f"{_BASE}privacy/shred/", privacy_api.ShredView.as_view(), name="api-knowledge-shred"),
    path(f"{_BASE}releases/", api.ReleasesView.as_view(), name="api-knowledge-releases"),
]

page_urlpatterns = [
    path("knowledge/", pages.base_list, name="knowledge-bases"),
    path("knowledge/<uuid:knowledge_base_id>/", pages.base_detail, name="knowledge-base"),
    path("knowledge/<uuid:knowledge_base_id>/documents/", pages.base_documents, name="knowledge-documents"),
    path("knowledge/<uuid:knowledge_base_id>/sources/", source_pages.base_sources, name="knowledge-sources"),
    path(
        "knowledge/<uuid:knowledge_base_id>/sources/<uuid:source_id>/sync/",
        source_pages.source_sync,
        name="knowledge-source-sync",
    ),
    path(
        "knowledge/<uuid:knowledge_base_id>/sources/<uuid:source_id>/remove/",
        source_pages.source_remove,
        name="knowledge-source-remove",
    ),
    path("knowledge/<uuid:knowledge_base_id>/privacy/", privacy_pages.base_privacy, name="knowledge-privacy"),
    path("knowledge/<uuid:knowledge_base_id>/questions/", question_pages.base_questions, name="knowledge-questions"),
    path(
        "knowledge/<uuid:knowledge_base_id>/questions/<uuid:set_id>/ask/",
        question_pages.question_set_ask,
        name="knowledge-question-set-ask",
    ),
    path(
        "knowledge/<uuid:knowledge_base_id>/questions/<uuid:set_id>/remove/",
        question_pages.question_set_remove,
        name="knowledge-question-set-remove",
    ),
    path("knowledge/<uuid:knowledge_base_id>/answer/", pages.base_answer, name="knowledge-answer"),
    path("knowledge/<uuid:knowledge_base_id>/release/", pages.base_release, name="knowledge-release"),
    path(
        "knowledge/<uuid:knowledge_base_id>/documents/<uuid:document_id>/",
        pages.document_detail,
        name="knowledge-document",
    ),
    path(
        "knowledge/<uuid:knowledge_base_id>/documents/<uuid:document_id>/passages/",
        passage_pages.document_passages,
        name="knowledge-passages",
    ),
    path(
        "knowledge/<uuid:knowledge_base_id>/documents/<uuid:document_id>/passages/<uuid:chunk_id>/",
        passage_pages.passage_edit,
        name="knowledge-passage",
    ),
    path(
        "knowledge/<uuid:knowledge_base_id>/documents/<uuid:document_id>/retry/",
        pages.document_retry,
        name="knowledge-document-retry",
    ),
    path(
        "knowledge/<uuid:knowledge_base_id>/documents/<uuid:document_id>/remove/",
        pages.document_remove,
        name="knowledge-document-remove",
    ),
]
