"""Intents (an organisation's) and the chain's own tables (nobody's: nonces, signed bytes, blocks, events)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.ids import uuid7
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.onchain.types import IN_FLIGHT, REGISTRY_LANE, EventState, IntentState, TransactionState

ADDRESS_LENGTH = 42
HASH_LENGTH = 66


class ChainIntent(TenantOwned, TimeStamped):
    """The stored wish to call a contract; the bridge turns it into a transaction, in the order of `created_at`."""

    kind = models.CharField(max_length=60)
    contract = models.CharField(max_length=60)
    function = models.CharField(max_length=60)
    args = models.JSONField()
    idempotency_key = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=IntentState.choices, default=IntentState.QUEUED)
    reason = models.TextField(blank=True)
    tx_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    block_number = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "idempotency_key"], name="onchain_intent_key_once"),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="onchain_intent_queue", condition=Q(state="queued")),
            models.Index(fields=["tenant", "-id"], name="onchain_intent_of_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.contract}.{self.function} {self.state}"


class SignerLane(models.Model):
    """One account on one chain. Its row is locked to hand out a nonce: no nonce is given twice, none is left out."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.BigIntegerField()
    address = models.CharField(max_length=ADDRESS_LENGTH)
    next_nonce = models.BigIntegerField()
    name = models.CharField(max_length=20, default=REGISTRY_LANE)
    balance_wei = models.DecimalField(max_digits=78, decimal_places=0, null=True)
    problem = models.TextField(blank=True)
    problem_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain_id", "address"], name="onchain_lane_once"),
            models.CheckConstraint(condition=Q(next_nonce__gte=0), name="onchain_nonce_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.address} next {self.next_nonce}"


class ChainTransaction(TimeStamped):
    """A nonce that was used, and for what (nothing: a gap was filled). Its bytes are the attempts'."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    lane = models.ForeignKey(SignerLane, on_delete=models.PROTECT, related_name="transactions")
    nonce = models.BigIntegerField()
    intent = models.ForeignKey(ChainIntent, on_delete=models.PROTECT, related_name="transactions", null=True)
    to_address = models.CharField(max_length=ADDRESS_LENGTH)
    data = models.TextField()
    gas = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=TransactionState.choices, default=TransactionState.SENT)
    tx_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    block_number = models.BigIntegerField(null=True)
    block_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    gas_used = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lane", "nonce"],
                name="onchain_nonce_used_once",
                condition=~Q(state=TransactionState.LOST),
            ),
            models.UniqueConstraint(
                fields=["intent"],
                name="onchain_one_live_transaction_an_intent",
                condition=~Q(state=TransactionState.LOST),
            ),
        ]
        indexes = [
            models.Index(
                fields=["lane", "nonce"],
                name="onchain_in_flight",
                condition=Q(state__in=[str(state) for state in IN_FLIGHT]),
            ),
        ]

    def __str__(self) -> str:
        return f"nonce {self.nonce} {self.state}"


class TransactionAttempt(models.Model):
    """Signed bytes for a nonce, stored before they go out. Later attempts only raise the fee. Fees are wei per gas."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    transaction = models.ForeignKey(ChainTransaction, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()
    raw = models.BinaryField()
    tx_hash = models.CharField(max_length=HASH_LENGTH, unique=True)
    max_fee = models.DecimalField(max_digits=78, decimal_places=0)
    priority_fee = models.DecimalField(max_digits=78, decimal_places=0)
    signed_at_block = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["transaction", "number"], name="onchain_attempt_once"),
        ]

    def __str__(self) -> str:
        return self.tx_hash


