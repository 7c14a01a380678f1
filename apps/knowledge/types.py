"""Words and values of the knowledge app: document states, blocks, chunks and passages."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

EMBEDDING_DIMENSIONS = 384
MAX_DOCUMENT_BYTES = 20 * 1024 * 1024
MAX_DOCUMENTS_PER_UPLOAD = 20
MAX_QUERY_CHARACTERS = 2000
MAX_RECORDS_BYTES = 1024 * 1024 * 1024
ACCEPTED_ENDINGS = (
    *(".pdf", ".docx", ".pptx", ".xlsx", ".xls", ".xlsb", ".ods", ".odt", ".odp", ".csv", ".tsv", ".html", ".htm"),
    *(".xhtml", ".xml", ".md", ".markdown", ".txt", ".text", ".epub", ".eml", ".msg", ".ipynb", ".json", ".jsonl"),
    ".rtf",
)
"""What the file dialog offers; what a file is, its bytes tell."""


class KnowledgePermission(StrEnum):
    """What may be done with knowledge bases; roles are mapped to these in `policies`."""

    VIEW = "knowledge:base:view"
    CREATE = "knowledge:base:create"
    UPLOAD = "knowledge:document:add"
    REMOVE = "knowledge:document:remove"
    RELEASE = "knowledge:base:release"
    EDIT = "knowledge:chunk:edit"
    SET_PRIVACY = "knowledge:base:privacy"


class DocumentState(StrEnum):
    """Where a document stands on its way into the index."""

    QUEUED = "queued"
    READING = "reading"
    EMBEDDING = "embedding"
    READY = "ready"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """True once nothing more will happen without the user."""
        return self in (DocumentState.READY, DocumentState.FAILED)


class FileKind(StrEnum):
    """What the bytes of a file are, whatever its name says."""

    TEXT = "text"
    MARKDOWN = "markdown"
    TABLE = "table"
    HTML = "html"
    XML = "xml"
    JSON = "json"
    NOTEBOOK = "notebook"
    PDF = "pdf"
    DOCX = "docx"
    PPTX = "pptx"
    SPREADSHEET = "spreadsheet"
    EPUB = "epub"
    OPEN_DOCUMENT = "opendocument"
    RTF = "rtf"
    EMAIL = "email"
    OUTLOOK = "outlook"


class SourceKind(StrEnum):
    """What kind of place a knowledge base takes documents from."""

    RECORDS = "records"
    PAGES = "pages"
    SITEMAP = "sitemap"
    BUCKET = "bucket"


class SourceState(StrEnum):
    """Where a source stands."""

    QUEUED = "queued"
    SYNCING = "syncing"
    SYNCED = "synced"
    FAILED = "failed"


class SyncSchedule(StrEnum):
    """How often a source is looked at again."""

    NEVER = "never"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"

    @property
    def seconds(self) -> int | None:
        """The time between two syncs."""
        return {"hourly": 3600, "daily": 86_400, "weekly": 604_800}.get(self.value)


class BlockKind(StrEnum):
    """The structure that chunking respects."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    TABLE = "table"


@dataclass(frozen=True)
class Block:
    """A heading, paragraph or table; `level` counts for headings (1 = top), `page` starts at 1."""

    kind: BlockKind
    text: str
    level: int = 0
    page: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values for the pipe between child and parent."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Block:
        """The inverse of `as_json`."""
        page = value.get("page")
        return cls(
            kind=BlockKind(value["kind"]),
            text=str(value["text"]),
            level=int(value.get("level", 0)),
            page=None if page is None else int(page),
        )


class ChunkChange(StrEnum):
    """What somebody did to a passage by hand."""

    TEXT = "text"
    EXCLUDED = "excluded"
    INCLUDED = "included"


class SearchMode(StrEnum):
    """Which side of the retrieval ranks: both fused (the default), or one alone."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


@dataclass(frozen=True)
class ChunkDraft:
    """One chunk before it is stored; `text` is exactly `full_text[start:end]` of the document."""

    ordinal: int
    text: str
    heading: str
    page: int | None
    start: int
    end: int
    tokens: int

    @property
    def embedding_text(self) -> str:
        """What is embedded: the section the chunk stands in, then the chunk."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True)
class ChunkEditInfo:
    """One change of a passage by hand; `before` is the text until then."""

    change: ChunkChange
    before: str
    who: str
    created_at: datetime


@dataclass(frozen=True)
class ChunkInfo:
    """A stored passage as its editor shows it."""

    id: UUID
    ordinal: int
    text: str
    heading: str
    page: int | None
    start: int
    end: int
    tokens: int
    is_excluded: bool
    edits: tuple[ChunkEditInfo, ...] = ()


