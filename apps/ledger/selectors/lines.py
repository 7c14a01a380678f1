"""A transfer as one of its sides may read it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apps.ledger.models import Transfer
from apps.ledger.types import SourceRef, StatementLine, amount_of

#: Whose work an asset was made of is known to its owner and to themselves. Who buys it pays all of them in one
#: purchase and is told no more than that: neither their names nor their parts of the work.
CONTRIBUTOR = "contributor"
CONTRIBUTORS = "contributors"
TOLD_TO_PAYER = ("asset", "asset_name", "price")


def line_of(row: Transfer, *, incoming: bool, **more: Any) -> StatementLine:
    """A transfer from its credited (incoming) or its debited side; `more` is what a statement adds."""
    source = SourceRef(row.source_type, row.source_id, row.detail)
    counterparty_id: UUID | None = row.debit_tenant_id if incoming else row.credit_tenant_id
    counterparty = ""
    if not incoming and row.detail.get("rule") == CONTRIBUTOR:
        told = {name: row.detail[name] for name in TOLD_TO_PAYER if name in row.detail}
        source = SourceRef(row.source_type, row.source_id, told | {"rule": CONTRIBUTORS})
        asset_name = row.detail.get("asset_name")
        counterparty_id, counterparty = None, f"Contributors of {asset_name}" if asset_name else "Contributors"
    return StatementLine(
        id=row.id,
        amount=amount_of(row.amount, row.currency),
        incoming=incoming,
        reason=row.reason,
        source=source,
        counterparty_id=counterparty_id,
        counterparty=counterparty,
        created_at=row.created_at,
        **more,
    )
