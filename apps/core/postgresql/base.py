"""Django's PostgreSQL backend, which starts every transaction in the running tenant scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.backends.postgresql import base

from apps.core import tenant


class DatabaseWrapper(base.DatabaseWrapper):
    """Tells PostgreSQL the tenant scope by transaction-local settings, so that pooled connections carry nothing over.

    A statement outside a transaction would see no tenant at all; it gets a transaction of its own while a scope runs.
    """

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        self.execute_wrappers.append(self._scoped_execute)

    def _set_autocommit(self, autocommit: bool) -> None:  # noqa: FBT001  # Django's signature
        super()._set_autocommit(autocommit)  # type: ignore[misc]  # private in the stubs
        if not autocommit:
            with self.wrap_database_errors:
                tenant.apply_scope(self.connection)

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
