"""Errors of the ledger."""

from __future__ import annotations

from apps.core.errors import Conflict, InvalidInput, NotFound, PaymentRequired
from apps.core.money import Amount


class InsufficientFunds(PaymentRequired):
    """The account does not hold enough."""

    def __init__(self, *, needed: Amount, available: Amount) -> None:
        missing = needed - available
        super().__init__(
            "insufficient_funds",
            f"{needed} is needed and {available} is available: {missing} is missing.",
            needed=needed.as_json(),
            available=available.as_json(),
            missing=missing.as_json(),
            top_up_url="/billing/",
        )


class TransferKeyReused(Conflict):
    """The idempotency key was used for another transfer."""

    def __init__(self, key: str) -> None:
        super().__init__("transfer_key_reused", "This key was used for another transfer.", idempotency_key=key)


class HoldNotFound(NotFound):
    """No such hold."""

    def __init__(self) -> None:
        super().__init__("hold_not_found", "There is no such hold.")


class HoldExceeded(Conflict):
    """More than is still held was asked for."""

    def __init__(self, *, asked: Amount, still_held: Amount) -> None:
        super().__init__("hold_exceeded", f"{asked} was asked for, and only {still_held} is still held.")


class AccountNotFound(NotFound):
    """No such account in this organisation."""

    def __init__(self) -> None:
        super().__init__("account_not_found", "There is no such account.")


class TransferNotFound(NotFound):
    """No such transfer of this organisation."""

    def __init__(self) -> None:
        super().__init__("transfer_not_found", "There is no such transfer.")


class StatementQueryInvalid(InvalidInput):
    """A statement was asked for with a day or a place that cannot be read."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("statement_query_invalid", message, errors=[{"field": field, "message": message}])
