"""Proving the ledger from its rows alone: nothing here trusts a trigger, a stored digest or a stored balance."""

from apps.ledger.verification.report import Finding, Tally
from apps.ledger.verification.run import read_only_connection, verify

__all__ = ["Finding", "Tally", "read_only_connection", "verify"]
