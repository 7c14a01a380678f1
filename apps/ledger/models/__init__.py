"""The ledger's tables."""

from apps.ledger.models.accounts import Account, Hold
from apps.ledger.models.checkpoints import Checkpoint, CheckpointHead, Commitment
from apps.ledger.models.transfers import Transfer

__all__ = ["Account", "Checkpoint", "CheckpointHead", "Commitment", "Hold", "Transfer"]
