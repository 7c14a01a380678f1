"""Reads of the ledger."""

from apps.ledger.selectors.books import (
    accounts,
    balance,
    checkpoint_info,
    hold,
    hold_info,
    references_with_money,
    replay_differences,
    statement,
    statement_line,
    total,
    transfer_info,
    transfers,
    transfers_of_source,
    trial_balance,
)
from apps.ledger.selectors.causes import causes, explanation, uses
from apps.ledger.selectors.statements import account_lines, account_of, account_statement

__all__ = [
    "account_lines",
    "account_of",
    "account_statement",
    "accounts",
    "balance",
    "causes",
    "checkpoint_info",
    "explanation",
    "hold",
    "hold_info",
    "references_with_money",
    "replay_differences",
    "statement",
    "statement_line",
    "total",
    "transfer_info",
    "transfers",
    "transfers_of_source",
    "trial_balance",
    "uses",
]
