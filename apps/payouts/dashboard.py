"""What payouts put on the dashboard."""

from __future__ import annotations

from apps.core.dashboard import Contribution, Figure, contributes
from apps.payouts import selectors
from apps.tenancy.types import Actor


@contributes
def earnings(actor: Actor) -> Contribution:
    """What can be withdrawn, and whether there is a wallet for it."""
    summary = selectors.earnings_summary(actor)
    figure = Figure("Earnings", str(summary.available), f"{summary.pending} on its way to the wallet", "/earnings/")
    shown = bool(summary.available) or bool(summary.pending) or bool(summary.withdrawn)
    return Contribution(
        figures=(figure,) if shown else (), done=frozenset({"wallet"}) if summary.wallet is not None else frozenset()
    )
