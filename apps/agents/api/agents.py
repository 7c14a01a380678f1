"""API of agents: `/api/v1/agents/`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.agents import selectors, services, streaming, wire
from apps.agents.catalogue import TEMPLATES
from apps.agents.services import AgentChanges
from apps.agents.types import AgentConfig, AgentInfo, AgentVersionInfo, AnswerMode, Tone, UsageSide
from apps.core.pagination import CursorPage
from apps.knowledge.services import uploads
from apps.tenancy.actors import actor_of


class TemplateSerializer(serializers.Serializer[Any]):
    """An agent template."""

    key = serializers.CharField()
    title = serializers.CharField()
    pitch = serializers.CharField()
    job = serializers.CharField()
    mode = serializers.CharField()
    starters = serializers.ListField(child=serializers.CharField())
    needs_classifier = serializers.BooleanField()


class ConfigSerializer(serializers.Serializer[Any]):
    """What decides how an agent answers. Models are asset version ids; `null` is the bundled model or none."""

    name = serializers.CharField(max_length=80, required=False)
    job = serializers.CharField(max_length=300, required=False)
    instruction = serializers.CharField(max_length=2000, required=False)
    tone = serializers.ChoiceField(choices=[str(tone) for tone in Tone], required=False)
    mode = serializers.ChoiceField(choices=[str(mode) for mode in AnswerMode], required=False)
    starters = serializers.ListField(child=serializers.CharField(max_length=200), required=False, max_length=6)
    knowledge_base_ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=8)
    language_model_version_id = serializers.UUIDField(required=False, allow_null=True)
    classifier_version_id = serializers.UUIDField(required=False, allow_null=True)
    temperature = serializers.FloatField(required=False)
    max_answer_tokens = serializers.IntegerField(required=False)
    passages = serializers.IntegerField(required=False)
    tools = serializers.ListField(child=serializers.DictField(), required=False)
    model = serializers.DictField(required=False)
    guard = serializers.DictField(required=False)
    budget = serializers.DictField(required=False)
    checks = serializers.DictField(required=False)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """The configuration with plain values."""
        return instance.as_json() if isinstance(instance, AgentConfig) else dict(super().to_representation(instance))

    def changes(self) -> AgentChanges:
        """What the caller sent, as the service takes it."""
        sent = dict(self.validated_data)
        return AgentChanges(
            clear_language_model="language_model_version_id" in sent and sent["language_model_version_id"] is None,
            clear_classifier="classifier_version_id" in sent and sent["classifier_version_id"] is None,
            **sent,
        )


class ChangeAgentSerializer(ConfigSerializer):
    """What shall be different, and the revision that it was made from: an older one is refused with what changed."""

    revision = serializers.IntegerField(required=False)


class CreateAgentSerializer(ConfigSerializer):
    """A template and what shall differ from it; without `knowledge_base_ids` the example document is added."""

    template = serializers.CharField(max_length=40)


class AgentSerializer(serializers.Serializer[Any]):
    """An agent with its draft."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    template = serializers.CharField()
    state = serializers.CharField()
    asset_id = serializers.UUIDField(allow_null=True)
    current_version = serializers.IntegerField(allow_null=True)
    has_unpublished_changes = serializers.BooleanField()
    revision = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    config = ConfigSerializer()


class VersionSerializer(serializers.Serializer[Any]):
    """A published version."""

    id = serializers.UUIDField()
    agent_id = serializers.UUIDField()
    number = serializers.IntegerField()
    asset_version_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    config = ConfigSerializer()
    knowledge = serializers.ListField(child=serializers.DictField())


class PublishSerializer(serializers.Serializer[Any]):
    """Parts of the revenue by knowledge base id or model version id, in 1/100 of a percent."""

    parent_weights_bps = serializers.DictField(child=serializers.IntegerField(), required=False)


class PublishedSerializer(VersionSerializer):
    """A published version and where it answers."""

    asset_id = serializers.UUIDField()
    slug = serializers.CharField()
    url = serializers.CharField()


class QuestionSerializer(serializers.Serializer[Any]):
    """A question to the draft; `conversation_id` goes on with an earlier one."""

    question = serializers.CharField()
    conversation_id = serializers.UUIDField(required=False, allow_null=True)
    stream = serializers.BooleanField(default=False)


class AnswerSerializer(serializers.Serializer[Any]):
    """An answer with its sources, the classifier's decision, and what it cost."""

    conversation_id = serializers.UUIDField(allow_null=True)
    text = serializers.CharField()
    finish = serializers.CharField()
    supported = serializers.BooleanField()
    sources = serializers.ListField(child=serializers.DictField())
    classification = serializers.DictField(allow_null=True)
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    seconds = serializers.FloatField()


class UsageSerializer(serializers.Serializer[Any]):
    """Calls of the last 30 days."""

    calls = serializers.IntegerField()
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    callers = serializers.IntegerField()


class TemplatesView(APIView):
    """The agent templates."""

    @extend_schema(operation_id="agent_templates_list", responses=TemplateSerializer(many=True))
    def get(self, request: Request) -> Response:
        found = TemplateSerializer(list(TEMPLATES), many=True).data
        return Response({"results": found, "next": None, "previous": None})


