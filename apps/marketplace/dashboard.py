"""What the marketplace puts on the dashboard: what was sold, what was bought."""

from __future__ import annotations

from django.db.models import Sum
from django.urls import reverse

from apps.core.dashboard import RECENT_SHOWN, Contribution, Figure, RecentItem, contributes
from apps.core.money import Money
from apps.marketplace import selectors
from apps.marketplace.policies import MarketplacePermission, table
from apps.marketplace.selectors.trades import licence_info, sale_info
from apps.marketplace.types import LicenceState
from apps.tenancy.types import Actor


@contributes
def trades(actor: Actor) -> Contribution:
    """Sales with their sum, licences that hold, and the latest of both."""
    if actor.is_guest:
        return Contribution()
    figures: list[Figure] = []
    recent: list[RecentItem] = []
    if table.allows(actor, MarketplacePermission.VIEW_SALES):
        sold = selectors.sales(actor)
        count = sold.count()
        if count:
            total = Money(sold.aggregate(total=Sum("price_minor"))["total"])
            figures.append(Figure("Sales", f"{count:,}", f"{total} together", reverse("marketplace:sales")))
        for row in sold[:RECENT_SHOWN]:
            info = sale_info(row)
            title = f"{row.listing.name}, to {row.buyer.name}"
            recent.append(RecentItem(title, reverse("marketplace:sales"), "Sale", "paid", info.sold_at))
    if table.allows(actor, MarketplacePermission.VIEW_LICENCES):
        bought = selectors.licences(actor)
        holding = bought.filter(state=LicenceState.ACTIVE).count()
        if holding:
            figures.append(Figure("Licences", f"{holding:,}", "bought and valid", reverse("marketplace:licences")))
        for licence in bought[:RECENT_SHOWN]:
            info_of = licence_info(licence)
            url = reverse("assets:asset", args=[licence.asset_id])
            recent.append(RecentItem(licence.asset_name, url, "Licence", info_of.state, info_of.starts_at))
    return Contribution(figures=tuple(figures), recent=tuple(recent))
