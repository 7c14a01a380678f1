"""API of knowledge bases: `/api/v1/knowledge-bases/`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.pagination import CursorPage
from apps.knowledge import selectors, services
from apps.knowledge.types import SearchMode
from apps.tenancy.actors import actor_of

PASSAGES_WEIGHED = 10
"""So many of the best passages decide whether there is an answer."""


class KnowledgeBaseSerializer(serializers.Serializer[Any]):
    """A knowledge base and its figures."""

    id = serializers.UUIDField(read_only=True)
    asset_id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    documents = serializers.IntegerField(read_only=True)
    ready = serializers.IntegerField(read_only=True)
    failed = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


class DocumentSerializer(serializers.Serializer[Any]):
    """A document and how far it has come; `progress` is in percent."""

    id = serializers.UUIDField()
    knowledge_base_id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.CharField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    state = serializers.CharField()
    cause = serializers.CharField()
    cause_code = serializers.CharField()
    notes = serializers.CharField()
    title = serializers.CharField()
    progress = serializers.IntegerField()
    chunks = serializers.IntegerField()
    pages = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()


class DocumentDetailSerializer(DocumentSerializer):
    """A document with a short-lived download link."""

    download_url = serializers.CharField()


class DocumentUploadSerializer(serializers.Serializer[Any]):
    """Files to add, in one or several form fields named `files`."""

    files = serializers.ListField(child=serializers.FileField(allow_empty_file=True))


class DocumentRetrySerializer(serializers.Serializer[Any]):
    """The password of a protected file, if it has one; it is used once and not kept."""

    password = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default="", trim_whitespace=False
    )


class AddedSerializer(serializers.Serializer[Any]):
    """The documents that stand for the uploaded files, in their order."""

    documents = DocumentSerializer(many=True)


class SearchRequestSerializer(serializers.Serializer[Any]):
    """A question."""

    query = serializers.CharField(max_length=2000)
    k = serializers.IntegerField(min_value=1, max_value=50, default=5)
    mode = serializers.ChoiceField(choices=[mode.value for mode in SearchMode], default=SearchMode.HYBRID.value)
    metadata = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        default=dict,
        help_text="search only documents whose metadata has all of these names with these values",
    )


class PassageSerializer(serializers.Serializer[Any]):
    """A found passage; `start` and `end` are character positions in the document's text."""

    chunk_id = serializers.UUIDField()
    document_id = serializers.UUIDField()
    document = serializers.CharField()
    ordinal = serializers.IntegerField()
    heading = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    text = serializers.CharField()
    score = serializers.FloatField()
    similarity = serializers.FloatField()
    coverage = serializers.FloatField()


class SearchResultSerializer(serializers.Serializer[Any]):
    """Passages, best first; `confidence` (0..1) that they answer; `weak` says that none of them is likely to."""

    passages = PassageSerializer(many=True)
    weak = serializers.BooleanField()
    confidence = serializers.FloatField()


