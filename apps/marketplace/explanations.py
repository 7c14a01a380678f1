"""Why the marketplace has paid somebody, in words."""

from __future__ import annotations

from uuid import UUID

from apps.assets.types import ShareRule
from apps.core.money import Money
from apps.ledger.explanations import explains, readable
from apps.ledger.types import Facts, SourceRef
from apps.marketplace.services.purchases import SOURCE as SALE
from apps.marketplace.services.trades import SOURCE as TRADE

RULES = {
    ShareRule.OWNER.value: "You own it, or a part of what it was built from",
    ShareRule.CONTRIBUTOR.value: "You helped to make it, or a part of what it was built from",
    ShareRule.SHAREHOLDER.value: "You hold shares of it, or of a part of what it was built from",
    "contributors": "The part of those who helped to make it, or what it was built from",
    "fee": "The platform's fee",
}


@explains(SALE)
def sale(source: SourceRef, organisation_id: UUID) -> Facts:
    """A licence was sold: by which rule its price reached the payee, and along how many steps of provenance."""
    detail = dict(source.detail)
    detail["rule"] = RULES.get(str(detail.get("rule")), detail.get("rule"))
    steps = len(detail.get("path", [])) - 1
    route = (("Steps up the provenance", str(steps)),) if steps > 0 else ()
    return Facts((*readable(detail), *route), f"/assets/{detail['asset']}/" if "asset" in detail else "")


@explains(TRADE)
def share_trade(source: SourceRef, organisation_id: UUID) -> Facts:
    """Shares changed hands."""
    detail = source.detail
    lines = [("Shares", str(detail["units"]))] if "units" in detail else []
    if "price" in detail:
        price = detail["price"]
        lines.append(("Price of them together", str(Money(int(price["amount_minor"]), price["currency"]))))
    return Facts(tuple(lines), f"/marketplace/assets/{detail['asset']}/shares/" if "asset" in detail else "")
