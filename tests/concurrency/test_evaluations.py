"""Evaluations work in one long transaction; nobody waits for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from apps.accounts import services as accounts
from apps.knowledge import services
from apps.knowledge.services.workspace import temporary_workspace
from apps.tenancy import selectors as tenancy

pytestmark = pytest.mark.django_db(transaction=True)


def _beside() -> str:
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '10s'")
            accounts.start_guest()
            with temporary_workspace("Evaluation") as actor:
                services.create_knowledge_base(actor=actor, name="Evaluation")
                return tenancy.organisation(actor.organisation_id).name
    finally:
        connection.close()


def test_guests_and_other_evaluations_do_not_wait_for_an_evaluation() -> None:
    with temporary_workspace("Evaluation") as actor, ThreadPoolExecutor(1) as pool:
        services.create_knowledge_base(actor=actor, name="Evaluation")
        assert pool.submit(_beside).result().startswith("Evaluation ")
