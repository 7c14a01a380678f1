"""Who hears of a top-up's change."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apps.billing import selectors
from apps.core.live import topic


@topic("top-up")
def may_follow(actor: Any, top_up_id: UUID) -> bool:
    """Members of the organisation that pays."""
    return selectors.may_follow(actor, top_up_id)
