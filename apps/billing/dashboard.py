"""What billing shows on the dashboard."""

from __future__ import annotations

from apps.billing import policies, selectors
from apps.billing.policies import BillingPermission
from apps.billing.types import TopUpState
from apps.core.dashboard import Contribution, Figure, contributes
from apps.tenancy.types import Actor


@contributes
def board(actor: Actor) -> Contribution:
    """The prepaid balance, for organisations that have used one."""
    if not policies.table.allows(actor, BillingPermission.VIEW) or actor.is_guest:
        return Contribution()
    topped_up = selectors.top_ups(actor).filter(state=TopUpState.PAID).exists()
    balance = selectors.balance(actor)
    if not topped_up and not balance.posted:
        return Contribution()
    hint = f"{balance.held} held for open orders" if balance.held else ""
    figure = Figure("Prepaid balance", str(balance.available), hint, "/billing/")
    return Contribution(figures=(figure,), done=frozenset({"topped_up"} if topped_up else ()))
