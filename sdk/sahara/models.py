"""What the platform answers, typed. Fields that a newer platform adds are kept as extra attributes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Money(Model):
    """An amount in minor units (cents)."""

    amount_minor: int
    currency: str = "USD"

    def __str__(self) -> str:
        sign = "-" if self.amount_minor < 0 else ""
        return f"{sign}{abs(self.amount_minor) // 100:,}.{abs(self.amount_minor) % 100:02d} {self.currency}"


class TokenAmount(Model):
    """An amount in raw units of a token (6 decimals)."""

    amount_raw: int
    token: str


class Me(Model):
    """Who the client acts as."""

    user_id: UUID | None
    organisation_id: UUID
    organisation: str
    role: str


class Organisation(Model):
    """An organisation of the caller's."""

    id: UUID
    name: str
    slug: str
    kind: str
    role: str | None = None


class ApiKey(Model):
    """A key; `secret` only when it was just made."""

    id: str
    name: str
    secret: str | None = None


class Balance(Model):
    """The prepaid balance."""

    posted: Money
    held: Money
    available: Money


class TopUp(Model):
    """A payment to the prepaid balance, made on the processor's page."""

    id: UUID
    amount: Money
    state: str
    checkout_url: str | None


class Quote(Model):
    """What an order costs at most."""

    items: int
    labels: int
    cost: Money
    fee: Money
    total: Money


class OrderProgress(Model):
    """How far an order is."""

    items: int
    items_settled: int
    labels_wanted: int
    labels_given: int
    percent: int
    accepted: int
    rejected: int
    pending: int
    annotators: int
    gold_seen: int
    gold_right: int
    spent: Money


class Order(Model):
    """An order for labels."""

    id: UUID
    title: str
    state: str
    items: int
    gold_items: int
    redundancy: int
    classes: list[dict[str, str]]
    quote: Quote
    progress: OrderProgress | None = None
    dataset_id: UUID | None
    dataset_version_id: UUID | None

    @property
    def class_names(self) -> list[str]:
        """The choices."""
        return [one["name"] for one in self.classes]


class Task(Model):
    """A task in hand."""

    id: UUID
    text: str
    expires_at: datetime


class WorkTotals(Model):
    """An annotator's answers and pay in an order."""

    submitted: int
    pending: int
    accepted: int
    rejected: int
    earned: Money


class LeaseBatch(Model):
    """Tasks lent; without any, `remaining` says whether to ask again."""

    tasks: list[Task]
    remaining: bool
    retry_after_s: int
    totals: WorkTotals


class Annotation(Model):
    """An answer and what became of it."""

    id: UUID
    order_id: UUID
    text: str
    label: str
    state: str
    rule: str
    reason: str
    amount: Money


class DatasetFile(Model):
    """A file of a dataset version."""

    format: str
    size: int
    sha256: str
    url: str


class DatasetContributor(Model):
    """Who made a dataset version."""

    organisation_id: UUID
    name: str
    role: str
    weight: int


class DatasetVersion(Model):
    """A released version of a dataset."""

    id: UUID
    dataset_id: UUID
    name: str
    number: int
    rows: int
    content_root: str
    classes: list[str]
    card: dict[str, Any]
    files: list[DatasetFile]
    contributors: list[DatasetContributor]


class Dataset(Model):
    """A dataset."""

    id: UUID
    name: str
    summary: str


class TrainingResult(Model):
    """Figures of a finished run: accuracy on held-out rows, from 0 to 1, before and after."""

    train_rows: int
    eval_rows: int
    accuracy_before: float
    accuracy_after: float
    majority_accuracy: float


class TrainingRun(Model):
    """A training run."""

    id: UUID
    name: str
    method: str
    state: str
    dataset_version_id: UUID
    phase: str
    percent: int
    seconds_left: float | None
    error_code: str
    error_message: str
    model_version_id: UUID | None
    result: TrainingResult | None = None


class ModelVersion(Model):
    """A model version; its id is its asset version's."""

    id: UUID
    asset_id: UUID
    name: str
    kind: str
    base: str
    classes: list[str]
    dataset_version_id: UUID


class KnowledgeBase(Model):
    """A knowledge base."""

    id: UUID
    asset_id: UUID
    name: str
    documents: int
    ready: int
    failed: int


class Document(Model):
    """A document on its way into a knowledge base."""

    id: UUID
    name: str
    kind: str
    state: str
    cause: str
    progress: int
    chunks: int


class Passage(Model):
    """A found passage."""

    chunk_id: UUID
    document: str
    page: int | None
    text: str
    score: float


class KnowledgeRelease(Model):
    """A frozen snapshot of a knowledge base."""

    id: UUID
    number: int
    asset_version_id: UUID
    content_root: str


