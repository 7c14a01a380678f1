"""API of training: runs and models."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import generics, permissions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.tenancy.actors import actor_of, maybe_actor
from apps.training import selectors, services
from apps.training.models import ModelVersion, TrainingRun
from apps.training.services.runs import MAX_SEED
from apps.training.types import TrainingMethod


class RunProgressSerializer(serializers.Serializer[Any]):
    """One progress line; losses in nats, accuracy of held-out rows from 0 to 1."""

    phase = serializers.CharField()
    fraction = serializers.FloatField()
    step = serializers.IntegerField(allow_null=True)
    loss = serializers.FloatField(allow_null=True)
    learning_rate = serializers.FloatField(allow_null=True)
    eval_accuracy = serializers.FloatField(allow_null=True)
    tokens_per_s = serializers.FloatField(allow_null=True)


class ClassScoreSerializer(serializers.Serializer[Any]):
    """Held-out quality of one class."""

    label = serializers.CharField()  # type: ignore[assignment]  # the class's name, not the field's caption
    precision = serializers.FloatField()
    recall = serializers.FloatField()
    rows = serializers.IntegerField()


class ResultSerializer(serializers.Serializer[Any]):
    """Figures of a finished run."""

    classes = serializers.ListField(child=serializers.CharField())
    train_rows = serializers.IntegerField()
    eval_rows = serializers.IntegerField()
    accuracy_before = serializers.FloatField()
    accuracy_after = serializers.FloatField()
    majority_accuracy = serializers.FloatField()
    final_loss = serializers.FloatField()
    per_class = ClassScoreSerializer(many=True)


class RunSerializer(serializers.Serializer[Any]):
    """A training run in a list."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    method = serializers.CharField()
    state = serializers.CharField()
    dataset_version_id = serializers.UUIDField()
    dataset_name = serializers.CharField()
    dataset_number = serializers.IntegerField()
    train_rows = serializers.IntegerField()
    test_rows = serializers.IntegerField()
    skipped_rows = serializers.IntegerField()
    seed = serializers.IntegerField()
    phase = serializers.CharField(source="job.phase")
    percent = serializers.IntegerField()
    seconds_left = serializers.FloatField(source="job.seconds_left", allow_null=True)
    error_code = serializers.CharField()
    error_message = serializers.CharField()
    model_version_id = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()


class RunDetailSerializer(RunSerializer):
    """A training run with its curve, result and cost."""

    progress = RunProgressSerializer(source="job.events", many=True)
    result = ResultSerializer(allow_null=True)
    tokens = serializers.IntegerField(source="job.tokens")
    cpu_seconds = serializers.FloatField(source="job.cpu_seconds")


class StartRunSerializer(serializers.Serializer[Any]):
    """What starts a run."""

    dataset_version_id = serializers.UUIDField()
    method = serializers.ChoiceField(choices=TrainingMethod.values)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    seed = serializers.IntegerField(min_value=0, max_value=MAX_SEED, default=0)
    model_id = serializers.UUIDField(required=False, allow_null=True, default=None)


class ArtifactSerializer(serializers.Serializer[Any]):
    """A file of a model."""

    name = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()


class ModelSerializer(serializers.Serializer[Any]):
    """A model version; its id is its asset version's id."""

    id = serializers.UUIDField()
    asset_id = serializers.UUIDField()
    name = serializers.CharField()
    number = serializers.IntegerField()
    kind = serializers.CharField()
    base = serializers.CharField()
    classes = serializers.ListField(child=serializers.CharField())
    metrics = serializers.JSONField()
    dataset_version_id = serializers.UUIDField()
    released_at = serializers.DateTimeField()


class ModelDetailSerializer(ModelSerializer):
    """A model version with its card and files."""

    card = serializers.JSONField()
    artifacts = ArtifactSerializer(many=True)


class TextsSerializer(serializers.Serializer[Any]):
    """Texts to classify."""

    texts = serializers.ListField(child=serializers.CharField(max_length=20_000), min_length=1, max_length=100)


class ClassificationSerializer(serializers.Serializer[Any]):
    """The most probable class and the probability of each."""

    label = serializers.CharField()  # type: ignore[assignment]  # the class's name, not the field's caption
    probability = serializers.FloatField()
    probabilities = serializers.DictField(child=serializers.FloatField())


class RunListView(generics.GenericAPIView[TrainingRun]):
    """GET lists the organisation's runs, newest first; POST starts one."""

    serializer_class = RunSerializer

    @extend_schema(responses=RunSerializer(many=True))
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(selectors.own_runs(actor_of(request)))
        return self.get_paginated_response(RunSerializer(selectors.run_infos(page or []), many=True).data)

    @extend_schema(request=StartRunSerializer, responses={201: RunDetailSerializer})
    def post(self, request: Request) -> Response:
        data = StartRunSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        run = services.start_run(actor=actor_of(request), **data.validated_data)
        return Response(RunDetailSerializer(run).data, status=status.HTTP_201_CREATED)


class RunView(APIView):
    """A run with its progress."""

    @extend_schema(responses=RunDetailSerializer)
    def get(self, request: Request, run_id: UUID) -> Response:
        return Response(RunDetailSerializer(selectors.training_run(actor_of(request), run_id)).data)


class CancelRunView(APIView):
    """POST stops a run."""

    @extend_schema(request=None, responses=RunDetailSerializer)
    def post(self, request: Request, run_id: UUID) -> Response:
        run = services.cancel_run(actor=actor_of(request), run_id=run_id)
        return Response(RunDetailSerializer(run).data)


class ModelListView(generics.GenericAPIView[ModelVersion]):
    """The organisation's model versions, newest first."""

    serializer_class = ModelSerializer

    @extend_schema(responses=ModelSerializer(many=True))
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(selectors.own_models(actor_of(request))) or []
        return self.get_paginated_response(
            ModelSerializer([selectors.version_info(row) for row in page], many=True).data
        )


class ModelView(APIView):
    """A model version that the caller may know of."""

    permission_classes = [permissions.AllowAny]

    @extend_schema(responses=ModelDetailSerializer)
    def get(self, request: Request, model_version_id: UUID) -> Response:
        return Response(ModelDetailSerializer(selectors.visible_model(maybe_actor(request), model_version_id)).data)


class ClassifyView(APIView):
    """POST gives each text a class."""

    @extend_schema(request=TextsSerializer, responses=ClassificationSerializer(many=True))
    def post(self, request: Request, model_version_id: UUID) -> Response:
        data = TextsSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        found = services.classify_texts(
            actor=actor_of(request), model_version_id=model_version_id, texts=data.validated_data["texts"]
        )
        return Response({"results": ClassificationSerializer(found, many=True).data})
