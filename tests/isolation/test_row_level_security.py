"""The database itself keeps organisations apart: proven from its catalogue, and by trying."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models

from apps.core.rls import POLICY, policy_expression
from apps.core.tenant import TenantOwned, TenantScopeMissing, all_tenants, tenant_scope
from apps.tenancy.models import AuditEntry
from apps.tenancy.services import record_audit

pytestmark = pytest.mark.django_db


def tenant_columns(model: type[models.Model]) -> tuple[str, ...]:
    """The columns that name a row's organisation(s), from the model itself."""
    if hasattr(model, "tenant_columns"):
        return tuple(model.tenant_columns)
    return ("tenant_id",) if issubclass(model, TenantOwned) else ()


TENANT_TABLES = {model._meta.db_table: tenant_columns(model) for model in apps.get_models() if tenant_columns(model)}


def query(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def test_there_are_tenant_tables():
    assert len(TENANT_TABLES) >= 10


def test_every_table_with_a_tenant_column_is_declared_as_tenant_owned():
    found = {
        table
        for (table,) in query(
            "SELECT DISTINCT table_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name ~ '(^|_)tenant_id$'"
        )
    }
    assert found == set(TENANT_TABLES)


@pytest.mark.parametrize("table", sorted(TENANT_TABLES))
def test_row_level_security_is_enabled_and_forced(table):
    assert query("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = %s", table) == [(True, True)]


@pytest.mark.parametrize("table", sorted(TENANT_TABLES))
def test_the_tenant_policy_is_in_place_for_all_commands(table):
    policies = query(
        "SELECT polname, polcmd::text, polpermissive, polroles = '{0}', pg_get_expr(polqual, polrelid),"
        " pg_get_expr(polwithcheck, polrelid) FROM pg_policy WHERE polrelid = %s::regclass",
        table,
    )
    assert len(policies) == 1, f"{table} has the policies {policies}"
    name, command, permissive, everybody, using, check = policies[0]
    assert (name, command, permissive, everybody) == (POLICY, "*", True, True)
    assert using == check == _as_postgres_prints(TENANT_TABLES[table])


def _as_postgres_prints(columns: tuple[str, ...]) -> str:
    """The policy's condition in PostgreSQL's own wording, learnt from a scratch table."""
    with connection.cursor() as cursor:
        fields = ", ".join(f"{column} uuid" for column in columns)
        cursor.execute(f"CREATE TEMP TABLE scratch ({fields}) ON COMMIT DROP")
        expression = policy_expression(columns)
        cursor.execute(f"CREATE POLICY p ON scratch USING ({expression})")
        cursor.execute("SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = 'scratch'::regclass")
        printed: str = cursor.fetchone()[0]
        cursor.execute("DROP TABLE scratch")
    return printed


@pytest.mark.parametrize("table", sorted(TENANT_TABLES))
def test_every_tenant_column_is_not_null(table):
    for column in TENANT_TABLES[table]:
        nullable = query(
            "SELECT is_nullable FROM information_schema.columns WHERE table_name = %s AND column_name = %s",
            table,
            column,
        )
        assert nullable == [("NO",)]


def test_the_application_role_owns_nothing_and_cannot_bypass():
    ((super_user, bypass, create_role, create_db),) = query(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    )
    assert (super_user, bypass, create_role, create_db) == (False, False, False, False)
    assert (
        query("SELECT relname FROM pg_class WHERE relowner = current_user::regrole AND relkind IN ('r', 'v', 'm')")
        == []
    )
    assert query("SELECT roleid FROM pg_auth_members WHERE member = current_user::regrole") == []


def test_no_view_reads_around_the_policies():
    assert (
        query(
            "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE n.nspname = 'public' AND relkind IN ('v', 'm')"
        )
        == []
    )


def test_the_application_role_cannot_switch_row_level_security_off():
    from django.db import ProgrammingError, transaction

    for statement in (
        "ALTER TABLE tenancy_auditentry DISABLE ROW LEVEL SECURITY",
        f"DROP POLICY {POLICY} ON tenancy_auditentry",
        "ALTER TABLE tenancy_auditentry DISABLE TRIGGER ALL",
        "TRUNCATE tenancy_auditentry",
    ):
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.fixture
def two_entries(actor, other_actor) -> Iterator[None]:
    record_audit(actor, action="mine", target_type="t", target_id=1)
    record_audit(other_actor, action="theirs", target_type="t", target_id=1)
    yield


def actions_by_raw_sql() -> set[str]:
    return {action for (action,) in query("SELECT action FROM tenancy_auditentry WHERE action IN ('mine', 'theirs')")}


def test_raw_sql_sees_only_the_running_tenant(actor, other_actor, two_entries):
    assert actions_by_raw_sql() == {"mine"}
    with tenant_scope(other_actor.organisation_id):
        assert actions_by_raw_sql() == {"theirs"}
    assert actions_by_raw_sql() == {"mine"}
    with all_tenants(reason="test"):
        assert actions_by_raw_sql() == {"mine", "theirs"}


def test_a_row_cannot_be_written_for_another_tenant(actor, other_actor):
    from django.db import ProgrammingError, transaction

    with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        AuditEntry.objects.create(tenant_id=other_actor.organisation_id, action="x", target_type="t", target_id="1")


def test_without_a_scope_the_manager_raises_and_raw_sql_finds_nothing(make_actor):
    someone = make_actor()
    record_audit(someone, action="mine", target_type="t", target_id=1)
    with pytest.raises(TenantScopeMissing):
        AuditEntry.objects.count()
    assert actions_by_raw_sql() == set()


def test_the_scope_ends_with_its_transaction_on_a_pooled_connection(actor, two_entries):
    """SET LOCAL leaves '' behind, not NULL; the policy must then show nothing and raise nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant_id', '', true)")
        cursor.execute("SELECT count(*) FROM tenancy_auditentry")
        assert cursor.fetchone() == (0,)