@dataclass(frozen=True)
class DocumentInfo:
    """A document as other apps and templates see it."""

    id: UUID
    knowledge_base_id: UUID
    name: str
    kind: str
    size_bytes: int
    sha256: str
    state: DocumentState
    cause: str
    cause_code: str
    notes: str
    title: str
    progress: int
    chunks: int
    pages: int | None
    created_at: datetime

    @property
    def is_final(self) -> bool:
        """True once nothing more will happen without the user."""
        return self.state.is_final

    @property
    def wants_password(self) -> bool:
        """True where the right password would open it."""
        return self.cause_code == "encrypted_pdf"


@dataclass(frozen=True)
class SourceFailure:
    """Something that a source lists and that could not be taken."""

    address: str
    cause: str


@dataclass(frozen=True)
class SourceInfo:
    """A source as pages and the API show it; `result` counts new, changed, unchanged, removed and failed."""

    id: UUID
    knowledge_base_id: UUID
    kind: SourceKind
    name: str
    addresses: tuple[str, ...]
    schedule: SyncSchedule
    state: SourceState
    cause: str
    total: int
    done: int
    result: dict[str, int]
    failures: tuple[SourceFailure, ...]
    synced_at: datetime | None
    next_sync_at: datetime | None
    created_at: datetime

    @property
    def is_busy(self) -> bool:
        """True while a sync waits or runs."""
        return self.state in (SourceState.QUEUED, SourceState.SYNCING)


@dataclass(frozen=True)
class AddedDocument:
    """The outcome of an upload; `is_new` is false when the same bytes were there already."""

    document: DocumentInfo
    is_new: bool


@dataclass(frozen=True)
class KnowledgeBaseInfo:
    """A knowledge base with the figures its page shows."""

    id: UUID
    asset_id: UUID
    organisation_id: UUID
    name: str
    description: str
    documents: int
    ready: int
    failed: int
    created_at: datetime

    @property
    def processing(self) -> int:
        """How many documents are still on their way."""
        return self.documents - self.ready - self.failed


@dataclass(frozen=True)
class ReleaseInfo:
    """A frozen snapshot of a knowledge base, registered as an asset version."""

    id: UUID
    knowledge_base_id: UUID
    number: int
    asset_version_id: UUID
    content_root: str
    document_ids: tuple[UUID, ...]
    created_at: datetime


@dataclass(frozen=True)
class Passage:
    """A chunk found for a question.

    `score` orders the passages of one answer and means nothing across questions. `similarity` is the
    cosine between question and chunk (-1..1). `coverage` is the share (0..1) of the question's words,
    weighted by how rare they are in the knowledge base, that stand in the chunk.
    """

    chunk_id: UUID
    document_id: UUID
    knowledge_base_id: UUID
    document: str
    ordinal: int
    heading: str
    page: int | None
    start: int
    end: int
    text: str
    score: float
    similarity: float
    coverage: float

    @property
    def place(self) -> str:
        """Where to look, in words: document, page and section."""
        parts = [self.document]
        if self.page is not None:
            parts.append(f"page {self.page}")
        if self.heading:
            parts.append(self.heading)
        return ", ".join(parts)


@dataclass(frozen=True)
class Quote:
    """A sentence copied word for word from a passage; offsets are within the passage's text."""

    passage_index: int
    text: str
    start: int
    end: int
    score: float


CONFIDENT = 0.4
"""From this confidence on a question counts as answered, unless an agent's own threshold says otherwise."""


@dataclass(frozen=True)
class Findings:
    """The sentences that answer a question best, and how likely (0..1) it is that the first of them does."""

    quotes: tuple[Quote, ...]
    confidence: float

    @property
    def is_weak(self) -> bool:
        """Whether nothing that was found is likely to answer."""
        return self.confidence < CONFIDENT


@dataclass(frozen=True)
class PrivacyRules:
    """How much of a knowledge base its readers through agents may have word for word; its owners are not limited.

    Args:
        longest_quote: letters and digits of one copied run.
        document_percent: of one document, told to one reader over all answers.
        canaries: words that stand in no answer, because only a copied canary document holds them.
    """

    knowledge_base_id: UUID
    longest_quote: int
    document_percent: int
    canaries: tuple[str, ...] = ()

    def allowance(self, document_characters: int) -> int:
        """How many letters of a document one reader may have; never fewer than three quotes."""
        return max(document_characters * self.document_percent // 100, 3 * self.longest_quote)


@dataclass(frozen=True)
class ToldState:
    """What one reader has had of a document: its spans in order, and how long the document is."""

    knowledge_base_id: UUID
    characters: int
    spans: tuple[tuple[int, int], ...]
