"""Who calls is found out in one statement, and what changed about it counts with the next call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.test import Client

from apps.accounts import sessions
from apps.accounts.models import User
from apps.accounts.services import start_guest
from apps.core import tenant
from apps.core.tenant import tenant_scope
from apps.tenancy.models import Membership
from apps.tenancy.types import Role

pytestmark = pytest.mark.django_db

ME = "/api/v1/me/"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is sent to PostgreSQL, by any path."""
    seen: list[str] = []
    execute, send = psycopg.Cursor.execute, tenant.send

    def noted(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        seen.append(" ".join(str(query).split()))
        return execute(self, query, *args, **options)

    def scope(raw: Any, statements: bytes) -> None:
        seen.append(statements.decode())
        send(raw, statements)

    monkeypatch.setattr(psycopg.Cursor, "execute", noted)
    monkeypatch.setattr(tenant, "send", scope)
    yield seen


@pytest.fixture
def signed_in(make_actor: Callable[..., Any], client_for: Callable[[Any], Client]) -> tuple[Any, Client]:
    """A member of a team, whose session this process has seen before."""
    actor = make_actor(role=Role.MEMBER)
    client = client_for(actor)
    assert client.get(ME).json()["role"] == "member"
    return actor, client


def test_session_user_and_memberships_are_one_statement(signed_in, sent):
    _, client = signed_in
    client.get(ME)
    before_the_view = sent[: next(place for place, one in enumerate(sent) if "SET LOCAL" in one)]
    assert len(before_the_view) == 1, sent
    assert "django_session" in before_the_view[0]


def test_a_session_that_was_ended_elsewhere_is_nobodys(signed_in):
    _, client = signed_in
    Session.objects.filter(session_key=client.session.session_key).delete()
    assert client.get(ME).status_code == 401


def test_a_session_whose_time_is_over_is_nobodys(signed_in):
    _, client = signed_in
    Session.objects.filter(session_key=client.session.session_key).update(expire_date="2001-01-01T00:00:00Z")
    assert client.get(ME).status_code == 401


def test_a_user_who_was_switched_off_is_out_at_once(signed_in):
    actor, client = signed_in
    User.objects.filter(id=actor.user_id).update(is_active=False)
    assert client.get(ME).status_code == 401


def test_a_new_password_ends_the_other_sessions_at_once(signed_in):
    actor, client = signed_in
    user = User.objects.get(id=actor.user_id)
    user.set_password("another-long-password")
    user.save()
    assert client.get(ME).status_code == 401
    assert not Session.objects.filter(session_key=client.cookies["sessionid"].value).exists()


def test_a_changed_role_counts_at_once(signed_in):
    actor, client = signed_in
    with tenant_scope(actor.organisation_id):
        Membership.objects.filter(user_id=actor.user_id).update(role=Role.VIEWER)
    assert client.get(ME).json()["role"] == "viewer"


def test_a_member_who_was_removed_is_back_in_the_own_organisation_at_once(signed_in):
    actor, client = signed_in
    with tenant_scope(actor.organisation_id):
        Membership.objects.filter(user_id=actor.user_id).delete()
    found = client.get(ME).json()
    assert found["organisation_id"] != str(actor.organisation_id)
    assert found["role"] == "owner"


def test_what_is_remembered_of_a_session_decides_nothing(signed_in, make_actor):
    """Also where it is wrong: the session's own content says whose it is."""
    actor, client = signed_in
    sessions._whose[client.session.session_key] = make_actor().user_id
    assert client.get(ME).json()["user_id"] == str(actor.user_id)


def test_a_session_that_somebody_else_took_over_is_theirs(signed_in, make_actor):
    """The same key with another user in it, as another process may have written it."""
    _, client = signed_in
    other = make_actor(personal=True)
    session = client.session
    session[SESSION_KEY] = str(other.user_id)  # and not the proof that belongs to it
    session.save()
    assert client.get(ME).status_code == 401


def test_a_guest_is_found_with_the_session_and_forgotten_once_switched_off(sent):
    guest, client = start_guest(), Client()
    session = client.session
    session[sessions.GUEST_KEY] = str(guest.id)
    session.save()
    assert client.get(ME).json()["is_guest"]
    sent.clear()
    assert client.get(ME).json()["user_id"] == str(guest.id)
    assert sum("accounts_user" in one for one in sent) == 1
    User.objects.filter(id=guest.id).update(is_active=False)
    assert client.get(ME).status_code == 401


def test_memberships_of_one_user_show_no_others_and_leave_the_scope_as_it_was(make_actor):
    from apps.tenancy import selectors

    one, other = make_actor(), make_actor()
    with tenant_scope(other.organisation_id):
        found = selectors.memberships_of(one.user_id)
        assert [membership.organisation.kind for membership in found] == ["personal", "team"]
        assert found[1].organisation.id == one.organisation_id
        assert set(Membership.objects.values_list("user_id", flat=True)) == {other.user_id}
