"""Use case: read an import to its end, a chunk at a time. Takes up where a killed worker left.

Each chunk is one transaction that stores its items and moves the cursor, under a lock on the import: two workers that
both believe to be the one cannot store a row twice, and what is cancelled stops at the next chunk.
"""

from __future__ import annotations

import json
import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.db import transaction

from apps.core import clock
from apps.core.buckets import S3Place
from apps.core.errors import InvalidInput
from apps.core.fetching import session
from apps.core.live import notify
from apps.core.sealing import Unsealable, unseal
from apps.core.storage import get_storage
from apps.labeling.import_models import Import
from apps.labeling.import_types import MAX_IMPORT_ITEMS, ImportState, Record, SourceKind
from apps.labeling.imports.archive import ZipSource
from apps.labeling.imports.connect import S3Source, UrlSource
from apps.labeling.imports.media import Inspector
from apps.labeling.imports.preparing import Bad, Prepared, Rules, prepare
from apps.labeling.imports.reading import EMPTY_ZIP, ZIP, MediaFile, Place, Source, TableSource
from apps.labeling.services.import_media import keep_media
from apps.labeling.services.import_store import store_chunk
from apps.labeling.services.importing import BUCKET_KEYS, forget_sources, stop, topic

logger = logging.getLogger(__name__)

CHUNK_ROWS = 2_000
#: A chunk with long rows is stored before it takes much memory.
CHUNK_CHARACTERS = 8_000_000
#: What a list or file is taken to weigh; how long it is would take as long to find out as to store it.
_LIST_CHARACTERS = 4_000
#: A chunk with slow rows (files that are fetched and looked into) is stored after this long.
CHUNK_S = 2.0


class _Stopped(Exception):
    """The import was cancelled, or another worker has it."""


def run_import(import_id: UUID) -> None:
    """Read a queued import to its end. Repeating the call is harmless. The caller has entered the tenant's scope."""
    batch = _begin(import_id)
    if batch is None:
        return
    try:
        with ExitStack() as stack:
            run = _Run(batch, stack)
            while run.batch.at_source < len(run.batch.sources):
                run.read()
    except InvalidInput as error:
        _fail(batch.id, error.message)
    except _Stopped:
        logger.info("import %s was stopped", batch.id)
    else:
        _finish(batch.id)


def _begin(import_id: UUID) -> Import | None:
    with transaction.atomic():
        batch = Import.objects.select_for_update(no_key=True).filter(id=import_id).first()
        if batch is None or not ImportState(batch.state).is_open:
            return None
        batch.state = ImportState.RUNNING
        batch.started_at = batch.started_at or clock.now()
        batch.save(update_fields=["state", "started_at", "updated_at"])
        notify(topic(batch.id), {"state": batch.state})
    return batch


