"""A file of records (JSON lines or CSV) as one document a row: read as a stream, stored and embedded in batches."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any
from uuid import UUID

from django.db import transaction

from apps.core import live, vault
from apps.core.ids import uuid7
from apps.knowledge.chunking import chunk_blocks, full_text
from apps.knowledge.errors import UnreadableFile
from apps.knowledge.models import Chunk, Document, DocumentText, Source
from apps.knowledge.parsing.encoding import clean, decode
from apps.knowledge.parsing.tables import delimiter_of
from apps.knowledge.parsing.text import text_blocks
from apps.knowledge.services.documents import discard_records, tell_removed, topic
from apps.knowledge.services.embedding import Embedder
from apps.knowledge.services.indexing import store_chunks
from apps.knowledge.services.ingest import pending_chunks
from apps.knowledge.types import Block, BlockKind, DocumentState, SourceFailure

MAX_RECORD_CHARACTERS = 2_000_000
MAX_LISTED_FAILURES = 200
_MAX_LIST_CHARACTERS = 50_000_000
_BATCH = 100
_SAMPLE_BYTES = 200_000
_ID_NAMES = ("_id", "id", "doc_id", "docid", "key")
_TITLE_NAMES = ("title", "name", "heading")
_TEXT_NAMES = ("text", "content", "body", "contents", "abstract", "description")
RECORD_KIND = "record"


@dataclass(frozen=True)
class Record:
    """One row of the file; `number` counts rows from 1."""

    number: int
    id: str
    title: str
    text: str
    metadata: dict[str, Any]

    @property
    def sha256(self) -> str:
        """A hash of all that it says."""
        parts = json.dumps([self.id, self.title, self.text, self.metadata], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(parts.encode()).hexdigest()


@dataclass
class Tally:
    """What a sync found, as the source shows it."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: int = 0
    failures: list[SourceFailure] = field(default_factory=list)

    def fail(self, address: str, cause: str) -> None:
        """Count a failure; the first few are listed."""
        self.failed += 1
        if len(self.failures) < MAX_LISTED_FAILURES:
            self.failures.append(SourceFailure(address, cause))

    def result(self) -> dict[str, int]:
        """The counts by their names."""
        names = ("new", "changed", "unchanged", "removed", "failed")
        return {name: getattr(self, name) for name in names}


def ingest_records(source: Source) -> Tally:
    """Take every row of the source's file; rows that are there already are left alone, so it goes on where it stopped.

    Raises:
        UnreadableFile: it is neither JSON lines nor a table with a column of text.
        DependencyFailed: the runner does not answer; the outbox delivers again later.
    """
    tally = Tally()
    mine = Chunk.objects.filter(document__source=source, document__state=DocumentState.EMBEDDING)

    def tell(_: Sequence[UUID]) -> None:
        live.notify(topic(source.knowledge_base_id))

    try:
        opened = vault.open_object(source.tenant_id, source.storage_key)
    except FileNotFoundError:
        raise UnreadableFile("file_lost", "The stored file is gone. Remove it and upload it again.") from None
    except vault.Altered as error:
        raise UnreadableFile(error.code, error.message) from None
    with opened as file, Embedder(tell) as embedder:
        embedder.feed(pending_chunks(mine))  # what a killed worker left
        rows = iter(_read(file, tally))
        done = 0
        while batch := list(islice(rows, _BATCH)):
            stored = _store(source, batch, tally)
            embedder.feed(pending_chunks(Chunk.objects.filter(document_id__in=stored)))
            done += len(batch)
            Source.objects.filter(id=source.id).update(done=done, total=max(done, source.total))
    _remove_unlisted(source, tally)
    return tally


def _store(source: Source, batch: Sequence[Record], tally: Tally) -> list[UUID]:
    """Documents and passages of the rows that are new or changed; their ids."""
    by_hash = {record.sha256: record for record in batch}
    with transaction.atomic():
        if not Source.objects.select_for_update().filter(id=source.id).exists():
            raise UnreadableFile("source_removed", "The source was removed.")
        base_id = source.knowledge_base_id
        there = Document.objects.filter(knowledge_base_id=base_id, sha256__in=by_hash)
        known = set(there.values_list("sha256", flat=True))
        there.filter(source=source).update(seen_run=source.run)
        tally.unchanged += len(known)
        fresh = _fresh(source, [one for key, one in by_hash.items() if key not in known], tally)
        documents = [_document(source, record) for record in fresh]
        blocks = [_blocks(record) for record in fresh]
        Document.objects.bulk_create(documents)
        texts = ((document, full_text(found)) for document, found in zip(documents, blocks, strict=True))
        DocumentText.objects.bulk_create(
            DocumentText(tenant_id=source.tenant_id, document=document, text=text) for document, text in texts
        )
        store_chunks(base_id, list(zip(documents, map(chunk_blocks, blocks), strict=True)))
        Document.objects.bulk_update(documents, ["chunk_count", "language", "first_number", "term_count"])
        live.notify(topic(base_id))
    return [document.id for document in documents]


def _fresh(source: Source, records: Sequence[Record], tally: Tally) -> list[Record]:
    """The rows to store, once an id; what the source held of the same id and other content goes."""
    mine = Document.objects.filter(source=source, external_id__in=[record.id for record in records])
    runs = dict(mine.values_list("external_id", "seen_run"))
    kept: dict[str, Record] = {}
    for record in records:
        if record.id in kept or runs.get(record.id) == source.run:
            tally.fail(f"row {record.number}", f"Another row has the id {record.id} already.")
            continue
        kept[record.id] = record
    old = mine.filter(external_id__in=kept).exclude(seen_run=source.run)
    changed = discard_records(old)
    tally.changed += changed
    tally.new += len(kept) - changed
    return list(kept.values())


