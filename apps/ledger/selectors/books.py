"""Reads of the ledger."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F, Q, QuerySet, Sum

from apps.core.tenant import all_tenants
from apps.ledger.errors import HoldNotFound
from apps.ledger.models import Account, Checkpoint, Commitment, Hold, Transfer
from apps.ledger.selectors.lines import line_of
from apps.ledger.types import (
    AccountKind,
    AccountRef,
    Balance,
    CheckpointInfo,
    HoldInfo,
    SourceRef,
    StatementLine,
    TransferInfo,
    amount_of,
)
from apps.tenancy.types import Actor


def balance(ref: AccountRef) -> Balance:
    """The balance of an account; zero where it does not exist yet."""
    with all_tenants(reason="a balance is read by the service that was asked for it"):
        row = (
            Account.objects.filter(
                tenant_id=ref.organisation_id, kind=ref.kind, currency=ref.currency, reference=ref.reference
            )
            .values_list("posted", "held")
            .first()
        )
    posted, held = row or (0, 0)
    return Balance(amount_of(posted, ref.currency), amount_of(held, ref.currency))


def accounts(actor: Actor) -> QuerySet[Account]:
    """The accounts of the actor's organisation."""
    return Account.objects.filter(tenant_id=actor.organisation_id).order_by("kind", "currency", "reference")


def transfers(actor: Actor, *, kind: AccountKind | None = None, currency: str | None = None) -> QuerySet[Transfer]:
    """The transfers of the actor's organisation, newest first, of one kind of account if given."""
    mine = Account.objects.filter(tenant_id=actor.organisation_id)
    if kind is not None:
        mine = mine.filter(kind=kind)
    if currency is not None:
        mine = mine.filter(currency=currency)
    ids = list(mine.values_list("id", flat=True))
    return Transfer.objects.filter(Q(debit_account_id__in=ids) | Q(credit_account_id__in=ids)).order_by("-id")


def statement_line(transfer: Transfer, organisation_id: UUID) -> StatementLine:
    """A transfer from the side of one of its organisations."""
    return line_of(transfer, incoming=transfer.credit_tenant_id == organisation_id)


def statement(
    actor: Actor, *, kind: AccountKind, currency: str, before: UUID | None = None, limit: int = 50
) -> list[StatementLine]:
    """A page of an account's transfers, newest first.

    Args:
        before: continue after the line with this id.
    """
    rows = transfers(actor, kind=kind, currency=currency)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [statement_line(row, actor.organisation_id) for row in rows[:limit]]


def transfers_of_source(source_type: str, source_id: str) -> list[TransferInfo]:
    """Every transfer that one cause has made, oldest first (all organisations)."""
    with all_tenants(reason="the money of one cause, on both sides"):
        rows = list(Transfer.objects.filter(source_type=source_type, source_id=source_id).order_by("id"))
    return [transfer_info(row) for row in rows]


def transfer_info(row: Transfer) -> TransferInfo:
    """A transfer's row as plain facts."""
    return TransferInfo(
        row.id,
        amount_of(row.amount, row.currency),
        row.reason,
        SourceRef(row.source_type, row.source_id, row.detail),
        row.created_at,
    )


def hold(hold_id: UUID) -> HoldInfo:
    """A hold. Raises HoldNotFound."""
    with all_tenants(reason="a hold is read by the service that placed it"):
        row = Hold.objects.select_related("account").filter(id=hold_id).first()
    if row is None:
        raise HoldNotFound
    return hold_info(row)


def hold_info(row: Hold) -> HoldInfo:
    """A hold's row as plain facts."""
    currency = row.account.currency
    return HoldInfo(
        row.id,
        amount_of(row.amount, currency),
        amount_of(row.captured, currency),
        amount_of(row.released, currency),
        row.expires_at,
    )


def checkpoint_info(row: Checkpoint) -> CheckpointInfo:
    """A checkpoint's row as plain facts, with what the chain says of it."""
    known = Commitment.objects.filter(number=row.number, head=bytes(row.digest)).order_by("-id").first()
    return CheckpointInfo(
        row.number,
        bytes(row.digest),
        row.accounts,
        row.created_at,
        known.tx_hash if known is not None else "",
        known.block_number if known is not None else None,
    )


def trial_balance() -> dict[str, int]:
    """The sum over all accounts by currency; every value is 0 in a sound ledger."""
    with all_tenants(reason="the trial balance sums every account"):
        rows = Account.objects.values("currency").annotate(total=Sum("posted")).order_by("currency")
        return {row["currency"]: int(row["total"]) for row in rows}


def replay_differences() -> list[tuple[UUID, int, int]]:
    """Replay the books: accounts whose stored balance differs from the sum of their transfers.

    Returns:
        (account id, stored units, replayed units); empty in a sound ledger.
    """
    with all_tenants(reason="replaying the books reads every transfer"):
        credits_in = dict(_sums("credit_account_id"))
        debits_out = dict(_sums("debit_account_id"))
        stored = Account.objects.values_list("id", "posted")
        return [
            (account_id, posted, replayed)
            for account_id, posted in stored
            if posted != (replayed := credits_in.get(account_id, 0) - debits_out.get(account_id, 0))
        ]


def _sums(column: str) -> list[tuple[UUID, int]]:
    rows = Transfer.objects.values(account=F(column)).annotate(total=Sum("amount"))
    return [(row["account"], int(row["total"])) for row in rows]


def references_with_money(organisation_id: UUID, kind: AccountKind, currency: str) -> list[str]:
    """The references of an organisation's accounts of one kind that are not empty, in order."""
    with all_tenants(reason="the caller keeps these accounts for others"):
        rows = Account.objects.filter(tenant_id=organisation_id, kind=kind, currency=currency, posted__gt=0)
        return list(rows.order_by("reference").values_list("reference", flat=True))


def total(kind: AccountKind, currency: str) -> int:
    """The sum of all accounts of one kind, in units (reconciliation)."""
    with all_tenants(reason="reconciliation sums every organisation's accounts"):
        found = Account.objects.filter(kind=kind, currency=currency).aggregate(total=Sum("posted"))
    return int(found["total"] or 0)