class Agent(Model):
    """An agent with its draft."""

    id: UUID
    slug: str
    template: str
    state: str
    asset_id: UUID | None
    current_version: int | None
    config: dict[str, Any]


class AgentAnswer(Model):
    """An answer with its sources and what it cost."""

    text: str
    supported: bool
    sources: list[dict[str, Any]]
    classification: dict[str, Any] | None
    prompt_tokens: int
    completion_tokens: int


class PublishedAgent(Model):
    """A published version of an agent and where it answers."""

    id: UUID
    agent_id: UUID
    number: int
    asset_id: UUID
    asset_version_id: UUID
    slug: str
    url: str


class ChainProof(Model):
    """Where on chain a version is recorded."""

    state: str
    token_id: int
    tx_hash: str
    block_number: int | None
    failure: str


class AssetVersion(Model):
    """A released version of an asset."""

    id: UUID
    number: int
    content_root: str
    metadata_hash: str
    metadata: dict[str, Any]
    proof: ChainProof


class Asset(Model):
    """A dataset, model, knowledge base or agent in the registry."""

    id: UUID
    kind: str
    name: str
    token_id: int
    chain_state: str
    versions: list[AssetVersion] = Field(default_factory=list)


class LineageNode(Model):
    """A version in a provenance graph."""

    version_id: UUID
    asset_id: UUID
    kind: str
    name: str
    number: int
    owner_id: UUID
    owner_name: str
    contributors: int
    proof: ChainProof


class LineageEdge(Model):
    """`child` was built on `parent`."""

    child_id: UUID
    parent_id: UUID
    weight_bps: int


class Contributor(Model):
    """Who helped to make a version."""

    organisation_id: UUID
    organisation_name: str
    role: str
    weight: int
    version_id: UUID


class ShareLine(Model):
    """A part of the revenue, exact as numerator over denominator."""

    rule: str
    version_id: UUID
    asset_name: str
    party: str
    payees: int
    numerator: int
    denominator: int


class Lineage(Model):
    """Provenance and revenue split of a version."""

    root_id: UUID
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    contributors: list[Contributor]
    shares: list[ShareLine]


class Check(Model):
    """One comparison of a verification."""

    name: str
    expected: str
    found: str
    ok: bool


class Verification(Model):
    """A version's hashes, recomputed and compared."""

    version_id: UUID
    ok: bool
    checks: list[Check]


class Listing(Model):
    """An offer on the marketplace."""

    id: UUID
    asset_id: UUID
    seller_id: UUID
    kind: str
    name: str
    right: str
    price: Money
    period_days: int | None
    terms: str
    state: str


class Licence(Model):
    """A right that was bought."""

    id: UUID
    asset_id: UUID
    right: str
    price: Money
    expires_at: datetime | None
    state: str


class Purchase(Model):
    """What a purchase gave."""

    sale_id: UUID
    licence: Licence


class SaleLine(Model):
    """One payment out of a sale."""

    payee_id: UUID | None
    payee_name: str
    amount: Money
    rule: str
    role: str
    path: list[UUID]
    weight: str


class Sale(Model):
    """A sale with the split of its price."""

    id: UUID
    listing_id: UUID
    asset_id: UUID
    buyer_id: UUID
    price: Money
    fee: Money
    licence_id: UUID
    lines: list[SaleLine]


class Earnings(Model):
    """What can be withdrawn, is on its way, and was paid."""

    available: Money
    pending: Money
    withdrawn: Money
    minimum: Money
    wallet: str | None


class Withdrawal(Model):
    """A withdrawal."""

    id: UUID
    amount: Money
    tokens: TokenAmount
    address: str
    state: str
    epoch_id: UUID | None
    epoch: int | None
    tx_hash: str | None
    block_number: int | None
    claim_problem: str


class Epoch(Model):
    """A payout round: one Merkle root over all payees, published by one transaction."""

    id: UUID
    number: int
    state: str
    root: str
    payees: int
    added: TokenAmount
    tx_hash: str | None
    block_number: int | None


class Reconciliation(Model):
    """Ledger and chain compared, in raw token units."""

    agrees: bool
    ledger_payable_raw: int
    ledger_paid_out_raw: int
    published_on_chain_raw: int
    claimed_on_chain_raw: int
    differences: list[dict[str, str]]


class Transfer(Model):
    """A movement of money as the caller's organisation sees it."""

    id: UUID
    amount: dict[str, str]
    direction: str
    reason: str
    source: dict[str, Any]


class TrialBalance(Model):
    """The sum over all accounts by currency; 0 in a sound ledger."""

    sums: dict[str, int]
    accounts_that_differ_from_their_transfers: list[str]