class ReleaseSerializer(serializers.Serializer[Any]):
    """A frozen snapshot, registered as an asset version."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    asset_version_id = serializers.UUIDField()
    content_root = serializers.CharField()
    document_ids = serializers.ListField(child=serializers.UUIDField())
    created_at = serializers.DateTimeField()


class KnowledgeBasesView(APIView):
    """All knowledge bases of the organisation."""

    @extend_schema(operation_id="knowledge_bases_list", responses=KnowledgeBaseSerializer(many=True))
    def get(self, request: Request) -> Response:
        pages = CursorPage()
        rows = pages.paginate_queryset(selectors.base_rows(actor_of(request)), request, view=self) or []
        return pages.get_paginated_response(
            KnowledgeBaseSerializer([selectors.base_info(row) for row in rows], many=True).data
        )

    @extend_schema(request=KnowledgeBaseSerializer, responses={201: KnowledgeBaseSerializer})
    def post(self, request: Request) -> Response:
        data = KnowledgeBaseSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        base = services.create_knowledge_base(actor=actor_of(request), **data.validated_data)
        return Response(KnowledgeBaseSerializer(base).data, status=status.HTTP_201_CREATED)


class KnowledgeBaseView(APIView):
    """One knowledge base."""

    @extend_schema(responses=KnowledgeBaseSerializer)
    def get(self, request: Request, knowledge_base_id: UUID) -> Response:
        return Response(KnowledgeBaseSerializer(selectors.knowledge_base(actor_of(request), knowledge_base_id)).data)


class DocumentsView(APIView):
    """The documents of a knowledge base."""

    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="knowledge_bases_documents_list", responses=DocumentSerializer(many=True))
    def get(self, request: Request, knowledge_base_id: UUID) -> Response:
        pages = CursorPage()
        rows = pages.paginate_queryset(
            selectors.document_rows(actor_of(request), knowledge_base_id), request, view=self
        )
        found = [selectors.document_info(row) for row in rows or []]
        return pages.get_paginated_response(DocumentSerializer(found, many=True).data)

    @extend_schema(request=DocumentUploadSerializer, responses={201: AddedSerializer})
    def post(self, request: Request, knowledge_base_id: UUID) -> Response:
        added = services.add_documents(
            actor=actor_of(request),
            knowledge_base_id=knowledge_base_id,
            files=services.uploads(request.FILES.getlist("files")),
        )
        body = AddedSerializer({"documents": [item.document for item in added]}).data
        return Response(body, status=status.HTTP_201_CREATED)


class DocumentView(APIView):
    """One document."""

    @extend_schema(responses=DocumentDetailSerializer)
    def get(self, request: Request, knowledge_base_id: UUID, document_id: UUID) -> Response:
        actor = actor_of(request)
        found = selectors.document_in(actor, knowledge_base_id, document_id)
        link = selectors.document_url(actor, document_id)
        return Response(DocumentSerializer(found).data | {"download_url": link})

    @extend_schema(responses={204: None})
    def delete(self, request: Request, knowledge_base_id: UUID, document_id: UUID) -> Response:
        selectors.document_in(actor_of(request), knowledge_base_id, document_id)
        services.remove_document(actor=actor_of(request), document_id=document_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class DocumentRetryView(APIView):
    """Read a failed document once more."""

    @extend_schema(request=DocumentRetrySerializer, responses=DocumentSerializer)
    def post(self, request: Request, knowledge_base_id: UUID, document_id: UUID) -> Response:
        data = DocumentRetrySerializer(data=request.data)
        data.is_valid(raise_exception=True)
        actor = actor_of(request)
        selectors.document_in(actor, knowledge_base_id, document_id)
        password = data.validated_data["password"]
        found = services.retry_document(actor=actor, document_id=document_id, password=password)
        return Response(DocumentSerializer(found).data)


class SearchView(APIView):
    """Find the passages that answer a question."""

    parser_classes = [JSONParser]

    @extend_schema(request=SearchRequestSerializer, responses=SearchResultSerializer)
    def post(self, request: Request, knowledge_base_id: UUID) -> Response:
        data = SearchRequestSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        passages = selectors.search(
            actor=actor_of(request),
            knowledge_base_ids=[knowledge_base_id],
            query=data.validated_data["query"],
            k=data.validated_data["k"],
            mode=SearchMode(data.validated_data["mode"]),
            metadata=data.validated_data["metadata"],
        )
        findings = selectors.find_quotes(data.validated_data["query"], passages[:PASSAGES_WEIGHED])
        body = {"passages": passages, "weak": findings.is_weak, "confidence": findings.confidence}
        return Response(SearchResultSerializer(body).data)


class ReleasesView(APIView):
    """The released versions of a knowledge base."""

    @extend_schema(operation_id="knowledge_bases_releases_list", responses=ReleaseSerializer(many=True))
    def get(self, request: Request, knowledge_base_id: UUID) -> Response:
        found = selectors.releases(actor_of(request), knowledge_base_id)
        return Response({"results": ReleaseSerializer(found, many=True).data, "next": None, "previous": None})

    @extend_schema(request=None, responses={201: ReleaseSerializer})
    def post(self, request: Request, knowledge_base_id: UUID) -> Response:
        release = services.release_version(actor=actor_of(request), knowledge_base_id=knowledge_base_id)
        return Response(ReleaseSerializer(release).data, status=status.HTTP_201_CREATED)
