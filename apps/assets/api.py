"""API of the asset registry: facts, provenance, verification, rights."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, permissions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.assets import selectors, services
from apps.assets.errors import InvalidRelease, VersionNotFound
from apps.assets.models import Asset
from apps.assets.types import AccessRight, AssetKind, AssetVersionInfo
from apps.core.errors import InvalidInput
from apps.core.ids import uuid7
from apps.tenancy.actors import actor_of, maybe_actor
from apps.tenancy.selectors import organisation_names


class ChainProofSerializer(serializers.Serializer[Any]):
    """Where on chain a version is recorded."""

    state = serializers.CharField()
    token_id = serializers.CharField()
    tx_hash = serializers.CharField()
    block_number = serializers.CharField(allow_null=True)
    failure = serializers.CharField()


class AssetSerializer(serializers.Serializer[Any]):
    """An asset of the caller's organisation, in a list."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    name = serializers.CharField()
    slug = serializers.CharField()
    summary = serializers.CharField()
    token_id = serializers.CharField()
    chain_state = serializers.CharField()
    visibility = serializers.CharField()
    created_at = serializers.DateTimeField()


class AssetVersionSerializer(serializers.Serializer[Any]):
    """A released version."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    content_root = serializers.CharField()
    metadata_hash = serializers.CharField()
    metadata = serializers.JSONField()
    contributor_bps = serializers.IntegerField()
    proof = ChainProofSerializer()
    released_at = serializers.DateTimeField()


class AssetDetailSerializer(AssetSerializer):
    """An asset with its versions."""

    owner_id = serializers.UUIDField()
    owner_name = serializers.CharField()
    versions = AssetVersionSerializer(many=True)


class LineageNodeSerializer(serializers.Serializer[Any]):
    """Public facts of a version in a provenance graph."""

    version_id = serializers.UUIDField()
    asset_id = serializers.UUIDField()
    kind = serializers.CharField()
    name = serializers.CharField()
    number = serializers.IntegerField()
    owner_id = serializers.UUIDField()
    owner_name = serializers.CharField()
    content_root = serializers.CharField()
    metadata_hash = serializers.CharField()
    contributors = serializers.IntegerField()
    proof = ChainProofSerializer()


class LineageEdgeSerializer(serializers.Serializer[Any]):
    """`child` was built on `parent`."""

    child_id = serializers.UUIDField()
    parent_id = serializers.UUIDField()
    weight_bps = serializers.IntegerField()


class LineageContributorSerializer(serializers.Serializer[Any]):
    """Who helped to make a version."""

    organisation_id = serializers.UUIDField()
    organisation_name = serializers.CharField()
    role = serializers.CharField()
    weight = serializers.CharField()
    version_id = serializers.UUIDField()


class ShareLineSerializer(serializers.Serializer[Any]):
    """A part of the revenue: its owner, or all contributors of one version together."""

    rule = serializers.CharField()
    version_id = serializers.UUIDField()
    asset_name = serializers.CharField()
    party = serializers.CharField()
    payees = serializers.IntegerField()
    numerator = serializers.CharField(source="weight.numerator")
    denominator = serializers.CharField(source="weight.denominator")
    percent = serializers.CharField()


class LineageSerializer(serializers.Serializer[Any]):
    """A version, all that it was built on, and who is paid when it earns."""

    root_id = serializers.UUIDField()
    nodes = LineageNodeSerializer(many=True)
    edges = LineageEdgeSerializer(many=True)
    contributors = LineageContributorSerializer(many=True)
    shares = ShareLineSerializer(many=True)


class CheckSerializer(serializers.Serializer[Any]):
    """One comparison."""

    name = serializers.CharField()
    expected = serializers.CharField()
    found = serializers.CharField()
    ok = serializers.BooleanField()


class VerificationSerializer(serializers.Serializer[Any]):
    """A version's hashes, recomputed and compared."""

    version_id = serializers.UUIDField()
    ok = serializers.BooleanField()
    checks = CheckSerializer(many=True)


class GrantSerializer(serializers.Serializer[Any]):
    """A right of another organisation, and what it was given for."""

    id = serializers.UUIDField(read_only=True)
    grantee_id = serializers.UUIDField()
    right = serializers.ChoiceField(choices=[right.value for right in AccessRight])
    expires_at = serializers.DateTimeField(allow_null=True, required=False, default=None)
    royalty_bps = serializers.IntegerField(min_value=0, max_value=9_999, default=0)

    def get_fields(self) -> dict[str, Any]:
        """`source` is a name that DRF's fields keep for themselves, so it cannot be declared above."""
        return super().get_fields() | {"source": serializers.CharField(read_only=True)}


_VERSION = OpenApiParameter("version", int, description="version number; the newest where left out")