class _Run:
    """One worker's work on one import."""

    def __init__(self, batch: Import, stack: ExitStack) -> None:
        self.batch = batch
        self.stack = stack
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="import-")))
        self.inspector = stack.enter_context(Inspector())
        self.rules = Rules(batch.licence, batch.source, batch.masking, tuple(batch.phone_regions))
        self.began = time.monotonic()
        self.permille_before = batch.permille
        self.rows = 0

    def read(self) -> None:
        """Read the source at hand, from the cursor to its end."""
        batch = self.batch
        corrects = bool(batch.sources[batch.at_source].get("corrects"))
        source = self._open(batch.sources[batch.at_source])
        try:
            start = Place(batch.at_member, batch.at_index)
            for chunk, last in self._chunks(source.records(start)):
                self._store(chunk, last, corrects=corrects)
        finally:
            source.close()
        self._next_source()

    def _chunks(self, records: Iterator[Record]) -> Iterator[tuple[list[Prepared | Bad], Record]]:
        chunk: list[Prepared | Bad] = []
        last: Record | None = None
        size, began = 0, time.monotonic()
        for last in records:
            chunk.append(prepare(last, self.rules, self._keep))
            size += _weight(last)
            if len(chunk) >= CHUNK_ROWS or size > CHUNK_CHARACTERS or time.monotonic() - began > CHUNK_S:
                yield chunk, last
                chunk, size, began = [], 0, time.monotonic()
        if chunk and last is not None:
            yield chunk, last

    def _store(self, chunk: list[Prepared | Bad], last: Record, *, corrects: bool) -> None:
        batch = self.batch
        expected = (batch.at_source, batch.at_member, batch.at_index)
        self.rows += len(chunk)
        with transaction.atomic():
            current = Import.objects.select_for_update(no_key=True).filter(id=batch.id).first()
            if current is None or current.state != ImportState.RUNNING:
                raise _Stopped
            if (current.at_source, current.at_member, current.at_index) != expected:
                raise _Stopped
            store_chunk(current, chunk, corrects=corrects)
            current.at_member, current.at_index = last.member, last.index
            self._measure(current, last.fraction)
            current.save()
            notify(topic(current.id), {"state": current.state, "permille": current.permille})
        if current.item_count > MAX_IMPORT_ITEMS:
            message = f"An import has at most {MAX_IMPORT_ITEMS:,} items. Split the file."
            raise InvalidInput("too_many_items", message)
        if current.quarantined > MAX_IMPORT_ITEMS:
            message = f"More than {MAX_IMPORT_ITEMS:,} rows cannot be used. The first of them are listed below."
            raise InvalidInput("too_many_bad_rows", message)
        self.batch = current

    def _measure(self, batch: Import, fraction: float) -> None:
        elapsed = max(0.001, time.monotonic() - self.began)
        done = (batch.at_source + min(1.0, fraction)) / len(batch.sources)
        batch.permille = min(999, int(1000 * done))
        batch.rows_per_s = round(self.rows / elapsed, 1)
        gained = batch.permille - self.permille_before
        batch.eta_s = int(elapsed * (1000 - batch.permille) / gained) if gained > 0 else None

    def _next_source(self) -> None:
        with transaction.atomic():
            current = Import.objects.select_for_update(no_key=True).get(id=self.batch.id)
            if current.state != ImportState.RUNNING or current.at_source != self.batch.at_source:
                raise _Stopped
            current.at_source, current.at_member, current.at_index = current.at_source + 1, 0, 0
            current.save()
        self.batch.at_source, self.batch.at_member, self.batch.at_index = current.at_source, 0, 0

    def _open(self, entry: dict[str, Any]) -> Source:
        if entry["kind"] == SourceKind.S3:
            return S3Source(self._bucket(), self.stack.enter_context(session()))
        name, size = entry["name"], int(entry["bytes"])
        try:
            file = _seekable(get_storage().open(entry.get("key", "")))
        except (FileNotFoundError, IsADirectoryError):
            raise InvalidInput("file_lost", f"“{name}” is no longer stored. Start the import anew.") from None
        if entry["kind"] == SourceKind.URLS:
            return UrlSource(file, name, size, self.stack.enter_context(session()))
        head = file.read(4)
        file.seek(0)
        if head not in (ZIP, EMPTY_ZIP):
            return TableSource(file, name, size)
        try:
            return ZipSource(file, name)
        except InvalidInput:
            file.close()
            raise

    def _bucket(self) -> S3Place:
        try:
            return S3Place(**json.loads(unseal(self.batch.tenant_id, BUCKET_KEYS, self.batch.secret)))
        except Unsealable:
            raise InvalidInput("keys_lost", "The bucket's keys are gone. Start the import anew with them.") from None

    def _keep(self, media: MediaFile) -> dict[str, Any]:
        return keep_media(self.batch.tenant_id, media, self.inspector, self.folder)


def _weight(record: Record) -> int:
    """About how many characters a record has."""
    return sum(len(value) if isinstance(value, str) else _LIST_CHARACTERS for value in record.values.values())


def _seekable(file: BinaryIO) -> BinaryIO:
    """A remote object is brought here whole: zip and Parquet jump in it."""
    try:
        file.fileno()
    except OSError:
        copy = tempfile.TemporaryFile()  # noqa: SIM115  # the source closes it
        with file:
            while part := file.read(1 << 20):
                copy.write(part)
        copy.seek(0)
        return copy
    return file


def _fail(import_id: UUID, problem: str) -> None:
    with transaction.atomic():
        batch = Import.objects.select_for_update(no_key=True).get(id=import_id)
        if batch.state == ImportState.RUNNING:
            stop(batch, ImportState.FAILED, problem)


def _finish(import_id: UUID) -> None:
    with transaction.atomic():
        batch = Import.objects.select_for_update(no_key=True).get(id=import_id)
        if batch.state != ImportState.RUNNING or batch.at_source < len(batch.sources):
            return
        if problem := _problem_of(batch):
            stop(batch, ImportState.FAILED, problem)
            return
        batch.state, batch.permille, batch.eta_s = ImportState.READY, 1000, 0
        batch.finished_at = clock.now()
        forget_sources(batch)
        batch.save()
        notify(topic(batch.id), {"state": batch.state})


def _problem_of(batch: Import) -> str:
    rows = "1 row" if batch.quarantined == 1 else f"{batch.quarantined:,} rows"
    if batch.strict and batch.quarantined:
        return f"{rows} cannot be used, so nothing was imported, as you chose. They are listed below."
    if not batch.item_count:
        return "No row can be used; nothing was imported. The reasons are listed below."
    return ""
