"""What can go wrong with money in."""

from __future__ import annotations

from uuid import UUID

from apps.billing.types import LARGEST_TOP_UP, SMALLEST_TOP_UP
from apps.core.errors import Conflict, DependencyFailed, InvalidInput, NotFound, PaymentRequired
from apps.core.money import Money
from apps.tenancy.limits import Limit


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


class PaymentDeclined(PaymentRequired):
    """The card's issuer refused, or wants its owner to confirm on a payment page."""

    def __init__(self, *, reason: str = "", processor_code: str = "") -> None:
        if processor_code == "authentication_required":
            super().__init__(
                "card_needs_confirmation",
                "The card's bank wants its owner to confirm. Nothing was charged: pay on the payment page instead.",
            )
            return
        reason = reason or "The card was declined."
        super().__init__("card_declined", f"{reason} Nothing was charged: try another card, or ask the card's bank.")


class CardNotFound(NotFound):
    """No such card is kept for the organisation."""

    def __init__(self) -> None:
        super().__init__("card_not_found", "There is no such card here.")


class NoSubscription(Conflict):
    """There is no subscription to change."""

    def __init__(self) -> None:
        super().__init__("no_subscription", "There is no paid plan to change. Choose one first.")


class AlreadySubscribed(Conflict):
    """The organisation has this plan."""

    def __init__(self, plan: str) -> None:
        super().__init__("already_subscribed", f"The organisation has the {plan} plan already.", plan=plan)


class PlanNotForSale(InvalidInput):
    """The plan is no paid plan."""

    def __init__(self) -> None:
        message = "Choose one of the paid plans. To return to the free one, cancel the plan."
        super().__init__("plan_not_for_sale", message, errors=[{"field": "plan", "message": message}])


class QuotaExceeded(PaymentRequired):
    """The plan does not allow more of something."""

    def __init__(self, *, limit: Limit, label: str, plan: str, used: str, allowed: str, more: str = "") -> None:
        super().__init__(
            "quota_exceeded",
            f"The {plan} plan allows {allowed} ({label.lower()}), and {used} is used. {more or 'Choose a larger plan'} "
            "at /billing/plan/.",
            limit=str(limit),
            used=used,
            allowed=allowed,
            plan=plan,
            plan_url="/billing/plan/",
        )


class MoneyOwed(PaymentRequired):
    """A disputed payment was spent already; spending stops until it is made up for."""

    def __init__(self, owed: Money) -> None:
        super().__init__(
            "money_owed",
            f"The organisation owes {owed}: a payment was taken back by the payer's bank after it had been spent. "
            "Top up at /billing/ to go on.",
            owed=owed.as_json(),
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
