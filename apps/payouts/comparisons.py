"""What payouts store, compared with the chain item by item (`manage.py reconcile_chain`)."""

from __future__ import annotations

from collections.abc import Iterator

from apps.onchain.comparison import ChainReader, comparison
from apps.payouts.models import Epoch
from apps.payouts.tree import settled_amounts
from apps.payouts.types import EpochState

CONTRACT = "PayoutDistributor"


@comparison("payouts.root")
def roots(reader: ChainReader) -> Iterator[str]:
    """The root in force is that of the newest published round."""
    distributor = reader.address(CONTRACT)
    published = Epoch.objects.filter(chain_id=reader.chain_id, distributor=distributor, state=EpochState.PUBLISHED)
    newest = published.order_by("-number").first()
    found = reader.read(CONTRACT, "root")[0]
    if newest is not None and found != newest.root:
        yield f"the distributor is under the root {found}, round {newest.number} published {newest.root}"


@comparison("payouts.claims")
def claims(reader: ChainReader) -> Iterator[str]:
    """Each payee has been paid on chain what the books say, to the unit; what was taken back counts as paid there."""
    amounts = settled_amounts(chain_id=reader.chain_id, distributor=reader.address(CONTRACT))
    for payee, booked in sorted(amounts.items()):
        found = int(reader.read(CONTRACT, "claimed", payee)[0])
        if found != booked:
            yield f"{payee} was paid {found} by the distributor, the books say {booked}"
