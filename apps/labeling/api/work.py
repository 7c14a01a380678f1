"""API for annotators: the board, tasks in hand, answers and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.middleware import ORGANISATION_KEY
from apps.core import clock
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.api.order_serializers import MoneySerializer
from apps.labeling.selectors import work as selectors
from apps.labeling.selectors.eligibility import missing_for
from apps.labeling.types import MAX_LIVE_LEASES, AnnotationState, LeasedTask
from apps.tenancy.actors import actor_of, maybe_actor
from apps.tenancy.types import Actor


@contextmanager
def annotator(request: Request) -> Iterator[Actor]:
    """The caller as an annotator, in the scope of the own personal organisation."""
    raw = request._request  # DRF's way to the wrapped request
    chose = getattr(raw, "actor_source", None) == "session" and ORGANISATION_KEY in raw.session
    found = services.annotator_of(actor_of(request), chose_organisation=chose)
    with tenant_scope(found.organisation_id):
        yield found


class BoardEntrySerializer(serializers.Serializer[Any]):
    """An order that takes answers, without its items."""

    order_id = serializers.UUIDField()
    requester = serializers.CharField()
    title = serializers.CharField()
    instruction = serializers.CharField()
    example = serializers.JSONField()
    design = serializers.JSONField()
    price_per_label = MoneySerializer()
    open_labels = serializers.IntegerField()
    total_labels = serializers.IntegerField()
    seconds_per_label = serializers.IntegerField()
    hourly_rate = MoneySerializer()
    minutes = serializers.IntegerField()
    requirements = serializers.JSONField(help_text="{skills, languages, level} that annotators need; {}: none")
    missing = serializers.ListField(
        child=serializers.DictField(), help_text="what the caller lacks: {kind, name, message, url}; [] for a visitor"
    )


class TaskSerializer(serializers.Serializer[Any]):
    """A task in hand. `id` is the assignment's."""

    id = serializers.UUIDField()
    data = serializers.JSONField(help_text="{input name: value}")  # type: ignore[assignment]  # a field called data
    expires_at = serializers.DateTimeField()
    expires_in_ms = serializers.IntegerField()


class TotalsSerializer(serializers.Serializer[Any]):
    """The annotator's answers and pay in the order."""

    submitted = serializers.IntegerField()
    pending = serializers.IntegerField()
    accepted = serializers.IntegerField()
    rejected = serializers.IntegerField()
    earned = MoneySerializer()


class LeaseBatchSerializer(serializers.Serializer[Any]):
    """Tasks lent. Without any: `remaining` says whether to ask again, after `retry_after_s`."""

    tasks = TaskSerializer(many=True)
    remaining = serializers.BooleanField()
    retry_after_s = serializers.IntegerField()
    totals = TotalsSerializer()


class LeaseRequestSerializer(serializers.Serializer[Any]):
    """How many tasks are wanted."""

    count = serializers.IntegerField(min_value=1, max_value=MAX_LIVE_LEASES, default=1)


class TaskAnswerSerializer(serializers.Serializer[Any]):
    """An answer, and how long it took from showing the task."""

    answer = serializers.DictField(help_text="{control name: value}, as the order's design asks")
    elapsed_ms = serializers.IntegerField(min_value=0, default=0)


class FlagSerializer(serializers.Serializer[Any]):
    """What is wrong with the item."""

    note = serializers.CharField(max_length=300, allow_blank=True, default="")


class AnnotationSerializer(serializers.Serializer[Any]):
    """An answer, what became of it, by which rule and why."""

    id = serializers.UUIDField()
    assignment_id = serializers.UUIDField()
    order_id = serializers.UUIDField()
    order_title = serializers.CharField()
    text = serializers.CharField()
    answer = serializers.JSONField()
    answer_text = serializers.CharField()
    state = serializers.ChoiceField(choices=[state.value for state in AnnotationState])
    rule = serializers.CharField()
    reason = serializers.CharField()
    amount = MoneySerializer()
    submitted_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    auto_approve_at = serializers.DateTimeField(
        allow_null=True, help_text="accepted and paid then, if it is still pending"
    )
    appeal_until = serializers.DateTimeField(allow_null=True, help_text="until when the rejection can be appealed")


class SubmissionSerializer(serializers.Serializer[Any]):
    """The stored answer and the totals after it."""

    annotation = AnnotationSerializer()
    totals = TotalsSerializer()


