"""What the labelling room puts on the dashboard and on the landing page."""

from __future__ import annotations

from apps.core.dashboard import RECENT_SHOWN, Contribution, Figure, RecentItem, contributes, public_figure
from apps.labeling.selectors import orders, work
from apps.tenancy.types import Actor


@contributes
def board(actor: Actor) -> Contribution:
    """The organisation's latest orders, and what its own answers came to."""
    rows = list(orders.orders(actor)[:RECENT_SHOWN])
    totals = work.my_totals(actor)
    answered = totals.pending + totals.accepted + totals.rejected
    figures = (Figure("Accepted answers", str(totals.accepted), f"{totals.pending} under review", "/work/mine/"),)
    done = {"ordered"} if rows else set()
    return Contribution(
        figures=figures if answered else (),
        recent=tuple(RecentItem(row.title, f"/orders/{row.id}/", "Order", row.state, row.created_at) for row in rows),
        done=frozenset(done | ({"labelled"} if answered else set())),
    )


@public_figure
def open_work() -> Figure | None:
    """How many paid answers are wanted now, and what one pays."""
    entries = work.board()
    wanted = sum(entry.open_labels for entry in entries)
    if not wanted:
        return None
    best = max(entry.price for entry in entries)
    return Figure("Paid answers wanted now", f"{wanted:,}", f"up to {best} each", "/work/")
