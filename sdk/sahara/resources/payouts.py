"""Money out: earnings, withdrawals, payout rounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sahara.models import Earnings, Epoch, Reconciliation, Withdrawal
from sahara.resources.base import Id, Resource
from sahara.waiting import wait_for


class PayoutsResource(Resource):
    """From earnings to the wallet."""

    def earnings(self) -> Earnings:
        """What can be withdrawn, is on its way, and was paid."""
        return Earnings.model_validate(self.transport.get("earnings/"))

    def withdraw(self, amount_minor: int, *, idempotency_key: str | None = None) -> Withdrawal:
        """Pay earnings out to the wallet with the next payout round."""
        body = {"amount_minor": amount_minor}
        return Withdrawal.model_validate(self.transport.post("withdrawals/", body, idempotency_key=idempotency_key))

    def get(self, withdrawal_id: Id) -> Withdrawal:
        """One withdrawal."""
        return Withdrawal.model_validate(self.transport.get(f"withdrawals/{withdrawal_id}/"))

    def list(self) -> Iterator[Withdrawal]:
        """The organisation's withdrawals, newest first."""
        return (Withdrawal.model_validate(row) for row in self.transport.pages("withdrawals/"))

    def proof(self, withdrawal_id: Id) -> dict[str, Any]:
        """The Merkle proof with which anyone can have the withdrawal paid on chain."""
        proof: dict[str, Any] = self.transport.get(f"withdrawals/{withdrawal_id}/proof/")
        return proof

    def wait_until_claimed(self, withdrawal_id: Id, *, timeout_s: float = 300) -> Withdrawal:
        """Wait until the chain has paid."""
        return wait_for(
            lambda: self.get(withdrawal_id),
            lambda withdrawal: withdrawal.state == "claimed",
            timeout_s=timeout_s,
            what=f"the payment of withdrawal {withdrawal_id}",
        )

    def epochs(self) -> Iterator[Epoch]:
        """Payout rounds, newest first."""
        return (Epoch.model_validate(row) for row in self.transport.pages("epochs/"))

    def reconciliation(self) -> Reconciliation:
        """Ledger and chain compared to the unit."""
        return Reconciliation.model_validate(self.transport.get("payouts/reconciliation/"))
