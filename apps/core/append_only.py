"""Triggers for tables that only grow."""

from __future__ import annotations

import pgtrigger


def never_truncated(name: str) -> pgtrigger.Trigger:
    """Refuses TRUNCATE, which row-level triggers do not see."""
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func="RAISE EXCEPTION 'rows of % are kept', TG_TABLE_NAME;",
    )
