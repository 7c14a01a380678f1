"""What the bridge writes about itself, for the status that web and staff read: head, nodes, lanes, problems."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from apps.core import clock
from apps.onchain.models import ChainCursor, ChainNode, SignerLane
from chain_bridge.types import BlockRef, NodeState


def beat(chain_id: int, head: BlockRef | None, problems: Sequence[str], nodes: Sequence[NodeState]) -> None:
    """Tell that the bridge lives, where the chain is, and what is wrong.

    Args:
        head: the newest block; None when the chain could not be looked at.
        problems: one sentence each; none when all is well.
    """
    now = clock.now()
    changes = {"beat_at": now, "healthy": not problems, "message": "; ".join(problems)}
    cursor = ChainCursor.objects.filter(chain_id=chain_id)
    cursor.update(**changes)
    if head is not None:
        cursor.exclude(head_block=head.number, head_hash=head.hash).update(
            head_block=head.number, head_hash=head.hash, head_at=now
        )
    for node in nodes:
        ChainNode.objects.update_or_create(
            chain_id=chain_id,
            label=node.label,
            defaults={
                "head_block": node.head,
                "lag": node.lag,
                "condition": node.condition.value,
                "message": node.message,
                "checked_at": now,
            },
        )
    ChainNode.objects.filter(chain_id=chain_id).exclude(label__in=[node.label for node in nodes]).delete()


def halted_since(chain_id: int, head: BlockRef, after_s: float) -> datetime | None:
    """Since when the chain has no new block; None where that is not for longer than `after_s`."""
    row = ChainCursor.objects.filter(chain_id=chain_id, head_block=head.number, head_hash=head.hash).first()
    if row is None or row.head_at is None or clock.now() - row.head_at < timedelta(seconds=after_s):
        return None
    return row.head_at


def note_lane(lane: SignerLane, problem: str) -> None:
    """Keep what is wrong with a lane, and since when."""
    lane.problem_since = None if not problem else lane.problem_since or clock.now()
    lane.problem = problem
    lane.save(update_fields=["problem", "problem_since"])