class ChainContract(models.Model):
    """Where a contract of ours is, as the bridge found it; what web and workers know of addresses."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.BigIntegerField()
    name = models.CharField(max_length=60)
    address = models.CharField(max_length=ADDRESS_LENGTH)
    block = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain_id", "name"], name="onchain_contract_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.address}"


class ChainEvent(models.Model):
    """An event of one of our contracts in a given block."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.BigIntegerField()
    contract = models.CharField(max_length=60)
    address = models.CharField(max_length=ADDRESS_LENGTH)
    event = models.CharField(max_length=60)
    args = models.JSONField()
    block_number = models.BigIntegerField()
    block_hash = models.CharField(max_length=HASH_LENGTH)
    tx_hash = models.CharField(max_length=HASH_LENGTH)
    log_index = models.IntegerField()
    state = models.CharField(max_length=10, choices=EventState.choices, default=EventState.SEEN)
    seen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain_id", "block_hash", "log_index"], name="onchain_event_once"),
        ]
        indexes = [
            models.Index(fields=["chain_id", "block_number"], name="onchain_event_seen", condition=Q(state="seen")),
            models.Index(fields=["chain_id", "address", "event"], name="onchain_event_of_contract"),
        ]

    def __str__(self) -> str:
        return f"{self.contract}.{self.event} in {self.block_number}"


class ChainBlock(models.Model):
    """A block up to which events were read; its hash tells later whether the chain was reorganised below."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.BigIntegerField()
    number = models.BigIntegerField()
    hash = models.CharField(max_length=HASH_LENGTH)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain_id", "number"], name="onchain_block_once")]

    def __str__(self) -> str:
        return f"{self.number} {self.hash}"


class ChainCursor(models.Model):
    """How far a chain is read, and how its bridge is.

    Up to `verified_block` everything was read at depth and counts; up to before `next_block` it was read once.
    `head_at` is when the newest block was first seen.
    """

    chain_id = models.BigIntegerField(primary_key=True)
    next_block = models.BigIntegerField()
    verified_block = models.BigIntegerField(null=True)
    gaps_filled = models.BigIntegerField(default=0)
    head_block = models.BigIntegerField(null=True)
    head_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    head_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    healthy = models.BooleanField(default=False)
    message = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"chain {self.chain_id} from {self.next_block}"

    @property
    def first_unverified(self) -> int:
        """The first block that was not read at depth yet."""
        return 0 if self.verified_block is None else self.verified_block + 1


class ChainNode(models.Model):
    """A node that the bridge asks, as it last saw it; `label` is its address without credentials."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.BigIntegerField()
    label = models.CharField(max_length=200)
    head_block = models.BigIntegerField(null=True)
    lag = models.BigIntegerField(null=True)
    condition = models.CharField(max_length=10)
    message = models.TextField(blank=True)
    checked_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain_id", "label"], name="onchain_node_once")]

    def __str__(self) -> str:
        return f"{self.label} {self.condition}"


class ChainReconciliation(models.Model):
    """One comparison of the platform with the chain, item by item."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.BigIntegerField()
    block = models.BigIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    checks = models.JSONField()
    differences = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["chain_id", "-started_at"], name="onchain_reconciliation_latest")]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M} {len(self.differences)} differences"


class CustodialAddress(TenantOwned, TimeStamped):
    """The address that stands for an organisation without a wallet: an account that need not be deployed yet."""

    chain_id = models.BigIntegerField()
    factory = models.CharField(max_length=ADDRESS_LENGTH)
    address = models.CharField(max_length=ADDRESS_LENGTH)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "chain_id", "factory"], name="onchain_custodial_once"),
            models.UniqueConstraint(fields=["chain_id", "address"], name="onchain_custodial_address_once"),
        ]

    def __str__(self) -> str:
        return self.address


class AddressCheck(models.Model):
    """Whether there is code at an address: asked by web and workers, answered by the bridge."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.BigIntegerField()
    address = models.CharField(max_length=ADDRESS_LENGTH)
    requested_at = models.DateTimeField()
    has_code = models.BooleanField(null=True)
    checked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain_id", "address"], name="onchain_address_check_once")]
        indexes = [
            models.Index(fields=["chain_id"], name="onchain_address_to_check", condition=Q(checked_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.has_code}"
