"""What can go wrong with money in."""

from __future__ import annotations

from uuid import UUID

from apps.billing.types import LARGEST_TOP_UP, SMALLEST_TOP_UP
from apps.core.errors import Conflict, DependencyFailed, InvalidInput, NotFound
from apps.core.money import Money


class AmountOutOfRange(InvalidInput):
    """Too little or too much for one top-up."""

    def __init__(self) -> None:
        message = f"Give an amount from {Money(SMALLEST_TOP_UP)} to {Money(LARGEST_TOP_UP)}."
        super().__init__("amount_out_of_range", message, errors=[{"field": "amount_minor", "message": message}])


class TopUpNotFound(NotFound):
    """No such top-up in the organisation."""

    def __init__(self) -> None:
        super().__init__("top_up_not_found", "There is no such top-up here.")


class PaymentsUnavailable(DependencyFailed):
    """The processor did not answer, or refused our request."""

    def __init__(self) -> None:
        super().__init__(
            "payments_unavailable", "The payment service does not answer. Nothing was charged; try again in a minute."
        )


class PaymentMismatch(Conflict):
    """A payment that does not match the top-up it names: nothing is credited."""

    def __init__(self, top_up_id: UUID, *, what: str) -> None:
        super().__init__(
            "payment_mismatch", f"The payment's {what} differs from the top-up's.", top_up_id=str(top_up_id)
        )


class NothingToRefund(Conflict):
    """The top-up is unpaid, already refunded, or its money is spent."""

    def __init__(self, *, refundable: Money) -> None:
        super().__init__(
            "refund_too_large",
            f"At most {refundable} of this top-up can be refunded: the rest was refunded or spent.",
            refundable=refundable.as_json(),
        )


class SignatureRefused(Exception):
    """A webhook that the processor did not sign, or not lately. Not a domain error: nobody of ours made it."""
