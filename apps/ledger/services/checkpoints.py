"""Checkpoints: all chains' ends under one digest, told to the public chain, so that even a rewritten ledger shows."""

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction

from apps.core.tenant import all_tenants
from apps.ledger.digests import NO_DIGEST, checkpoint_digest
from apps.ledger.models import Checkpoint, CheckpointHead, Commitment
from apps.ledger.selectors import checkpoint_info
from apps.ledger.types import CheckpointInfo
from apps.onchain import selectors as chain
from apps.onchain import services as onchain
from apps.tenancy.types import PLATFORM_ID

ANCHOR = "LedgerAnchor"
COMMIT_KIND = "ledger.checkpoint"
#: Any number that nothing else locks: checkpoints are made one at a time.
ADVISORY_LOCK = 7_341_900_211

CHANGED = """
    SELECT account.id, account.sequence, account.head
    FROM ledger_account account
    LEFT JOIN LATERAL (
        SELECT sequence FROM ledger_checkpointhead WHERE account_id = account.id ORDER BY checkpoint_id DESC LIMIT 1
    ) last ON true
    WHERE account.sequence > coalesce(last.sequence, 0)
    ORDER BY account.id
"""


@transaction.atomic
def make_checkpoint() -> CheckpointInfo | None:
    """Digest the heads of all accounts that changed, and ask for the digest's place on chain.

    Cheap where nothing changed: the last checkpoint stands. Without the anchor contract nothing is asked for; the
    first checkpoint after its deployment commits to all before it.

    Returns:
        The newest checkpoint; None for a ledger without transfers.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (ADVISORY_LOCK,))
    last = Checkpoint.objects.order_by("-number").first()
    with all_tenants(reason="a checkpoint covers every account"), connection.cursor() as cursor:
        cursor.execute(CHANGED)
        heads: list[tuple[UUID, int, bytes]] = cursor.fetchall()
    if heads:
        last = _create(last, heads)
    if last is None:
        return None
    if ANCHOR in chain.contract_addresses():
        onchain.request_transaction(
            organisation_id=PLATFORM_ID,
            kind=COMMIT_KIND,
            contract=ANCHOR,
            function="commit",
            args=[str(last.number), "0x" + bytes(last.digest).hex()],
            idempotency_key=f"{COMMIT_KIND}:{chain.chain_id()}:{last.number}",
        )
    return checkpoint_info(last)


def _create(last: Checkpoint | None, heads: list[tuple[UUID, int, bytes]]) -> Checkpoint:
    number = last.number + 1 if last is not None else 1
    previous = bytes(last.digest) if last is not None else NO_DIGEST
    made = Checkpoint.objects.create(
        number=number,
        previous=previous,
        accounts=len(heads),
        digest=checkpoint_digest(number=number, previous=previous, heads=heads),
    )
    CheckpointHead.objects.bulk_create(
        (
            CheckpointHead(checkpoint=made, account_id=account_id, sequence=sequence, head=head)
            for account_id, sequence, head in heads
        ),
        batch_size=1000,
    )
    return made


def record_commitment(*, contract: str, number: int, head: bytes, tx_hash: str, block_number: int) -> None:
    """Keep what the chain says of a checkpoint; `verify_ledger` compares. Repeats change nothing.

    Args:
        contract: address of the anchor contract.
    """
    Commitment.objects.get_or_create(
        chain_id=chain.chain_id(),
        contract=contract,
        number=number,
        defaults={"head": head, "tx_hash": tx_hash, "block_number": block_number},
    )