def _document(source: Source, record: Record) -> Document:
    text = f"{record.title}\n{record.text}"
    return Document(
        id=uuid7(),
        tenant_id=source.tenant_id,
        knowledge_base_id=source.knowledge_base_id,
        uploader_id=source.tenant_id,
        source=source,
        external_id=record.id,
        name=(" ".join(record.title.split()) or record.id)[:255],
        title=" ".join(record.title.split())[:300],
        kind=RECORD_KIND,
        size_bytes=len(text.encode()),
        sha256=record.sha256,
        metadata=record.metadata,
        seen_run=source.run,
        state=DocumentState.EMBEDDING,
    )


def _blocks(record: Record) -> list[Block]:
    title = " ".join(record.title.split())
    heading = [Block(BlockKind.HEADING, title, level=1)] if title else []
    return [*heading, *text_blocks(record.text)]


def _remove_unlisted(source: Source, tally: Tally) -> None:
    gone = Document.objects.filter(source=source, seen_run__lt=source.run)
    with transaction.atomic():
        tell_removed(source.knowledge_base_id, gone.values_list("id", flat=True))
        tally.removed += discard_records(gone)


def _read(file: IO[bytes], tally: Tally) -> Iterator[Record]:
    """The rows that can be used; the others are counted as failed."""
    sample = file.read(_SAMPLE_BYTES)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=_encoding(sample), errors="replace", newline="")
    start = clean(decode(sample)).lstrip("\ufeff").lstrip()
    rows: Iterable[tuple[int, Any]]
    if start.startswith("["):
        rows = _json_list(text)
    else:
        rows = _json_rows(text) if start.startswith("{") else _table_rows(text, start)
    try:
        for number, row in rows:
            record = _record(number, row)
            if isinstance(record, str):
                tally.fail(f"row {number}", record)
            else:
                yield record
    finally:
        text.detach()  # the caller closes the file


def _encoding(sample: bytes) -> str:
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    cut = sample[: sample.rfind(b"\n") + 1] or sample
    with suppress(UnicodeDecodeError):
        cut.decode("utf-8")
        return "utf-8-sig"
    text = decode(cut)
    for name in ("cp1252", "cp932", "gb18030", "cp1251", "big5", "euc-kr", "euc-jp", "koi8-r", "cp1250", "cp1256"):
        with suppress(UnicodeDecodeError):
            if cut.decode(name) == text:
                return name
    return "utf-8-sig"


def _json_rows(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError):
            yield number, None


def _json_list(text: IO[str]) -> Iterator[tuple[int, Any]]:
    whole = text.read(_MAX_LIST_CHARACTERS + 1)
    if len(whole) > _MAX_LIST_CHARACTERS:
        raise UnreadableFile("too_large_unpacked", "One list of JSON is too long. Write one object a line instead.")
    try:
        yield from enumerate(json.loads(whole), start=1)
    except (ValueError, RecursionError, TypeError):
        raise UnreadableFile("broken_file", "This is no list of JSON objects. Write one object a line.") from None


def _table_rows(text: IO[str], start: str) -> Iterator[tuple[int, Any]]:
    csv.field_size_limit(MAX_RECORD_CHARACTERS)
    reader = csv.DictReader(text, delimiter=delimiter_of(start, is_named_table=True) or ",")
    names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    if not set(names) & set(_TEXT_NAMES):
        raise UnreadableFile(
            "no_text_column",
            "A file of records is JSON lines, or a table with a column named text (and id, title, others as metadata).",
        )
    reader.fieldnames = names
    try:
        for number, row in enumerate(reader, start=1):
            yield number, {key: value for key, value in row.items() if key and isinstance(value, str)}
    except csv.Error as error:
        raise UnreadableFile("broken_file", f"Line {reader.line_num} of the table cannot be read: {error}.") from None


def _record(number: int, row: Any) -> Record | str:
    """The row as a record, or what is wrong with it."""
    if not isinstance(row, Mapping):
        return "This is no JSON object."
    title = clean(_first(row, _TITLE_NAMES))[:2000]
    text = clean(_first(row, _TEXT_NAMES))
    if not any(sign.isalnum() for sign in title + text):
        return "There is no text in it."
    if len(text) > MAX_RECORD_CHARACTERS:
        return f"Its text is longer than {MAX_RECORD_CHARACTERS:,} characters. Upload it as a file of its own."
    extra = row.get("metadata")
    metadata = dict(extra) if isinstance(extra, Mapping) else {}
    used = {*_ID_NAMES, *_TITLE_NAMES, *_TEXT_NAMES, "metadata"}
    metadata |= {key: value for key, value in row.items() if key not in used and isinstance(value, str | int | float)}
    return Record(number, clean(_first(row, _ID_NAMES))[:500] or str(number), title, text, _storable(metadata))


def _first(row: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((str(row[name]) for name in names if row.get(name) not in (None, "")), "")


def _storable(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """PostgreSQL keeps no U+0000 and no lone surrogates in JSON."""
    plain = json.dumps(metadata, ensure_ascii=False, default=str)
    cleaned: dict[str, Any] = json.loads(clean(plain.replace("\\u0000", "")))
    return cleaned
