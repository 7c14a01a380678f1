"""The organisation's pages: what each role can do there, and what a refused form says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from apps.accounts.models import User
from apps.core.tenant import tenant_scope
from apps.tenancy.models import ApiKey, AuditEntry, Invitation, Membership
from apps.tenancy.types import Role

pytestmark = pytest.mark.django_db
ClientFor = Callable[[Any], Any]


def test_a_visitor_is_sent_to_sign_in_and_back(client: Any) -> None:
    response = client.get("/organisation/keys/")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/organisation/keys/"


def test_an_invitation_appears_and_can_be_withdrawn(actor: Any, client_for: ClientFor) -> None:
    client = client_for(actor)
    client.post("/organisation/invitations/", {"email": "New@Example.org", "role": "member"})
    invitation = Invitation.objects.get()
    assert "new@example.org" in client.get("/organisation/").content.decode()
    client.post(f"/organisation/invitations/{invitation.id}/withdraw/")
    assert not Invitation.objects.exists()


def test_a_wrong_address_is_named_at_its_field_and_nothing_is_saved(actor: Any, client_for: ClientFor) -> None:
    response = client_for(actor).post("/organisation/invitations/", {"email": "nobody", "role": "member"})
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.content.decode()
    assert not Invitation.objects.exists()


def test_an_admin_changes_a_role_and_removes_a_member(
    actor: Any, make_actor: Callable[..., Any], client_for: ClientFor
) -> None:
    make_actor(role=Role.VIEWER, organisation_id=actor.organisation_id)
    membership = Membership.objects.get(role=Role.VIEWER)
    client = client_for(actor)
    client.post(f"/organisation/members/{membership.id}/role/", {"role": "admin"})
    membership.refresh_from_db()
    assert membership.role == Role.ADMIN
    client.post(f"/organisation/members/{membership.id}/remove/")
    assert not Membership.objects.filter(id=membership.id).exists()


def test_a_viewer_sees_members_but_cannot_invite(
    actor: Any, make_actor: Callable[..., Any], client_for: ClientFor
) -> None:
    viewer = make_actor(role=Role.VIEWER, organisation_id=actor.organisation_id)
    client = client_for(viewer)
    assert "Invite by e-mail" not in client.get("/organisation/").content.decode()
    assert client.get("/organisation/audit/").status_code == 403
    refused = client.post("/organisation/invitations/", {"email": "x@example.org", "role": "viewer"})
    assert refused.status_code == 403
    assert "needs the role Admin" in refused.content.decode()
    assert not Invitation.objects.exists()


def test_the_secret_of_a_key_is_shown_once(actor: Any, client_for: ClientFor) -> None:
    client = client_for(actor)
    answer = client.post("/organisation/keys/", {"name": "Import"})
    assert "sk_" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    prefix = ApiKey.objects.get(organisation_id=actor.organisation_id).prefix
    later = client.get("/organisation/keys/").content.decode()
    assert f"sk_{prefix}…" in later
    assert f"sk_{prefix}." not in later


def test_a_revoked_key_is_gone_from_the_page(actor: Any, client_for: ClientFor) -> None:
    client = client_for(actor)
    client.post("/organisation/keys/", {"name": "Old key"})
    key = ApiKey.objects.get(organisation_id=actor.organisation_id)
    client.post("/organisation/keys/revoke/", {"key": key.pk})
    assert "Old key" not in client.get("/organisation/keys/").content.decode()


def test_the_audit_trail_pages_by_cursor(actor: Any, client_for: ClientFor) -> None:
    client = client_for(actor)
    for number in range(30):
        AuditEntry.objects.create(action=f"test.{number}", target_type="t", target_id=str(number))
    first = client.get("/organisation/audit/")
    older = first.context["page"].next
    assert older is not None
    rows = {entry.id for entry, _, _ in first.context["rows"]}
    assert rows.isdisjoint(entry.id for entry, _, _ in client.get(older).context["rows"])


def test_a_detail_may_be_called_items(actor: Any, client_for: ClientFor) -> None:
    AuditEntry.objects.create(action="order.launched", target_type="order", target_id="1", detail={"items": 40})
    assert "items: 40" in client_for(actor).get("/organisation/audit/").content.decode()


def test_founding_an_organisation_switches_to_it(annotator: Any, client_for: ClientFor) -> None:
    client = client_for(annotator)
    page = client.post("/organisation/new/", {"name": "Oasis Labs"}, follow=True)
    assert "Oasis Labs" in page.content.decode()
    assert page.context["organisation"].name == "Oasis Labs"


def test_nobody_switches_to_an_organisation_of_others(actor: Any, other_actor: Any, client_for: ClientFor) -> None:
    client = client_for(actor)
    for foreign in (other_actor.organisation_id, uuid4()):
        assert client.post("/organisation/switch/", {"organisation": str(foreign)}).status_code == 404
    assert client.get("/organisation/").context["organisation"].id == actor.organisation_id


def test_switching_goes_on_only_to_this_site(actor: Any, client_for: ClientFor) -> None:
    data = {"organisation": str(actor.organisation_id), "next": "https://evil.example/"}
    assert client_for(actor).post("/organisation/switch/", data)["Location"] == "/dashboard/"


def test_another_organisations_member_is_not_found(actor: Any, other_actor: Any, client_for: ClientFor) -> None:
    with tenant_scope(other_actor.organisation_id):
        foreign = Membership.objects.get(user_id=other_actor.user_id)
    assert client_for(actor).post(f"/organisation/members/{foreign.id}/remove/").status_code == 404
    with tenant_scope(other_actor.organisation_id):
        assert Membership.objects.filter(id=foreign.id).exists()


def test_only_staff_have_the_staff_pages_in_their_menu(actor: Any, client_for: ClientFor) -> None:
    client = client_for(actor)
    assert "/staff/" not in client.get("/organisation/").content.decode()
    User.objects.filter(id=actor.user_id).update(is_staff=True)
    page = client.get("/organisation/").content.decode()
    for address in ("/staff/billing/", "/staff/payouts/", "/staff/chain/"):
        assert f'href="{address}"' in page
        assert client.get(address).status_code == 200
