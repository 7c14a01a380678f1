"""Statements, and "why was I paid this?"."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from apps.accounts.access import actor_required
from apps.ledger import selectors
from apps.ledger.errors import StatementQueryInvalid
from apps.ledger.export import csv_lines
from apps.ledger.models import Account
from apps.ledger.queries import StatementQuery
from apps.ledger.types import amount_of
from apps.tenancy.actors import actor_of


@require_GET
@actor_required
@never_cache
def statements(request: HttpRequest, account_id: UUID | None = None) -> HttpResponseBase:
    """One account's statement, with the organisation's other accounts beside it."""
    actor = actor_of(request)
    problem = ""
    try:
        query = StatementQuery.read(request.GET)
    except StatementQueryInvalid as error:
        query, problem = StatementQuery(), error.message
    accounts = list(selectors.accounts(actor))
    account = selectors.account_of(actor, account_id) if account_id is not None else _busiest(accounts)
    context: dict[str, Any] = {
        "accounts": [(row, amount_of(row.posted, row.currency)) for row in accounts],
        "account": account,
        "query": query,
        "problem": problem,
    }
    if account is not None:
        page = selectors.account_statement(
            actor, account.id, before=query.before, limit=query.limit, since=query.since, until=query.until
        )
        context |= {
            "page": page,
            "next_url": query.link(cursor=page.next) if page.next is not None else None,
            "export_query": query.link(cursor=None),
            "available": amount_of(account.posted - account.held, account.currency),
            "held": amount_of(account.held, account.currency),
            "posted": amount_of(account.posted, account.currency),
        }
    return render(request, "ledger/statements.html", context, status=422 if problem else 200)


@require_GET
@actor_required
@never_cache
def export(request: HttpRequest, account_id: UUID) -> HttpResponseBase:
    """The statement as CSV, streamed."""
    query = StatementQuery.read(request.GET)
    lines = selectors.account_lines(actor_of(request), account_id, since=query.since, until=query.until)
    response = StreamingHttpResponse(csv_lines(lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="statement.csv"'
    return response


@require_GET
@actor_required
@never_cache
def transfer(request: HttpRequest, transfer_id: UUID) -> HttpResponseBase:
    """Why an amount was paid, and what became of it."""
    found = selectors.explanation(actor_of(request), transfer_id)
    return render(request, "ledger/transfer.html", {"explanation": found, "line": found.line})


def _busiest(accounts: list[Account]) -> Account | None:
    """What a statement is most likely wanted of: the account with the most transfers."""
    return max(accounts, key=lambda row: row.sequence, default=None)
