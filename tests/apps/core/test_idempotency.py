"""`Idempotency-Key`: the first answer is replayed; nothing happens twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection

from apps.core.models import IdempotencyRecord
from apps.core.tenant import all_tenants
from apps.tenancy.models import ApiKey, Organisation

pytestmark = pytest.mark.django_db


def found(api, key, name="Acme"):
    return api.post("/api/v1/organisations/", {"name": name}, format="json", HTTP_IDEMPOTENCY_KEY=key)


def test_a_repeat_gets_the_first_answer_and_has_no_second_effect(api_for, actor):
    api = api_for(actor)
    first, second = found(api, "k1", "Once Only"), found(api, "k1", "Once Only")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert Organisation.objects.filter(name="Once Only").count() == 1


def test_the_same_key_with_another_body_is_refused(api_for, actor):
    api = api_for(actor)
    found(api, "k1", "First")
    response = found(api, "k1", "Second")
    assert (response.status_code, response.json()["code"]) == (409, "idempotency_key_reuse")
    assert not Organisation.objects.filter(name="Second").exists()


def test_keys_of_two_users_do_not_meet(api_for, actor, other_actor):
    assert found(api_for(actor), "k1").json()["id"] != found(api_for(other_actor), "k1").json()["id"]


def test_a_refused_call_is_replayed_too(api_for, actor):
    api = api_for(actor)
    assert found(api, "k1", "").status_code == 422
    assert found(api, "k1", "")["Idempotent-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
def test_ten_parallel_repeats_have_one_effect(api_for, make_actor):
    actor = make_actor()
    api_for(actor)
    from rest_framework.test import APIClient

    from apps.core.tenant import tenant_scope
    from apps.tenancy.services import issue_api_key

    with tenant_scope(actor.organisation_id):
        secret = issue_api_key(actor=actor, name="parallel").secret

    def call(_: int) -> int:
        try:
            client = APIClient()
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
            return client.post(
                "/api/v1/api-keys/", {"name": "made once"}, format="json", HTTP_IDEMPOTENCY_KEY="parallel"
            ).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(call, range(10)))
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert ApiKey.objects.filter(organisation_id=actor.organisation_id, name="made once").count() == 1


def test_every_file_of_a_field_counts_as_part_of_the_request():
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.test import RequestFactory

    from apps.core.idempotency import _hash_of

    def digest(*contents: bytes) -> str:
        files = [SimpleUploadedFile(f"{n}.txt", content) for n, content in enumerate(contents)]
        return _hash_of(RequestFactory().post("/api/v1/things/", {"files": files}))

    assert digest(b"one", b"two") == digest(b"one", b"two")
    assert digest(b"one", b"two") != digest(b"ONE", b"two")


def test_a_view_that_repeats_safely_keeps_no_key(api_for, annotator):
    path = f"/api/v1/assignments/{uuid4()}/skip/"
    first, second = (api_for(annotator).post(path, HTTP_IDEMPOTENCY_KEY="k1") for _ in range(2))
    assert (first.status_code, second.status_code) == (404, 404)
    assert "Idempotent-Replayed" not in second
    with all_tenants(reason="test"):
        assert not IdempotencyRecord.objects.filter(user_id=annotator.user_id).exists()
