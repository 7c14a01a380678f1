"""Who may follow a training run live."""

from __future__ import annotations

from uuid import UUID

from apps.core.errors import DomainError
from apps.core.live import topic
from apps.tenancy.types import Actor
from apps.training import selectors


@topic("training-run")
def may_follow(actor: Actor, run_id: UUID) -> bool:
    """Members of the organisation that started it."""
    try:
        selectors.training_run(actor, run_id)
    except DomainError:
        return False
    return True
