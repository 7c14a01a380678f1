"""Money in, and the books."""

from __future__ import annotations

from collections.abc import Iterator

from sahara.models import Balance, TopUp, Transfer, TrialBalance
from sahara.resources.base import Id, Resource


class BillingResource(Resource):
    """The prepaid balance."""

    def balance(self) -> Balance:
        """Posted, held and available."""
        return Balance.model_validate(self.transport.get("balance/"))

    def top_up(self, amount_minor: int, *, idempotency_key: str | None = None) -> TopUp:
        """Open a payment page; `checkout_url` is where the payment is made."""
        body = {"amount_minor": str(amount_minor)}
        return TopUp.model_validate(self.transport.post("top-ups/", body, idempotency_key=idempotency_key))

    def get_top_up(self, top_up_id: Id) -> TopUp:
        """One top-up."""
        return TopUp.model_validate(self.transport.get(f"top-ups/{top_up_id}/"))


class LedgerResource(Resource):
    """The organisation's books."""

    def transfers(self, *, kind: str | None = None, currency: str | None = None) -> Iterator[Transfer]:
        """Movements, newest first."""
        rows = self.transport.pages("ledger/transfers/", kind=kind, currency=currency)
        return (Transfer.model_validate(row) for row in rows)

    def trial_balance(self) -> TrialBalance:
        """The proof that the platform's books balance."""
        return TrialBalance.model_validate(self.transport.get("ledger/trial-balance/"))
