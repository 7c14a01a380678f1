"""API of teams: `/api/v1/teams/`, their runs and what waits for a person."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.agents.selectors import teams as facts
from apps.agents.services import teams
from apps.agents.services.teams import TeamChanges
from apps.agents.teams.facts import RunInfo, TeamInfo
from apps.agents.teams.templates import TEMPLATES
from apps.agents.teams.types import MAX_EDGES, MAX_NODES, Edge, Graph, Node, NodeKind, RouteBy
from apps.core.pagination import CursorPage
from apps.tenancy.actors import actor_of


class NodeSerializer(serializers.Serializer[Any]):
    """A node; which fields count depends on its kind."""

    key = serializers.RegexField(r"^[a-z0-9][a-z0-9-]{0,39}$")
    kind = serializers.ChoiceField(choices=[str(kind) for kind in NodeKind])
    name = serializers.CharField(max_length=80)
    agent = serializers.CharField(max_length=100, required=False, allow_blank=True)
    prompt = serializers.CharField(max_length=2000, required=False, allow_blank=True, trim_whitespace=False)
    workers = serializers.ListField(child=serializers.CharField(max_length=100), required=False, max_length=8)
    most = serializers.IntegerField(required=False, min_value=1, max_value=8)
    by = serializers.ChoiceField(choices=[str(by) for by in RouteBy], required=False)
    classifier = serializers.CharField(max_length=40, required=False, allow_blank=True)
    rounds = serializers.IntegerField(required=False, min_value=1, max_value=10)
    until = serializers.CharField(max_length=300, required=False, allow_blank=True)
    url = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    connection = serializers.CharField(max_length=40, required=False, allow_blank=True)
    ask_first = serializers.BooleanField(required=False, default=True)
    tokens = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    knowledge = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=8)
    tools = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=20)


class EdgeSerializer(serializers.Serializer[Any]):
    """A way from a node to another, with its condition where the source chooses."""

    source = serializers.CharField(max_length=40)  # type: ignore[assignment]  # a field here, an attribute of the base
    target = serializers.CharField(max_length=40)
    when = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class GraphSerializer(serializers.Serializer[Any]):
    """Nodes and ways."""

    nodes = serializers.ListField(child=NodeSerializer(), max_length=MAX_NODES)
    edges = serializers.ListField(child=EdgeSerializer(), max_length=MAX_EDGES)


class TeamInputSerializer(serializers.Serializer[Any]):
    """A team's draft. `revision` is the one that you have seen; a change on top of another's is refused."""

    name = serializers.CharField(max_length=80, required=False)
    job = serializers.CharField(max_length=300, required=False, allow_blank=True)
    graph = GraphSerializer(required=False)
    tokens = serializers.IntegerField(required=False)
    tool_calls = serializers.IntegerField(required=False)
    minutes = serializers.IntegerField(required=False)
    revision = serializers.IntegerField(required=False)

    def changes(self) -> TeamChanges:
        """What the caller sent, as the service takes it."""
        sent = {key: value for key, value in self.validated_data.items() if key != "revision"}
        if "graph" in sent:
            sent["graph"] = _graph(sent["graph"])
        return TeamChanges(**sent)


class CreateTeamSerializer(TeamInputSerializer):
    """A new team: from a template, or with a graph of its own."""

    template = serializers.CharField(max_length=40, required=False)


class StartTeamRunSerializer(serializers.Serializer[Any]):
    """A question; `version: true` runs the released version instead of the draft."""

    question = serializers.CharField(max_length=8000)
    version = serializers.BooleanField(default=False)


class RetrySerializer(serializers.Serializer[Any]):
    """Tokens by which the budget is raised first."""

    more_tokens = serializers.IntegerField(required=False, default=0)


class StepDecisionSerializer(serializers.Serializer[Any]):
    """A person's decision; `text` goes on instead of what was shown."""

    approve = serializers.BooleanField()
    text = serializers.CharField(required=False, allow_null=True, default=None)


class SettleSerializer(serializers.Serializer[Any]):
    """Whether the side effect took place, as a person found."""

    happened = serializers.BooleanField()
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


class TemplatesView(APIView):
    """The team templates."""

    @extend_schema(operation_id="team_templates_list", responses={200: dict})
    def get(self, request: Request) -> Response:
        found = [
            {
                "key": one.key,
                "title": one.title,
                "pitch": one.pitch,
                "starter": one.starter,
                "graph": one.graph.as_json(),
            }
            for one in TEMPLATES
        ]
        return Response({"results": found, "next": None, "previous": None})


class TeamsView(APIView):
    """The organisation's teams."""

    @extend_schema(operation_id="teams_list", responses={200: dict})
    def get(self, request: Request) -> Response:
        pages = CursorPage()
        rows = pages.paginate_queryset(facts.team_rows(actor_of(request)), request, view=self) or []
        return pages.get_paginated_response([_team(facts.team_info(row)) for row in rows])

    @extend_schema(request=CreateTeamSerializer, responses={201: dict})
    def post(self, request: Request) -> Response:
        data = CreateTeamSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        key, actor = data.validated_data.pop("template", ""), actor_of(request)
        data.validated_data.pop("revision", None)
        name = data.validated_data.get("name", "")
        if key:
            team = teams.create_team_from_template(actor=actor, template_key=key, name=name)
        else:
            team = teams.create_team(actor=actor, name=name or "Team")
        team = teams.update_team(actor=actor, team_id=team.id, changes=data.changes())
        return Response(_team(team), status=status.HTTP_201_CREATED)


