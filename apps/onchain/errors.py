"""Errors of the chain's side."""

from __future__ import annotations

from uuid import UUID

from apps.core.errors import Conflict, DependencyFailed, NotFound


class IntentNotFound(NotFound):
    """No such intent in this organisation."""

    def __init__(self, intent_id: UUID) -> None:
        super().__init__("intent_not_found", "There is no such transaction.", intent_id=str(intent_id))


class IntentKeyReused(Conflict):
    """The idempotency key was used for another transaction."""

    def __init__(self, key: str) -> None:
        super().__init__("intent_key_reused", "This key was used for another transaction.", idempotency_key=key)


class ChainNotReady(DependencyFailed):
    """The contracts are not deployed yet, or the bridge has not told where they are."""

    def __init__(self, contract: str) -> None:
        super().__init__("chain_not_ready", "The chain bridge is starting. Try again in a moment.", contract=contract)
