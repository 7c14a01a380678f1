"""The tenant scope and the database behind it."""

from __future__ import annotations

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from apps.core.models import OutboxEvent
from apps.core.tenant import all_tenants, begin_in_scope, tenant_scope

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def end_the_server_process():
    """`end_the_server_process()`: what a restart of PostgreSQL does to this test's connection."""

    def end() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
        parameters = connection.get_connection_params()
        names = ("dbname", "user", "password", "host", "port")
        with psycopg.connect(**{name: parameters[name] for name in names}, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    yield end
    connection.close()


def test_a_query_in_a_scope_reports_a_lost_server_as_a_database_error(end_the_server_process):
    end_the_server_process()
    with all_tenants(reason="test"), pytest.raises(OperationalError):
        OutboxEvent.objects.count()


def test_entering_a_scope_reports_a_lost_server_as_a_database_error(actor, end_the_server_process):
    def enter() -> None:
        with transaction.atomic():
            end_the_server_process()
            with all_tenants(reason="test"):
                pass

    with pytest.raises(OperationalError):
        enter()


def test_leaving_a_scope_does_not_hide_the_error_of_a_lost_server(actor, end_the_server_process):
    def query() -> None:
        with transaction.atomic(), tenant_scope(actor.organisation_id), all_tenants(reason="test"):
            end_the_server_process()
            OutboxEvent.objects.count()

    with pytest.raises(OperationalError, match="terminat"):
        query()


def test_a_scope_works_again_with_the_next_connection(actor, end_the_server_process):
    end_the_server_process()
    with all_tenants(reason="test"), pytest.raises(OperationalError):
        OutboxEvent.objects.count()
    connection.close()
    with all_tenants(reason="test"):
        assert OutboxEvent.objects.count() >= 0


def test_a_connection_that_asks_for_a_kind_of_transaction_gets_it_in_the_scope():
    parameters = connection.get_connection_params()
    parameters.pop("cursor_factory", None)
    with psycopg.connect(**parameters) as own:
        own.isolation_level, own.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
        with all_tenants(reason="test"):
            begin_in_scope(own)
        row = own.execute(
            "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only'),"
            " current_setting('app.all_tenants')"
        ).fetchone()
    assert row == ("repeatable read", "on", "on")