class TeamView(APIView):
    """One team and its draft."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request, team_id: UUID) -> Response:
        return Response(_team(facts.team(actor_of(request), team_id)))

    @extend_schema(request=TeamInputSerializer, responses={200: dict})
    def patch(self, request: Request, team_id: UUID) -> Response:
        data = TeamInputSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        revision = data.validated_data.get("revision")
        changes = data.changes()
        team = teams.update_team(actor=actor_of(request), team_id=team_id, changes=changes, revision=revision)
        return Response(_team(team))


class TeamCheckView(APIView):
    """What keeps the draft from running, node by node; empty where nothing does."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request, team_id: UUID) -> Response:
        actor = actor_of(request)
        found = facts.check(actor, facts.team(actor, team_id).graph)
        return Response({"problems": [asdict(problem) for problem in found.problems]})


class PublishTeamView(APIView):
    """Freeze the draft as the next version."""

    @extend_schema(request=None, responses={201: dict})
    def post(self, request: Request, team_id: UUID) -> Response:
        version = teams.publish_team(actor=actor_of(request), team_id=team_id)
        return Response(asdict(version), status=status.HTTP_201_CREATED)


class TeamAgentView(APIView):
    """Release the draft and put it behind an agent's draft, which is published like any other."""

    @extend_schema(request=None, responses={200: dict})
    def post(self, request: Request, team_id: UUID) -> Response:
        agent = teams.team_as_agent(actor=actor_of(request), team_id=team_id)
        return Response(
            {"agent_id": str(agent.id), "slug": agent.slug, "model": agent.config.model.model_dump(mode="json")}
        )


class TeamVersionsView(APIView):
    """The released versions."""

    @extend_schema(operation_id="teams_versions_list", responses={200: dict})
    def get(self, request: Request, team_id: UUID) -> Response:
        found = [asdict(one) for one in facts.team_versions(actor_of(request), team_id)]
        return Response({"results": found, "next": None, "previous": None})


class RunsView(APIView):
    """Runs of a team; a new one begins at once and goes on by itself."""

    @extend_schema(operation_id="teams_runs_list", responses={200: dict})
    def get(self, request: Request, team_id: UUID) -> Response:
        pages = CursorPage()
        rows = pages.paginate_queryset(facts.run_rows(actor_of(request), team_id), request, view=self) or []
        return pages.get_paginated_response([_run(facts.run_info(row)) for row in rows])

    @extend_schema(request=StartTeamRunSerializer, responses={201: dict})
    def post(self, request: Request, team_id: UUID) -> Response:
        data = StartTeamRunSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        run = teams.start_run(
            actor=actor_of(request),
            team_id=team_id,
            question=data.validated_data["question"],
            of_version=data.validated_data["version"],
        )
        return Response(_run(run), status=status.HTTP_201_CREATED)


class RunView(APIView):
    """A run with its steps."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request, run_id: UUID) -> Response:
        return Response(_run(facts.team_run(actor_of(request), run_id)))


class CancelRunView(APIView):
    """End a run."""

    @extend_schema(request=None, responses={200: dict})
    def post(self, request: Request, run_id: UUID) -> Response:
        return Response(_run(teams.cancel_run(actor=actor_of(request), run_id=run_id)))


class RetryRunView(APIView):
    """Go on with a failed run where it failed."""

    @extend_schema(request=RetrySerializer, responses={200: dict})
    def post(self, request: Request, run_id: UUID) -> Response:
        data = RetrySerializer(data=request.data)
        data.is_valid(raise_exception=True)
        more = data.validated_data["more_tokens"]
        return Response(_run(teams.retry_run(actor=actor_of(request), run_id=run_id, more_tokens=more)))


class DecideStepView(APIView):
    """Approve or refuse what waits."""

    @extend_schema(request=StepDecisionSerializer, responses={200: dict})
    def post(self, request: Request, step_id: UUID) -> Response:
        data = StepDecisionSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        run = teams.decide_step(actor=actor_of(request), step_id=step_id, **data.validated_data)
        return Response(_run(run))


class SettleStepView(APIView):
    """Say what became of a side effect whose end is not known."""

    @extend_schema(request=SettleSerializer, responses={200: dict})
    def post(self, request: Request, step_id: UUID) -> Response:
        data = SettleSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        run = teams.settle_step(actor=actor_of(request), step_id=step_id, **data.validated_data)
        return Response(_run(run))


def _graph(sent: dict[str, Any]) -> Graph:
    nodes = [
        Node.from_json(node | {"knowledge": [str(one) for one in node.get("knowledge", [])]}) for node in sent["nodes"]
    ]
    return Graph(tuple(nodes), tuple(Edge(**edge) for edge in sent["edges"]))


def _team(team: TeamInfo) -> dict[str, Any]:
    return asdict(team) | {"graph": team.graph.as_json()}


def _run(run: RunInfo) -> dict[str, Any]:
    return asdict(run) | {"graph": run.graph.as_json()}
