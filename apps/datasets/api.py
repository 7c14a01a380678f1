"""API of datasets: cards, rows, proofs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.streaming import Download, file_chunks
from apps.datasets import selectors, services
from apps.datasets.errors import DatasetNotFound
from apps.datasets.types import DatasetVersionInfo, FileFormat
from apps.tenancy.actors import actor_of


class NewDatasetSerializer(serializers.Serializer[Any]):
    """A dataset without versions."""

    name = serializers.CharField(max_length=500)
    summary = serializers.CharField(allow_blank=True, default="", max_length=5000)


class DatasetSerializer(serializers.Serializer[Any]):
    """A dataset; its id is its asset's."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    summary = serializers.CharField()
    created_at = serializers.DateTimeField()


class UploadSerializer(serializers.Serializer[Any]):
    """CSV or JSONL with the columns text and label, optionally split (train or test)."""

    file = serializers.FileField(allow_empty_file=True)


class FileSerializer(serializers.Serializer[Any]):
    """A file of a version."""

    format = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    url = serializers.CharField()


class ContributorSerializer(serializers.Serializer[Any]):
    """Who made it, with which weight. Names are the owner's to see."""

    organisation_id = serializers.UUIDField()
    name = serializers.CharField()
    role = serializers.CharField()
    weight = serializers.IntegerField()


class DatasetVersionSerializer(serializers.Serializer[Any]):
    """A released version with its card."""

    id = serializers.UUIDField()
    dataset_id = serializers.UUIDField()
    name = serializers.CharField(source="dataset_name")
    number = serializers.IntegerField()
    rows = serializers.IntegerField(source="row_count")
    content_root = serializers.CharField()
    schema = serializers.JSONField()
    classes = serializers.ListField(child=serializers.CharField())
    card = serializers.JSONField()
    released_at = serializers.DateTimeField()
    design = serializers.JSONField()
    rows_removed = serializers.IntegerField()
    files = serializers.SerializerMethodField()
    contributors = serializers.SerializerMethodField()

    @extend_schema(responses=FileSerializer(many=True))
    def get_files(self, version: DatasetVersionInfo) -> list[dict[str, Any]]:
        base = f"/api/v1/datasets/{version.dataset_id}/versions/{version.number}"
        return [
            {"format": f.format.value, "size": f.size, "sha256": f.sha256, "url": f"{base}/{f.format.filename}"}
            for f in version.files
        ]

    @extend_schema(responses=ContributorSerializer(many=True))
    def get_contributors(self, version: DatasetVersionInfo) -> list[dict[str, Any]]:
        return [
            {
                "organisation_id": str(one.organisation_id),
                "name": one.organisation_name,
                "role": one.role,
                "weight": one.weight,
            }
            for one in selectors.contributors(self.context["actor"], version)
        ]


class RowProofSerializer(serializers.Serializer[Any]):
    """Hash the leaf twice with keccak-256, then with each sibling in sorted order: the content root."""

    row_number = serializers.IntegerField()
    row = serializers.JSONField()
    leaf = serializers.CharField()
    proof = serializers.ListField(child=serializers.CharField())
    content_root = serializers.CharField()


def _version(request: Request, version: DatasetVersionInfo) -> dict[str, Any]:
    body: dict[str, Any] = DatasetVersionSerializer(version, context={"actor": actor_of(request)}).data
    return body


class DatasetListView(generics.ListAPIView[Any]):
    """The organisation's datasets; POST makes an empty one."""

    serializer_class = DatasetSerializer

    def get_queryset(self) -> Any:
        return selectors.own_datasets(actor_of(self.request))

    @extend_schema(request=NewDatasetSerializer, responses={201: DatasetSerializer})
    def post(self, request: Request) -> Response:
        data = NewDatasetSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        made = services.create_dataset(actor=actor_of(request), **data.validated_data)
        return Response(DatasetSerializer(made).data, status=status.HTTP_201_CREATED)


class DatasetView(APIView):
    """One dataset."""

    @extend_schema(responses=DatasetSerializer)
    def get(self, request: Request, dataset_id: UUID) -> Response:
        return Response(DatasetSerializer(selectors.visible_dataset(actor_of(request), dataset_id)).data)


class VersionListView(APIView):
    """Versions, newest first; POST releases one from an uploaded file."""

    @extend_schema(responses=DatasetVersionSerializer(many=True))
    def get(self, request: Request, dataset_id: UUID) -> Response:
        found = selectors.versions(selectors.visible_dataset(actor_of(request), dataset_id))
        return Response({"results": [_version(request, version) for version in found]})

    @extend_schema(request=UploadSerializer, responses={201: DatasetVersionSerializer})
    def post(self, request: Request, dataset_id: UUID) -> Response:
        data = UploadSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        file = data.validated_data["file"]
        made = services.import_dataset_version(
            actor=actor_of(request), dataset_id=dataset_id, file=file, filename=file.name
        )
        return Response(_version(request, made), status=status.HTTP_201_CREATED)


class VersionView(APIView):
    """One version: card, content root, contributors."""

    @extend_schema(responses=DatasetVersionSerializer)
    def get(self, request: Request, dataset_id: UUID, number: int) -> Response:
        return Response(_version(request, selectors.visible_version(actor_of(request), dataset_id, number)))


class RowsView(APIView):
    """The rows as a file, for the owner and for those who hold the right to use or develop."""

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, dataset_id: UUID, number: int, extension: str) -> Download:
        version = selectors.readable_version(actor_of(request), dataset_id, number)
        return file_response(version, FileFormat(extension))


def file_response(version: DatasetVersionInfo, file_format: FileFormat) -> Download:
    """A version's file as a download."""
    if not version.has(file_format):
        raise DatasetNotFound
    return Download(
        file_chunks(selectors.open_file(version, file_format)),
        filename=f"{version.dataset_id}-v{version.number}-{file_format.filename}",
        content_type="application/octet-stream",
        size=version.file(file_format).size,
    )


class RowProofView(APIView):
    """Proof that a row (1-based, as in rows.jsonl) is in the version."""

    @extend_schema(responses=RowProofSerializer)
    def get(self, request: Request, dataset_id: UUID, number: int, row_number: int) -> Response:
        version = selectors.readable_version(actor_of(request), dataset_id, number)
        return Response(RowProofSerializer(selectors.row_proof(version, row_number)).data)
