"""API of sources: `/api/v1/knowledge-bases/<id>/sources/`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.pagination import CursorPage
from apps.knowledge import selectors, services
from apps.knowledge.types import SourceInfo, SourceKind, SyncSchedule
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor

SCHEDULES = [schedule.value for schedule in SyncSchedule]


class SourceFailureSerializer(serializers.Serializer[Any]):
    """Something that the source lists and that could not be taken; syncing tries it again."""

    address = serializers.CharField()
    cause = serializers.CharField()


class SourceSerializer(serializers.Serializer[Any]):
    """A source; `result` counts new, changed, unchanged, removed and failed of the last sync."""

    id = serializers.UUIDField()
    knowledge_base_id = serializers.UUIDField()
    kind = serializers.CharField()
    name = serializers.CharField()
    addresses = serializers.ListField(child=serializers.CharField())
    schedule = serializers.CharField()
    state = serializers.CharField()
    cause = serializers.CharField()
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    result = serializers.DictField(child=serializers.IntegerField())
    failures = SourceFailureSerializer(many=True)
    synced_at = serializers.DateTimeField(allow_null=True)
    next_sync_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class NewSourceSerializer(serializers.Serializer[Any]):
    """A place to take documents from: `pages` or a `sitemap` by `addresses`, a `bucket`, or a `file` of records."""

    kind = serializers.ChoiceField(choices=[kind.value for kind in SourceKind])
    addresses = serializers.ListField(child=serializers.CharField(max_length=2000), required=False, default=list)
    schedule = serializers.ChoiceField(choices=SCHEDULES, default=SyncSchedule.NEVER.value)
    bucket = serializers.CharField(max_length=255, required=False, default="")
    prefix = serializers.CharField(max_length=1000, required=False, default="", allow_blank=True)
    region = serializers.CharField(max_length=60, required=False, default="us-east-1")
    endpoint = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
    access_key = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    secret_key = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    file = serializers.FileField(required=False)


class ScheduleSerializer(serializers.Serializer[Any]):
    """How often the source is looked at."""

    schedule = serializers.ChoiceField(choices=SCHEDULES)


class SourcesView(APIView):
    """The sources of a knowledge base."""

    parser_classes = [JSONParser, MultiPartParser, FormParser]

    @extend_schema(operation_id="knowledge_bases_sources_list", responses=SourceSerializer(many=True))
    def get(self, request: Request, knowledge_base_id: UUID) -> Response:
        pages = CursorPage()
        rows = pages.paginate_queryset(selectors.source_rows(actor_of(request), knowledge_base_id), request, view=self)
        found = [selectors.source_info(row) for row in rows or []]
        return pages.get_paginated_response(SourceSerializer(found, many=True).data)

    @extend_schema(request=NewSourceSerializer, responses={201: SourceSerializer})
    def post(self, request: Request, knowledge_base_id: UUID) -> Response:
        data = NewSourceSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        added = _added(actor_of(request), knowledge_base_id, data.validated_data)
        return Response(SourceSerializer(added).data, status=status.HTTP_201_CREATED)


def _added(actor: Actor, base_id: UUID, data: dict[str, Any]) -> SourceInfo:
    kind, schedule = SourceKind(data["kind"]), SyncSchedule(data["schedule"])
    if kind is SourceKind.RECORDS:
        if "file" not in data:
            raise serializers.ValidationError({"file": "Give the file of records."})
        return services.add_records(actor=actor, knowledge_base_id=base_id, file=services.uploads([data["file"]])[0])
    if kind is SourceKind.BUCKET:
        names = ("bucket", "prefix", "region", "endpoint", "access_key", "secret_key")
        place = {name: data[name] for name in names}
        return services.add_bucket(actor=actor, knowledge_base_id=base_id, schedule=schedule, **place)
    return services.add_pages(
        actor=actor, knowledge_base_id=base_id, addresses=data["addresses"], kind=kind, schedule=schedule
    )


class SourceView(APIView):
    """One source."""

    @extend_schema(responses=SourceSerializer)
    def get(self, request: Request, knowledge_base_id: UUID, source_id: UUID) -> Response:
        return Response(SourceSerializer(selectors.source_in(actor_of(request), knowledge_base_id, source_id)).data)

    @extend_schema(request=ScheduleSerializer, responses=SourceSerializer)
    def patch(self, request: Request, knowledge_base_id: UUID, source_id: UUID) -> Response:
        actor = actor_of(request)
        selectors.source_in(actor, knowledge_base_id, source_id)
        data = ScheduleSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        schedule = SyncSchedule(data.validated_data["schedule"])
        return Response(
            SourceSerializer(services.set_schedule(actor=actor, source_id=source_id, schedule=schedule)).data
        )

    @extend_schema(responses={204: None})
    def delete(self, request: Request, knowledge_base_id: UUID, source_id: UUID) -> Response:
        actor = actor_of(request)
        selectors.source_in(actor, knowledge_base_id, source_id)
        services.remove_source(actor=actor, source_id=source_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SourceSyncView(APIView):
    """Look at the source now, also at what failed before."""

    @extend_schema(request=None, responses=SourceSerializer)
    def post(self, request: Request, knowledge_base_id: UUID, source_id: UUID) -> Response:
        actor = actor_of(request)
        selectors.source_in(actor, knowledge_base_id, source_id)
        return Response(SourceSerializer(services.sync_now(actor=actor, source_id=source_id)).data)
