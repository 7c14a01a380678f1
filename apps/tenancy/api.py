"""API of organisations: members and the audit trail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import NotPermitted
from apps.tenancy import selectors, services
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Role


class OrganisationSerializer(serializers.Serializer[Any]):
    """An organisation as its member sees it."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=80)
    slug = serializers.CharField(read_only=True)
    kind = serializers.CharField(read_only=True)


class MembershipSerializer(serializers.Serializer[Any]):
    """A member of the organisation."""

    id = serializers.UUIDField(read_only=True)
    user_id = serializers.UUIDField(read_only=True)
    display_name = serializers.CharField(source="user.display_name", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    role = serializers.ChoiceField(choices=Role.choices)


class InvitationSerializer(serializers.Serializer[Any]):
    """An invitation by e-mail."""

    id = serializers.UUIDField(read_only=True)
    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=Role.choices, default=Role.MEMBER)


class AuditEntrySerializer(serializers.Serializer[Any]):
    """One line of the audit trail."""

    id = serializers.UUIDField()
    user_id = serializers.UUIDField(allow_null=True)
    action = serializers.CharField()
    target_type = serializers.CharField()
    target_id = serializers.CharField()
    detail = serializers.JSONField()
    created_at = serializers.DateTimeField()


class OrganisationListView(APIView):
    """The caller's organisations; POST founds a new one."""

    @extend_schema(responses=OrganisationSerializer(many=True))
    def get(self, request: Request) -> Response:
        user_id = actor_of(request).user_id
        found = selectors.memberships_of(user_id) if user_id is not None else []
        return Response([OrganisationSerializer(m.organisation).data | {"role": m.role} for m in found])

    @extend_schema(request=OrganisationSerializer, responses={201: OrganisationSerializer})
    def post(self, request: Request) -> Response:
        actor = actor_of(request)
        if actor.is_guest or actor.user_id is None:
            raise NotPermitted("guest", "Sign up first; a guest cannot found an organisation.")
        data = OrganisationSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        created = services.create_organisation(user_id=actor.user_id, name=data.validated_data["name"])
        return Response(OrganisationSerializer(created).data, status=status.HTTP_201_CREATED)


class MemberListView(generics.ListAPIView[Any]):
    """Members of the organisation."""

    serializer_class = MembershipSerializer

    def get_queryset(self) -> Any:
        return selectors.members(actor_of(self.request))


class MemberView(APIView):
    """One member: PATCH changes the role, DELETE removes."""

    @extend_schema(request=MembershipSerializer, responses={204: None})
    def patch(self, request: Request, membership_id: UUID) -> Response:
        data = MembershipSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        services.change_role(
            actor=actor_of(request), membership_id=membership_id, role=Role(data.validated_data["role"])
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, membership_id: UUID) -> Response:
        services.remove_member(actor=actor_of(request), membership_id=membership_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class InvitationListView(generics.ListAPIView[Any]):
    """Open invitations; POST invites."""

    serializer_class = InvitationSerializer

    def get_queryset(self) -> Any:
        return selectors.invitations(actor_of(self.request))

    @extend_schema(request=InvitationSerializer, responses={201: None})
    def post(self, request: Request) -> Response:
        data = InvitationSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        services.invite_member(
            actor=actor_of(request), email=data.validated_data["email"], role=Role(data.validated_data["role"])
        )
        return Response(status=status.HTTP_201_CREATED)


class AuditTrailView(generics.ListAPIView[Any]):
    """Who did what in the organisation, newest first."""

    serializer_class = AuditEntrySerializer

    def get_queryset(self) -> Any:
        return selectors.audit_trail(actor_of(self.request))