class TaskBoardView(APIView):
    """Orders that take answers, best paid by the hour first. Open to visitors."""

    permission_classes = [AllowAny]

    @extend_schema(responses=BoardEntrySerializer(many=True))
    def get(self, request: Request) -> Response:
        entries = selectors.board()
        lacking = {}
        if maybe_actor(request._request) is not None:  # DRF's way to the wrapped request
            with annotator(request) as actor:
                lacking = missing_for(actor, entries)
        rows = [
            entry.as_json() | {"missing": [one.as_json() for one in lacking.get(entry.order_id, ())]}
            for entry in entries
        ]
        return Response({"results": rows})


class LeaseListView(APIView):
    """Tasks in hand; POST asks for more."""

    @extend_schema(responses=LeaseBatchSerializer)
    def get(self, request: Request, order_id: UUID) -> Response:
        with annotator(request) as actor:
            entry, is_open = selectors.board_entry(order_id, actor.organisation_id)
            tasks = selectors.live_leases(actor, entry)
            totals = selectors.order_totals(actor, entry)
        return Response(_batch(tasks, remaining=is_open, retry_after_s=0, totals=totals.as_json()))

    @extend_schema(request=LeaseRequestSerializer, responses={201: LeaseBatchSerializer})
    def post(self, request: Request, order_id: UUID) -> Response:
        wanted = LeaseRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        with annotator(request) as actor:
            found = services.lease_tasks(actor=actor, order_id=order_id, count=wanted.validated_data["count"])
        body = _batch(
            found.tasks,
            remaining=found.remaining,
            retry_after_s=found.retry_after_s,
            totals=found.totals.as_json(),
        )
        return Response(body, status=status.HTTP_201_CREATED)


def _batch(tasks: Any, **rest: Any) -> dict[str, Any]:
    return {"tasks": [_task(task) for task in tasks], **rest}


def _task(task: LeasedTask) -> dict[str, Any]:
    return task.as_json(clock.now())


class SubmitView(APIView):
    """Answer a task in hand. The same answer again is fine; another one needs `undo` first."""

    repeatable = True

    @extend_schema(request=TaskAnswerSerializer, responses=SubmissionSerializer)
    def post(self, request: Request, assignment_id: UUID) -> Response:
        answer = TaskAnswerSerializer(data=request.data)
        answer.is_valid(raise_exception=True)
        with annotator(request) as actor:
            done = services.submit_annotation(actor=actor, assignment_id=assignment_id, **answer.validated_data)
        return Response({"annotation": done.annotation.as_json(), "totals": done.totals.as_json()})


class ExtendView(APIView):
    """More time for a task in hand; one that lapsed comes back if nobody else has taken it."""

    repeatable = True

    @extend_schema(request=None, responses=TaskSerializer)
    def post(self, request: Request, assignment_id: UUID) -> Response:
        with annotator(request) as actor:
            return Response(_task(services.extend_lease(actor=actor, assignment_id=assignment_id)))


class SkipView(APIView):
    """Give a task back, unpaid and without consequence."""

    repeatable = True

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, assignment_id: UUID) -> Response:
        with annotator(request) as actor:
            services.skip_task(actor=actor, assignment_id=assignment_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class FlagView(APIView):
    """Give a task back as unusable."""

    repeatable = True

    @extend_schema(request=FlagSerializer, responses={204: None})
    def post(self, request: Request, assignment_id: UUID) -> Response:
        flag = FlagSerializer(data=request.data)
        flag.is_valid(raise_exception=True)
        with annotator(request) as actor:
            services.flag_task(actor=actor, assignment_id=assignment_id, note=flag.validated_data["note"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class UndoView(APIView):
    """Take back one of the last ten answers that is not decided yet; the task is in hand again."""

    repeatable = True

    @extend_schema(request=None, responses=TaskSerializer)
    def post(self, request: Request, assignment_id: UUID) -> Response:
        with annotator(request) as actor:
            return Response(_task(services.undo_annotation(actor=actor, assignment_id=assignment_id)))


class AnnotationListView(generics.ListAPIView[Any]):
    """The caller's answers, newest first; `?state=pending|accepted|rejected`."""

    serializer_class = AnnotationSerializer

    @extend_schema(parameters=[OpenApiParameter("state", str, enum=[state.value for state in AnnotationState])])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with annotator(request):
            return super().get(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        state = self.request.query_params.get("state")
        known = {one.value: one for one in AnnotationState}
        return selectors.my_annotations(actor_of(self.request), known.get(state or ""))

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        rows = [selectors.annotation_info(row).as_json() for row in (args[0] if args else [])]
        return AnnotationSerializer(rows, many=True)
