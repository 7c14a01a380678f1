"""Why a wallet's earnings have reached the organisation that linked it, in words."""

from __future__ import annotations

from uuid import UUID

from apps.assets.services.escrow import SOURCE
from apps.ledger.explanations import explains
from apps.ledger.types import Facts, SourceRef


@explains(SOURCE)
def escrow(source: SourceRef, organisation_id: UUID) -> Facts:
    """What a wallet had earned before anybody linked it."""
    return Facts((("Rule", "Your wallet held assets or shares before you linked it"), ("Wallet", source.id)))
