"""Errors of payouts."""

from __future__ import annotations

from datetime import datetime

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


class PayoutsFrozen(Conflict):
    """The platform's staff has stopped this organisation's withdrawals."""

    def __init__(self, reason: str) -> None:
        super().__init__("payouts_frozen", f"Withdrawals of this account are stopped: {reason}", reason=reason)


class WalletChanging(Conflict):
    """A change of the wallet waits; until then nothing is paid to either address."""

    def __init__(self, address: str, until: datetime) -> None:
        super().__init__(
            "wallet_changing",
            f"The wallet changes to {address} on {until:%d %B %Y at %H:%M} UTC. Withdraw after that, or cancel it.",
            address=address,
            effective_at=until.isoformat(),
        )


class DailyLimitReached(Conflict):
    """More than an organisation may withdraw within 24 hours."""

    def __init__(self, *, limit: Money, left: Money) -> None:
        message = f"At most {limit} can be withdrawn within 24 hours; {left} of it is left now."
        super().__init__(
            "daily_limit_reached",
            message,
            limit=limit.as_json(),
            left=left.as_json(),
            errors=[{"field": "amount", "message": message}],
        )


class PlatformLimitReached(Conflict):
    """More than the platform pays out within 24 hours."""

    def __init__(self) -> None:
        super().__init__(
            "platform_limit_reached",
            "The platform's limit of payouts within 24 hours is reached. Your money is safe; try again tomorrow.",
        )


class NotCancellable(Conflict):
    """The withdrawal is in a payout round, or has ended."""

    def __init__(self, state: str) -> None:
        super().__init__("not_cancellable", "This withdrawal is in a payout round already, or has ended.", state=state)


class NotAwaitingApproval(Conflict):
    """The withdrawal needs no decision (any more)."""

    def __init__(self, state: str) -> None:
        super().__init__("not_awaiting_approval", "This withdrawal waits for no approval.", state=state)


class NotIndependent(NotPermitted):
    """Whoever asked for the money, or belongs to its owners, cannot approve it."""

    def __init__(self) -> None:
        super().__init__(
            "approver_not_independent",
            "A withdrawal is approved by somebody else than its requester, who is no member of the organisation.",
        )


class DecidedAlready(Conflict):
    """This person has approved the withdrawal before; the second approval is another person's."""

    def __init__(self) -> None:
        super().__init__("decided_already", "You have decided on this already. The next approval is somebody else's.")


class ReasonMissing(InvalidInput):
    """The payee reads why; an empty reason tells nothing."""

    def __init__(self) -> None:
        message = "Say why, in a sentence that the payee can understand."
        super().__init__("reason_missing", message, errors=[{"field": "reason", "message": message}])


class FrozenAlready(Conflict):
    """The organisation's withdrawals are stopped already."""

    def __init__(self) -> None:
        super().__init__("payouts_frozen_already", "This account is frozen already.")


class NotFrozen(NotFound):
    """There is no stop to lift."""

    def __init__(self) -> None:
        super().__init__("payouts_not_frozen", "This account is not frozen.")


class AnotherRootInForce(Conflict):
    """The chain has a root that the platform did not publish last: somebody looks at it before money follows."""

    def __init__(self, *, found: str, expected: str) -> None:
        super().__init__(
            "another_root_in_force",
            "The distributor is under another root than the platform published last. "
            "The staff decides whether to go on from it.",
            found=found,
            expected=expected,
        )


class NothingToAdopt(Conflict):
    """Platform and chain agree on the root in force."""

    def __init__(self) -> None:
        super().__init__("nothing_to_adopt", "The root in force is the one that the platform published last.")


class NothingToRecover(Conflict):
    """Nothing of this payee has been unclaimed for long enough, or it is being taken back already."""

    def __init__(self, message: str) -> None:
        super().__init__("nothing_to_recover", message)
