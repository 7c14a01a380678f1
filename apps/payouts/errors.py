"""Errors of payouts."""

from __future__ import annotations

from apps.core.errors import Conflict, InvalidInput, NotFound, NotPermitted
from apps.core.money import Amount, Money


class WithdrawalBelowMinimum(InvalidInput):
    """The amount is smaller than a payout may be."""

    def __init__(self, minimum: Money) -> None:
        message = f"A withdrawal is at least {minimum}."
        super().__init__(
            "withdrawal_below_minimum",
            message,
            minimum=minimum.as_json(),
            errors=[{"field": "amount", "message": message}],
        )


class WithdrawalAboveBalance(InvalidInput):
    """More than is there was asked for."""

    def __init__(self, *, asked: Money, available: Amount) -> None:
        message = f"You asked for {asked}, and {available} is available."
        super().__init__(
            "withdrawal_above_balance",
            message,
            available=available.as_json(),
            errors=[{"field": "amount", "message": message}],
        )


class WalletMissing(Conflict):
    """There is no address to pay to."""

    def __init__(self) -> None:
        super().__init__("wallet_missing", "Set a wallet address first: that is where the money goes.")


class GuestCannotWithdraw(NotPermitted):
    """A guest has no account that the money could be kept for."""

    def __init__(self) -> None:
        super().__init__("sign_up_to_withdraw", "Sign up to withdraw. What you earned as a guest stays yours.")


class WithdrawalNotFound(NotFound):
    """No such withdrawal in this organisation."""

    def __init__(self) -> None:
        super().__init__("withdrawal_not_found", "There is no such withdrawal.")


class EpochNotFound(NotFound):
    """No such epoch."""

    def __init__(self) -> None:
        super().__init__("epoch_not_found", "There is no such payout round.")


class NotClaimable(Conflict):
    """The withdrawal's state does not allow a claim or a proof."""

    def __init__(self, message: str, *, state: str) -> None:
        super().__init__("not_claimable", message, state=state)


class EpochUnderWay(Conflict):
    """A payout round is being published; only one can be at a time."""

    def __init__(self, number: int) -> None:
        super().__init__(
            "epoch_under_way",
            f"Payout round {number} is being published. Try again when it is confirmed, in about a minute.",
            epoch=number,
        )


class StaffOnly(NotPermitted):
    """Only the platform's own people may do this."""

    def __init__(self) -> None:
        super().__init__("staff_only", "Only the platform's staff can publish a payout round by hand.")
