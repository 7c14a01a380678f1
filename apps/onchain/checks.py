"""The chain's part of /readyz, read from the bridge's heartbeat: the web process talks to no node."""

from __future__ import annotations

from apps.core.health import PartDown, check
from apps.onchain import selectors


@check("chain")
def chain() -> str:
    """The bridge runs and follows the chain's head."""
    status = selectors.chain_status()
    if not status.healthy:
        raise PartDown(status.message or "the bridge does not follow the chain")
    return f"block {status.head_block}"
