"""Routes of organisations."""

from __future__ import annotations

from django.urls import include, path

from apps.tenancy import api, key_api, key_pages, pages

api_urlpatterns = [
    path("organisations/", api.OrganisationListView.as_view(), name="api-organisations"),
    path("members/", api.MemberListView.as_view(), name="api-members"),
    path("members/<uuid:membership_id>/", api.MemberView.as_view(), name="api-member"),
    path("invitations/", api.InvitationListView.as_view(), name="api-invitations"),
    path("api-keys/", key_api.ApiKeyListView.as_view(), name="api-keys"),
    path("api-keys/<str:key_id>/", key_api.ApiKeyView.as_view(), name="api-key"),
    path("api-keys/<str:key_id>/usage/", key_api.ApiKeyUsageView.as_view(), name="api-key-usage"),
    path("audit-trail/", api.AuditTrailView.as_view(), name="api-audit-trail"),
]

_pages = [
    path("", pages.members, name="members"),
    path("invitations/", pages.invite, name="invite"),
    path("invitations/<uuid:invitation_id>/withdraw/", pages.withdraw_invitation, name="withdraw-invitation"),
    path("members/<uuid:membership_id>/role/", pages.change_role, name="change-role"),
    path("members/<uuid:membership_id>/remove/", pages.remove_member, name="remove-member"),
    path("keys/", key_pages.api_keys, name="api-keys"),
    path("keys/revoke/", key_pages.revoke_api_key, name="revoke-api-key"),
    path("keys/<str:key_id>/", key_pages.api_key, name="api-key"),
    path("audit/", pages.audit_trail, name="audit-trail"),
    path("new/", pages.create, name="create"),
    path("switch/", pages.switch, name="switch"),
]
page_urlpatterns = [path("organisation/", include((_pages, "tenancy")))]
