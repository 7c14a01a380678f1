"""Row-level security as a migration operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

POLICY = "tenant_isolation"


def policy_expression(columns: Sequence[str]) -> str:
    """The condition under which a row is visible and may be written.

    `NULLIF` because the setting is '' (not NULL) on a pooled connection whose earlier transaction had set it. The
    sub-selects are evaluated once a statement, not once a row.
    """
    tenant = "(SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)"
    own = " OR ".join(f'"{column}" = {tenant}' for column in columns)
    return f"{own} OR (SELECT current_setting('app.all_tenants', true) = 'on')"


class EnableRowLevelSecurity(Operation):
    """ENABLE and FORCE row-level security on a model's table, with one policy on its tenant column(s).

    Args:
        model_name: the model, in the migration's app.
        columns: a row belongs to the tenant named in any of them.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, model_name: str, columns: Sequence[str] = ("tenant_id",)) -> None:
        self.model_name = model_name
        self.columns = tuple(columns)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Changes nothing that models know of."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        table = self._table(app_label, schema_editor, to_state)
        expression = policy_expression(self.columns)
        schema_editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        schema_editor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        schema_editor.execute(f"CREATE POLICY {POLICY} ON {table} USING ({expression}) WITH CHECK ({expression})")

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        table = self._table(app_label, schema_editor, from_state)
        schema_editor.execute(f"DROP POLICY {POLICY} ON {table}")
        schema_editor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        schema_editor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")

    def describe(self) -> str:
        return f"Enable row-level security on {self.model_name}"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (self.__class__.__name__, [self.model_name], {"columns": self.columns})

    def _table(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState) -> str:
        return schema_editor.quote_name(state.apps.get_model(app_label, self.model_name)._meta.db_table)
