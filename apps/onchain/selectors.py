"""Reads of intents, contracts, events and the bridge's state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Max, QuerySet

from apps.core import clock
from apps.core.tenant import all_tenants
from apps.onchain.errors import ChainNotReady, IntentNotFound
from apps.onchain.models import (
    AddressCheck,
    ChainContract,
    ChainCursor,
    ChainEvent,
    ChainIntent,
    ChainNode,
    ChainReconciliation,
    ChainTransaction,
    SignerLane,
    TransactionAttempt,
)
from apps.onchain.types import (
    CUSTODY,
    IN_FLIGHT,
    PAYOUTS_CONTRACTS,
    PAYOUTS_LANE,
    AddressCheckInfo,
    ChainStatus,
    DistributorState,
    EventState,
    IntentInfo,
    IntentState,
    LaneStatus,
    NodeStatus,
    ReconciliationInfo,
)
from apps.tenancy.types import Actor

NO_ROOT = "0x" + "00" * 32
#: After this long without a heartbeat the bridge is taken for dead.
HEARTBEAT_LIMIT = timedelta(seconds=20)


def chain_id() -> int:
    """The chain that the platform is configured for."""
    configured: Any = settings.CHAIN["chain_id"]
    return int(configured)


def confirmations() -> int:
    """How deep a chain fact must lie before it counts."""
    configured: Any = settings.CHAIN["confirmations"]
    return int(configured)


def intent(intent_id: UUID) -> IntentInfo:
    """An intent of the running tenant. Raises IntentNotFound."""
    row = ChainIntent.objects.filter(id=intent_id).first()
    if row is None:
        raise IntentNotFound(intent_id)
    return intent_info(row)


def intents(intent_ids: Sequence[UUID]) -> dict[UUID, IntentInfo]:
    """Intents of the running tenant by id."""
    return {row.id: intent_info(row) for row in ChainIntent.objects.filter(id__in=intent_ids)}


def intents_of(actor: Actor) -> QuerySet[ChainIntent]:
    """All intents of the actor's organisation."""
    return ChainIntent.objects.filter(tenant_id=actor.organisation_id)


def intent_info(row: ChainIntent) -> IntentInfo:
    """An intent's row as plain facts."""
    return IntentInfo(
        id=row.id,
        organisation_id=row.tenant_id,
        kind=row.kind,
        contract=row.contract,
        function=row.function,
        idempotency_key=row.idempotency_key,
        state=IntentState(row.state),
        reason=row.reason,
        tx_hash=row.tx_hash or None,
        block_number=row.block_number,
        created_at=row.created_at,
    )


def contract_address(name: str) -> str:
    """Address of a contract of ours. Raises ChainNotReady while the bridge has not told it."""
    found = ChainContract.objects.filter(chain_id=chain_id(), name=name).values_list("address", flat=True).first()
    if found is None:
        raise ChainNotReady(name)
    return found


def contract_addresses() -> dict[str, str]:
    """Addresses of all contracts of ours by name; empty before the bridge ran."""
    return dict(ChainContract.objects.filter(chain_id=chain_id()).order_by("name").values_list("name", "address"))


def custody_address() -> str:
    """What stands in an intent's arguments for the platform's own account."""
    return CUSTODY


def chain_status() -> ChainStatus:
    """How the bridge is, from its heartbeat."""
    row = ChainCursor.objects.filter(chain_id=chain_id()).first()
    with all_tenants(reason="the bridge's queue is every organisation's"):
        queued = ChainIntent.objects.filter(state=IntentState.QUEUED).count()
    in_flight = ChainTransaction.objects.filter(lane__chain_id=chain_id(), state__in=IN_FLIGHT).count()
    alive = row is not None and row.beat_at is not None and clock.now() - row.beat_at < HEARTBEAT_LIMIT
    message = "" if row is None else row.message
    if not alive:
        message = f"the bridge is not running: no heartbeat for {HEARTBEAT_LIMIT.seconds} s"
    return ChainStatus(
        chain_id=chain_id(),
        healthy=alive and row is not None and row.healthy,
        message=message,
        head_block=row.head_block if row is not None else None,
        indexed_block=row.next_block - 1 if row is not None else None,
        verified_block=row.verified_block if row is not None else None,
        gaps_filled=row.gaps_filled if row is not None else 0,
        head_at=row.head_at if row is not None else None,
        confirmations=confirmations(),
        queued=queued,
        in_flight=in_flight,
        beat_at=row.beat_at if row is not None else None,
    )


