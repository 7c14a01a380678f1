"""Sign-up by page and by API; guests keep what they earned."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.services import start_guest
from apps.accounts.sessions import GUEST_KEY
from apps.core import outbox
from apps.core.money import Money
from apps.ledger import selectors as ledger
from apps.ledger import services as ledger_services
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.tenancy import selectors as tenancy
from apps.tenancy.types import PLATFORM_ID, OrganisationKind

pytestmark = pytest.mark.django_db

PASSWORD = "correct-horse-battery"


def earn(organisation_id, cents=40, key="earned"):
    ledger_services.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        credit=AccountRef(organisation_id, AccountKind.EARNINGS, "USD"),
        amount=Money(cents),
        idempotency_key=f"{key}:{organisation_id}",
        reason="label",
        source=SourceRef("test", "1"),
    )


def earnings(organisation_id):
    return ledger.balance(AccountRef(organisation_id, AccountKind.EARNINGS, "USD")).available


def guest_client():
    guest = start_guest()
    client = Client()
    session = client.session
    session[GUEST_KEY] = str(guest.id)
    session.save()
    return client, guest


def test_signing_up_makes_an_account_with_a_personal_organisation():
    response = Client().post("/accounts/signup/", {"email": "Ann@Example.org", "password1": PASSWORD})
    assert response.status_code == 302
    user = User.objects.get(email="ann@example.org")
    (membership,) = tenancy.memberships_of(user.id)
    assert (membership.organisation.kind, membership.organisation.name) == (OrganisationKind.PERSONAL, "ann")


def test_a_guest_who_signs_up_keeps_the_same_organisation_and_earnings():
    client, guest = guest_client()
    organisation_id = tenancy.personal_organisation_id(guest.id)
    earn(organisation_id)
    client.post("/accounts/signup/", {"email": "guest@example.org", "password1": PASSWORD})
    user = User.objects.get(email="guest@example.org")
    assert (user.id, user.is_guest) == (guest.id, False)
    assert tenancy.personal_organisation_id(user.id) == organisation_id
    assert earnings(organisation_id) == Money(40)


def test_a_guest_who_signs_in_as_an_existing_user_brings_earnings_along_now_and_later(make_actor):
    existing = make_actor(personal=True)
    User.objects.filter(id=existing.user_id).update(email="old@example.org")
    user = User.objects.get(id=existing.user_id)
    user.set_password(PASSWORD)
    user.save()
    client, guest = guest_client()
    guest_organisation = tenancy.personal_organisation_id(guest.id)
    earn(guest_organisation)
    response = client.post("/accounts/login/", {"login": "old@example.org", "password": PASSWORD})
    assert response.status_code == 302
    outbox.drain()
    assert earnings(existing.organisation_id) == Money(40)
    earn(guest_organisation, 7, key="later")
    assert earnings(existing.organisation_id) == Money(47)
    assert earnings(guest_organisation) == Money(0)


def test_the_headless_api_signs_up_and_its_session_token_makes_an_api_key():
    client = Client()
    response = client.post(
        "/_allauth/app/v1/auth/signup",
        {"email": "dev@example.org", "password": PASSWORD},
        content_type="application/json",
    )
    assert response.status_code == 200, response.content
    token = response.json()["meta"]["session_token"]
    key = Client().post(
        "/api/v1/api-keys/", {"name": "ci"}, content_type="application/json", headers={"X-Session-Token": token}
    )
    assert key.status_code == 201, key.content
    me = Client().get("/api/v1/me/", headers={"Authorization": f"Bearer {key.json()['secret']}"})
    assert me.json()["role"] == "owner"
    assert me.json()["is_guest"] is False


def test_a_wrong_key_is_401_and_says_so():
    response = Client().get("/api/v1/me/", headers={"Authorization": "Bearer sk_wrong.key"})
    assert (response.status_code, response.json()["code"]) == (401, "credentials_invalid")
    assert response["Content-Type"] == "application/problem+json"


def test_a_cookie_session_must_carry_the_csrf_token(actor):
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(id=actor.user_id), "allauth.account.auth_backends.AuthenticationBackend")
    refused = client.post("/api/v1/organisations/", {"name": "X"}, content_type="application/json")
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("0x12", "wallet_address_invalid"),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD00", "wallet_address_invalid"),
        ("0x5aAeb6053f3E94C9b9A09f33669435E7Ef1BeAeD", "wallet_address_invalid"),
        ("0x" + "0" * 40, "wallet_address_invalid"),
    ],
)
def test_a_wrong_wallet_address_is_refused_and_not_saved(api_for, annotator, address, code):
    api = api_for(annotator)
    response = api.put("/api/v1/wallet/", {"address": address}, format="json")
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert response.json()["errors"][0]["field"] == "address"
    assert api.get("/api/v1/wallet/").json()["address"] is None


def test_a_wallet_address_is_kept_with_its_checksum(api_for, annotator):
    api = api_for(annotator)
    api.put("/api/v1/wallet/", {"address": "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"}, format="json")
    assert api.get("/api/v1/wallet/").json()["address"] == "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
