"""Django's PostgreSQL backend, which starts every transaction in the running tenant scope."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from django.db import transaction
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

from apps.core import tenant

#: A pooled connection that rested for longer is asked whether it lives before it is used.
ASKED_AFTER_S = 2.0


def _is_alive(connection: Any) -> bool:
    if time.monotonic() - getattr(connection, "last_used", 0.0) < ASKED_AFTER_S:
        return True
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True


def _cursor_of(connection: Any) -> psycopg.Cursor[Any]:
    """The cursor that a connection keeps for what is read to its end at once."""
    found: psycopg.Cursor[Any] | None = getattr(connection, "kept_cursor", None)
    if found is None or found.closed:
        found = connection.kept_cursor = psycopg.Cursor(connection)
    return found


class DatabaseWrapper(base.DatabaseWrapper):
    """Tells PostgreSQL the tenant scope by transaction-local settings, so that pooled connections carry nothing over.

    A statement outside a transaction would see no tenant at all; it gets a transaction of its own while a scope runs.
    """

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        self.execute_wrappers.append(self._scoped_execute)

    def fetch_prepared(self, sql: str, params: Sequence[Any]) -> Any:
        """The one row of a statement that PostgreSQL parses and plans once a connection: for what runs very often.

        Errors and broken transactions are told as by a cursor of Django's. It makes no transaction of its own, so
        outside of one the statement sees no tenant, unless it says so itself. Whoever watches statements
        (`execute_wrapper`, the debug log) gets an ordinary one.
        """
        rows = self.fetch_all_prepared(sql, params)
        return rows[0] if rows else None

    def fetch_all_prepared(self, sql: str, params: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of such a statement."""
        if len(self.execute_wrappers) > 1 or self.queries_logged:
            with self.cursor() as watched:
                watched.execute(sql, params)
                found: list[tuple[Any, ...]] = watched.fetchall()
                return found
        self.validate_thread_sharing()
        self.close_if_health_check_failed()
        self.ensure_connection()
        self.validate_no_broken_transaction()
        with self.wrap_database_errors:
            # Django's own cursors put values into the text. Where `prepare_threshold` is None nothing is prepared.
            return _cursor_of(self.connection).execute(sql, params, prepare=True).fetchall()

    def get_new_connection(self, conn_params: Any) -> Any:
        """A connection, from the pool one that lives: what was used a moment ago is not asked again."""
        made = super().get_new_connection(conn_params)
        while self.pool is not None and not _is_alive(made):
            made._pool.putconn(made)  # which sees that it is broken, and makes another one
            made = super().get_new_connection(conn_params)
        return made

    def _close(self) -> None:
        if self.connection is not None and self.pool is not None:
            self.connection.last_used = time.monotonic()
        super()._close()  # type: ignore[misc]  # private in the stubs

    def _set_autocommit(self, autocommit: bool) -> None:  # noqa: FBT001  # Django's signature
        super()._set_autocommit(autocommit)  # type: ignore[misc]  # private in the stubs
        if not autocommit:
            with self.wrap_database_errors:
                tenant.begin_in_scope(self.connection)

    def _scoped_execute(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Any,
        many: bool,  # noqa: FBT001  # Django's signature
        context: dict[str, Any],
    ) -> Any:
        if tenant.current_scope() is None or self.in_atomic_block or not self.get_autocommit():
            return execute(sql, params, many, context)
        with transaction.atomic(using=self.alias):
            return execute(sql, params, many, context)