class AssetListView(generics.ListAPIView[Asset]):
    """The organisation's assets, newest first; `?kind=` narrows them."""

    serializer_class = AssetSerializer

    def get_queryset(self) -> Any:
        return selectors.owned_assets(actor_of(self.request), _kind(self.request.query_params.get("kind")))


class AssetView(APIView):
    """An asset with its versions."""

    permission_classes = [permissions.AllowAny]

    @extend_schema(responses=AssetDetailSerializer)
    def get(self, request: Request, asset_id: UUID) -> Response:
        asset = selectors.visible_asset(maybe_actor(request), asset_id)
        facts = {
            "owner_name": organisation_names({asset.owner_id}).get(asset.owner_id, ""),
            "versions": AssetVersionSerializer(selectors.versions(asset_id), many=True).data,
        }
        return Response(AssetSerializer(asset).data | {"owner_id": str(asset.owner_id)} | facts)


class LineageView(APIView):
    """Provenance and revenue split of a version; contributors are named to the version's owner and to themselves."""

    permission_classes = [permissions.AllowAny]

    @extend_schema(responses=LineageSerializer, parameters=[_VERSION])
    def get(self, request: Request, asset_id: UUID) -> Response:
        actor = maybe_actor(request)
        version = _version(request, asset_id)
        found = selectors.lineage(version.id)
        return Response(
            {
                "root_id": str(found.root_id),
                "nodes": LineageNodeSerializer(found.nodes, many=True).data,
                "edges": LineageEdgeSerializer(found.edges, many=True).data,
                "contributors": LineageContributorSerializer(
                    selectors.visible_contributors(actor, found), many=True
                ).data,
                "shares": ShareLineSerializer(selectors.share_lines(found), many=True).data,
            }
        )


class VerifyView(APIView):
    """Recompute a version's hashes and compare them with the record and the chain."""

    permission_classes = [permissions.AllowAny]

    @extend_schema(responses=VerificationSerializer, parameters=[_VERSION])
    def get(self, request: Request, asset_id: UUID) -> Response:
        found = selectors.verify_version(_version(request, asset_id).id)
        return Response(VerificationSerializer(found).data)


class RegistrationView(APIView):
    """POST asks again for an on-chain registration that failed."""

    @extend_schema(request=None, responses=AssetVersionSerializer)
    def post(self, request: Request, asset_id: UUID, number: int) -> Response:
        actor = actor_of(request)
        selectors.visible_asset(actor, asset_id)
        for version in selectors.versions(asset_id):
            if version.number == number:
                retried = services.retry_registration(actor=actor, version_id=version.id)
                return Response(AssetVersionSerializer(retried).data)
        raise VersionNotFound(asset_id)


class GrantListView(APIView):
    """Rights that others hold on an own asset; POST grants one."""

    @extend_schema(responses=GrantSerializer(many=True))
    def get(self, request: Request, asset_id: UUID) -> Response:
        return Response(GrantSerializer(selectors.active_grants(actor_of(request), asset_id), many=True).data)

    @extend_schema(request=GrantSerializer, responses={201: GrantSerializer})
    def post(self, request: Request, asset_id: UUID) -> Response:
        actor = actor_of(request)
        data = GrantSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        grantee_id = data.validated_data["grantee_id"]
        if not organisation_names({grantee_id}):
            raise InvalidRelease([{"field": "grantee_id", "message": "There is no such organisation."}])
        grant = services.grant_access(
            actor=actor,
            asset_id=asset_id,
            grantee_id=grantee_id,
            right=data.validated_data["right"],
            expires_at=data.validated_data["expires_at"],
            royalty_bps=data.validated_data["royalty_bps"],
            source_type="grant",
            source_id=str(uuid7()),
        )
        return Response(GrantSerializer(grant).data, status=status.HTTP_201_CREATED)


class GrantView(APIView):
    """DELETE revokes a right at once."""

    @extend_schema(request=None, responses=GrantSerializer)
    def delete(self, request: Request, grant_id: UUID) -> Response:
        return Response(GrantSerializer(services.revoke_access(actor=actor_of(request), grant_id=grant_id)).data)


def _kind(value: str | None) -> AssetKind | None:
    if value and value not in set(AssetKind):
        raise InvalidInput(
            "unknown_kind",
            f"There is no kind of asset called {value!r}.",
            errors=[{"field": "kind", "message": f"One of {', '.join(AssetKind)}."}],
        )
    return AssetKind(value) if value else None


def _version(request: Request, asset_id: UUID) -> AssetVersionInfo:
    """The version that `?version=` names of an asset that the caller may see; the newest where left out."""
    selectors.visible_asset(maybe_actor(request), asset_id)
    wanted = request.query_params.get("version")
    for version in selectors.versions(asset_id):
        if wanted in (None, str(version.number)):
            return version
    raise VersionNotFound(asset_id)