def lanes() -> list[LaneStatus]:
    """The signers and how each gets on."""
    return [_lane_status(row) for row in SignerLane.objects.filter(chain_id=chain_id()).order_by("name", "address")]


def _lane_status(row: SignerLane) -> LaneStatus:
    under_way = row.transactions.filter(state__in=IN_FLIGHT)
    with all_tenants(reason="a signer's queue is every organisation's"):
        queue = ChainIntent.objects.filter(state=IntentState.QUEUED)
        pays_out = SignerLane.objects.filter(chain_id=row.chain_id, name=PAYOUTS_LANE).exists()
        if row.name == PAYOUTS_LANE:
            queue = queue.filter(contract__in=PAYOUTS_CONTRACTS)
        elif pays_out:
            queue = queue.exclude(contract__in=PAYOUTS_CONTRACTS)
        queued = queue.count()
    highest = TransactionAttempt.objects.filter(transaction__in=under_way).aggregate(fee=Max("max_fee"))["fee"]
    return LaneStatus(
        name=row.name,
        address=row.address,
        next_nonce=row.next_nonce,
        queued=queued,
        in_flight=under_way.count(),
        balance_wei=int(row.balance_wei) if row.balance_wei is not None else None,
        highest_fee_wei=int(highest) if highest is not None else None,
        problem=row.problem,
        problem_since=row.problem_since,
    )


def nodes() -> list[NodeStatus]:
    """The nodes that the bridge asks, as it last saw them."""
    return [
        NodeStatus(row.label, row.head_block, row.lag, row.condition, row.message, row.checked_at)
        for row in ChainNode.objects.filter(chain_id=chain_id()).order_by("label")
    ]


def latest_reconciliation() -> ReconciliationInfo | None:
    """The newest comparison of platform and chain, or None before the first."""
    row = ChainReconciliation.objects.filter(chain_id=chain_id()).order_by("-started_at").first()
    return reconciliation_info(row) if row is not None else None


def reconciliation_info(row: ChainReconciliation) -> ReconciliationInfo:
    """A comparison's row as plain facts."""
    return ReconciliationInfo(row.started_at, row.finished_at, row.block, row.checks, row.differences)


def address_check(address: str) -> AddressCheckInfo | None:
    """What the bridge found at an address (with its checksum); None when nobody has asked."""
    row = AddressCheck.objects.filter(chain_id=chain_id(), address=address).first()
    return address_check_info(row) if row is not None else None


def address_check_info(row: AddressCheck) -> AddressCheckInfo:
    """An address check's row as plain facts."""
    return AddressCheckInfo(row.address, row.has_code, row.checked_at)


def confirmed_events(address: str, event: str, *, chain_id: int) -> list[dict[str, Any]]:
    """Arguments of the confirmed events of a contract, in chain order."""
    rows = ChainEvent.objects.filter(chain_id=chain_id, address=address, event=event, state=EventState.CONFIRMED)
    return list(rows.order_by("block_number", "log_index").values_list("args", flat=True))


def event_counts(*, address: str, tx_hash: str, block_number: int, log_index: int) -> bool:
    """Whether an event is on the chain, deep enough, as of now: what handlers ask, whose news may come in any order."""
    return ChainEvent.objects.filter(
        chain_id=chain_id(),
        address=address,
        tx_hash=tx_hash,
        block_number=block_number,
        log_index=log_index,
        state=EventState.CONFIRMED,
    ).exists()


def distributor_state(address: str, *, chain_id: int) -> DistributorState:
    """What the confirmed events of a distributor add up to."""
    published = confirmed_events(address, "RootPublished", chain_id=chain_id)
    claims = confirmed_events(address, "Claimed", chain_id=chain_id)
    by_payee: dict[str, int] = {}
    for claim in claims:
        by_payee[claim["payee"]] = by_payee.get(claim["payee"], 0) + int(claim["amount"])
    return DistributorState(
        address=address,
        epoch=len(published),
        root=published[-1]["root"] if published else NO_ROOT,
        published=sum(int(epoch["amount"]) for epoch in published),
        claimed=sum(by_payee.values()),
        claimed_by_payee=by_payee,
    )


def confirmed_logs(address: str, event: str, *, chain_id: int, **args: str) -> list[tuple[dict[str, Any], str, int]]:
    """Confirmed events of a contract with the given arguments: (arguments, transaction, block), in chain order."""
    rows = ChainEvent.objects.filter(
        chain_id=chain_id,
        address=address,
        event=event,
        state=EventState.CONFIRMED,
        **{f"args__{name}": value for name, value in args.items()},
    )
    return list(rows.order_by("block_number", "log_index").values_list("args", "tx_hash", "block_number"))