class AgentsView(APIView):
    """The organisation's agents."""

    @extend_schema(operation_id="agents_list", responses=AgentSerializer(many=True))
    def get(self, request: Request) -> Response:
        pages = CursorPage()
        rows = pages.paginate_queryset(selectors.agent_rows(actor_of(request)), request, view=self) or []
        return pages.get_paginated_response([_agent(selectors.agent_info(row)) for row in rows])

    @extend_schema(request=CreateAgentSerializer, responses={201: AgentSerializer})
    def post(self, request: Request) -> Response:
        data = CreateAgentSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        key = data.validated_data.pop("template")
        agent = services.create_agent_from_template(
            actor=actor_of(request),
            template_key=key,
            name=data.validated_data.get("name", ""),
            knowledge_base_ids=data.validated_data.get("knowledge_base_ids"),
        )
        if set(data.validated_data) - {"name", "knowledge_base_ids"}:
            agent = services.update_agent(actor=actor_of(request), agent_id=agent.id, changes=data.changes())
        return Response(_agent(agent), status=status.HTTP_201_CREATED)


class AgentView(APIView):
    """One agent and its draft."""

    @extend_schema(responses=AgentSerializer)
    def get(self, request: Request, agent_id: UUID) -> Response:
        return Response(_agent(selectors.agent(actor_of(request), agent_id)))

    @extend_schema(request=ChangeAgentSerializer, responses=AgentSerializer)
    def patch(self, request: Request, agent_id: UUID) -> Response:
        data = ChangeAgentSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        agent = services.update_agent(actor=actor_of(request), agent_id=agent_id, changes=data.changes())
        return Response(_agent(agent))


class AgentDocumentsView(APIView):
    """Files for the agent to answer from; they replace the example document."""

    parser_classes = [MultiPartParser]

    @extend_schema(request={"multipart/form-data": dict}, responses={201: dict})
    def post(self, request: Request, agent_id: UUID) -> Response:
        files = uploads(request.FILES.getlist("files"))
        added = services.add_agent_documents(actor=actor_of(request), agent_id=agent_id, files=files)
        body = [
            {
                "id": str(item.document.id),
                "knowledge_base_id": str(item.document.knowledge_base_id),
                "name": item.document.name,
                "state": item.document.state,
            }
            for item in added
        ]
        return Response({"documents": body}, status=status.HTTP_201_CREATED)


class PublishView(APIView):
    """Publish the draft as the next version."""

    @extend_schema(request=PublishSerializer, responses={201: PublishedSerializer})
    def post(self, request: Request, agent_id: UUID) -> Response:
        data = PublishSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        actor = actor_of(request)
        weights = {_uuid(key): bps for key, bps in data.validated_data.get("parent_weights_bps", {}).items()}
        version = services.publish_agent(actor=actor, agent_id=agent_id, parent_weights_bps=weights)
        agent = selectors.agent(actor, agent_id)
        body = _version(version) | {
            "asset_id": str(agent.asset_id),
            "slug": agent.slug,
            "url": request.build_absolute_uri(f"/a/{agent.slug}/"),
        }
        return Response(body, status=status.HTTP_201_CREATED)


class PauseView(APIView):
    """Take a published agent off the air for others."""

    @extend_schema(request=None, responses=AgentSerializer)
    def post(self, request: Request, agent_id: UUID) -> Response:
        services.pause_agent(actor=actor_of(request), agent_id=agent_id)
        return Response(_agent(selectors.agent(actor_of(request), agent_id)))


class ResumeView(APIView):
    """Put a paused agent back on the air."""

    @extend_schema(request=None, responses=AgentSerializer)
    def post(self, request: Request, agent_id: UUID) -> Response:
        services.resume_agent(actor=actor_of(request), agent_id=agent_id)
        return Response(_agent(selectors.agent(actor_of(request), agent_id)))


class VersionsView(APIView):
    """The published versions."""

    @extend_schema(operation_id="agents_versions_list", responses=VersionSerializer(many=True))
    def get(self, request: Request, agent_id: UUID) -> Response:
        found = [_version(version) for version in selectors.versions(actor_of(request), agent_id)]
        return Response({"results": found, "next": None, "previous": None})


class UsageView(APIView):
    """Calls that the organisation served (`side=served`, the default) or made (`side=used`) in 30 days."""

    @extend_schema(responses=UsageSerializer)
    def get(self, request: Request, agent_id: UUID) -> Response:
        side = UsageSide.USED if request.query_params.get("side") == "used" else UsageSide.SERVED
        return Response(UsageSerializer(selectors.usage(actor_of(request), agent_id, side)).data)


class TestChatView(APIView):
    """Ask the draft."""

    @extend_schema(request=QuestionSerializer, responses=AnswerSerializer)
    def post(self, request: Request, agent_id: UUID) -> HttpResponseBase:
        data = QuestionSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        actor = actor_of(request)
        target = selectors.draft_target(actor, agent_id)
        question, conversation_id = data.validated_data["question"], data.validated_data.get("conversation_id")
        if data.validated_data["stream"]:
            answer_id, begun = streaming.begin(
                actor=actor, target=target, question=question, conversation_id=conversation_id
            )
            return wire.event_stream(wire.event_blocks(streaming.given(answer_id, begun)))
        finished = services.answer(actor=actor, target=target, question=question, conversation_id=conversation_id)
        return Response(wire.answer(finished))


def _agent(agent: AgentInfo) -> Any:
    return AgentSerializer(agent).data


def _version(version: AgentVersionInfo) -> dict[str, Any]:
    names = ("id", "agent_id", "number", "asset_version_id", "created_at")
    fields: dict[str, Any] = {name: getattr(version, name) for name in names}
    fields |= {"config": version.config, "knowledge": [pin.as_json() for pin in version.knowledge]}
    return dict(VersionSerializer(fields).data)


def _uuid(raw: str) -> UUID:
    try:
        return UUID(raw)
    except ValueError:
        raise serializers.ValidationError({"parent_weights_bps": f"{raw} is not an id."}) from None
