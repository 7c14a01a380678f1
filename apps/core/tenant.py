"""The tenant scope: which organisation's rows the running code may touch.

The scope lives in a context variable and is repeated to PostgreSQL with `SET LOCAL` semantics at the start of each
transaction (`apps.core.postgresql`), where row-level security enforces it. `TenantManager` enforces it a second time,
and says so loudly where a scope was forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar
from uuid import UUID

import psycopg
from django.db import connection, models
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus

from apps.core.ids import uuid7


class TenantScopeMissing(RuntimeError):
    """Tenant-owned rows were asked for outside `tenant_scope` (a bug, not a user's error)."""


@dataclass(frozen=True)
class Scope:
    """One tenant, or all of them with the reason why."""

    tenant_id: UUID | None
    reason: str = ""

    @property
    def settings(self) -> tuple[str, str]:
        """The values of the PostgreSQL settings `app.tenant_id` and `app.all_tenants`."""
        return ("", "on") if self.tenant_id is None else (str(self.tenant_id), "off")

    @property
    def statements(self) -> bytes:
        """What sets them for the rest of a transaction. The values are a UUID's digits and fixed words."""
        return _statements(*self.settings)


def _statements(tenant_id: str, everything: str) -> bytes:
    return f"SET LOCAL app.tenant_id = '{tenant_id}'; SET LOCAL app.all_tenants = '{everything}'".encode()


_NOBODY = _statements("", "off")

_scope: ContextVar[Scope | None] = ContextVar("tenant_scope", default=None)


def current_scope() -> Scope | None:
    """The running scope, or None outside of any."""
    return _scope.get()


def current_tenant_id() -> UUID | None:
    """The running tenant, or None outside a scope and in `all_tenants`."""
    scope = _scope.get()
    return scope.tenant_id if scope is not None else None


def scope_statements() -> bytes:
    """What repeats the running scope to PostgreSQL."""
    scope = _scope.get()
    return _NOBODY if scope is None else scope.statements


def apply_scope(raw_connection: Any) -> None:
    """Repeat the running scope to PostgreSQL, for the rest of the open transaction; there must be one."""
    send(raw_connection, scope_statements())


def begin_in_scope(raw_connection: Any) -> None:
    """Start a transaction in the running scope, in one round trip where the connection says nothing of its kind."""
    if (raw_connection.isolation_level, raw_connection.read_only, raw_connection.deferrable) == (None, None, None):
        send(raw_connection, b"BEGIN; " + scope_statements())
    else:
        raw_connection.execute(scope_statements())  # psycopg begins as the connection says


def send(raw_connection: Any, statements: bytes) -> None:
    """Have PostgreSQL run statements that return nothing. Raises psycopg's errors."""
    pgconn = raw_connection.pgconn
    result = pgconn.exec_(statements)
    if result.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        return
    if pgconn.status != ConnStatus.OK:
        raise psycopg.OperationalError(result.get_error_message())
    raise psycopg.errors.error_from_result(result)


def _apply_to_open_transaction() -> None:
    raw = connection.connection
    if raw is None or not connection.in_atomic_block:
        return  # the next transaction starts with it
    if raw.info.transaction_status in (TransactionStatus.INERROR, TransactionStatus.UNKNOWN):
        return  # the rollback to come restores the setting, or the server is gone and the transaction with it
    with connection.wrap_database_errors:
        apply_scope(raw)


@contextmanager
def _enter(scope: Scope, *, told: bool = False) -> Iterator[None]:
    outer = _scope.get()
    if outer is not None and outer.settings == scope.settings:
        yield  # nothing to tell PostgreSQL
        return
    token = _scope.set(scope)
    try:
        if not told:
            _apply_to_open_transaction()
        yield
    finally:
        _scope.reset(token)
        _apply_to_open_transaction()


def tenant_scope(tenant_id: UUID) -> AbstractContextManager[None]:
    """Context manager: run as this organisation. Nests; the inner one wins."""
    return _enter(Scope(tenant_id))


def scope_that_was_set(tenant_id: UUID) -> AbstractContextManager[None]:
    """Context manager: `tenant_scope`, where the statement that found the organisation has set `app.tenant_id` already.

    That statement ran in the open transaction and in another `tenant_scope`.
    """
    return _enter(Scope(tenant_id), told=True)


def all_tenants(*, reason: str) -> AbstractContextManager[None]:
    """Context manager: the greppable opt-out for work that belongs to no single organisation.

    Args:
        reason: why, for the reader of the code and the logs.
    """
    return _enter(Scope(None, reason))


_M = TypeVar("_M", bound=models.Model)
_ST = TypeVar("_ST")
_GT = TypeVar("_GT")


class TenantManager(models.Manager[_M]):
    """Rows of the running tenant only; raises `TenantScopeMissing` outside a scope."""

    def get_queryset(self) -> models.QuerySet[_M]:
        scope = _scope.get()
        if scope is None:
            raise TenantScopeMissing(f"{self.model.__name__} was queried outside tenant_scope()")
        rows = super().get_queryset()
        return rows if scope.tenant_id is None else rows.filter(tenant_id=scope.tenant_id)


class TenantForeignKey(models.ForeignKey[_ST, _GT]):
    """Starts as the running tenant; to the database and to migrations it is a plain foreign key without a default."""

    def get_default(self) -> UUID | None:
        return current_tenant_id()

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs


class TenantOwned(models.Model):
    """Base of every row that belongs to an organisation.

    The migration that creates such a model ends with `EnableRowLevelSecurity` (`apps.core.rls`).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = TenantForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")

    objects: ClassVar[TenantManager[Self]] = TenantManager()

    class Meta:
        abstract = True
