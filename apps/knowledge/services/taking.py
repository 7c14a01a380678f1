"""What a place lists becomes documents; a changed one takes the old one's place once it is ready."""

from __future__ import annotations

import hashlib
import json
import tempfile
from typing import IO

import requests
from django.db import IntegrityError, transaction

from apps.core import fetching, live, vault
from apps.core.buckets import S3Place
from apps.core.errors import DomainError, InvalidInput
from apps.core.fetching import FetchFailed
from apps.core.ids import uuid7
from apps.core.sealing import Unsealable, unseal
from apps.knowledge.connectors.bucket import BucketPlace
from apps.knowledge.connectors.places import Entry, Place
from apps.knowledge.connectors.web import WebPlace
from apps.knowledge.models import Document, Source
from apps.knowledge.services.documents import discard, note_bytes, queue_document, tell_removed, topic
from apps.knowledge.services.records import Tally
from apps.knowledge.services.sources import KEYS_PURPOSE
from apps.knowledge.types import DocumentState, SourceKind
from apps.tenancy import limits
from apps.tenancy.limits import Limit

#: Tests have their servers on this machine; nobody else may reach it.
ALLOW_LOOPBACK = False
_READ_BYTES = 1 << 20


def take_documents(source: Source) -> Tally:
    """Compare what the place holds with what is here, entry by entry; those of a run that was cut off are not repeated.

    Raises:
        InvalidInput: the place cannot be listed.
    """
    tally = Tally()
    with fetching.session(allow_loopback=ALLOW_LOOPBACK) as opened:
        place = _place(source, opened)
        entries = list(place.entries())
        Source.objects.filter(id=source.id).update(total=len(entries), done=0)
        for done, entry in enumerate(entries, start=1):
            _note(tally, source, place, entry)
            with transaction.atomic():
                Source.objects.filter(id=source.id).update(done=done)
                live.notify(topic(source.knowledge_base_id))
    _remove_unlisted(source, tally)
    return tally


def _place(source: Source, opened: requests.Session) -> Place:
    if source.kind != SourceKind.BUCKET:
        return WebPlace(opened, source.addresses, is_sitemap=source.kind == SourceKind.SITEMAP)
    try:
        keys = json.loads(unseal(source.tenant_id, KEYS_PURPOSE, source.secret)) if source.secret else ["", ""]
    except Unsealable:
        raise InvalidInput("keys_lost", "The bucket's keys are gone. Add the source anew with them.") from None
    return BucketPlace(opened, S3Place(**source.settings, access_key=keys[0], secret_key=keys[1]))


def _note(tally: Tally, source: Source, place: Place, entry: Entry) -> None:
    mine = Document.objects.filter(source=source, external_id=entry.address)
    latest = mine.order_by("-id").first()
    if latest is not None and latest.seen_run == source.run:
        return
    try:
        outcome = _take(source, place, entry, latest)
    except DomainError as error:
        tally.fail(entry.address, error.message)
    else:
        setattr(tally, outcome, getattr(tally, outcome) + 1)
    # Also what could not be fetched this time stays until the place no longer lists it.
    mine.update(seen_run=source.run)


def _take(source: Source, place: Place, entry: Entry, latest: Document | None) -> str:
    known = latest.etag if latest is not None and latest.state == DocumentState.READY else ""
    with tempfile.TemporaryFile() as file:
        etag = place.fetch(entry, known, file)
        if etag is None:
            return "unchanged"
        size = file.seek(0, 2)
        if not size:
            raise FetchFailed("There is nothing in it.")
        digest = _digest(file)
        there = Document.objects.filter(knowledge_base_id=source.knowledge_base_id, sha256=digest).first()
        if there is not None:
            _seen_again(source, there, etag)
            return "unchanged"
        limits.require_room(organisation_id=source.tenant_id, limit=Limit.STORAGE_BYTES, wanted=size)
        file.seek(0)
        _add(source, entry, file, digest, etag)
    return "new" if latest is None else "changed"


def _seen_again(source: Source, there: Document, etag: str) -> None:
    """The same bytes are kept once a knowledge base; a failed document is read once more."""
    with transaction.atomic():
        row = Document.objects.select_for_update().filter(id=there.id).first()
        if row is None:
            return
        if row.source_id == source.id:
            Document.objects.filter(id=row.id).update(seen_run=source.run, etag=etag)
        if row.state == DocumentState.FAILED:
            queue_document(row)


def _add(source: Source, entry: Entry, file: IO[bytes], digest: str, etag: str) -> None:
    document_id = uuid7()
    key = f"{source.tenant_id}/knowledge/{source.knowledge_base_id}/{document_id}"
    stored = vault.put(source.tenant_id, key, file)
    try:
        with transaction.atomic():
            row = Document.objects.create(
                id=document_id,
                tenant_id=source.tenant_id,
                knowledge_base_id=source.knowledge_base_id,
                uploader_id=source.tenant_id,
                source=source,
                external_id=entry.address,
                name=entry.name,
                storage_key=key,
                size_bytes=stored.size,
                sha256=digest,
                etag=etag,
                seen_run=source.run,
            )
            vault.keep(source.tenant_id, key)
            note_bytes(row, row.size_bytes, "added")
            queue_document(row)
    except IntegrityError:  # somebody added the same bytes, or removed the source, at the same moment
        vault.delete(source.tenant_id, key)


def _remove_unlisted(source: Source, tally: Tally) -> None:
    for row in Document.objects.filter(source=source, seen_run__lt=source.run):
        with transaction.atomic():
            tell_removed(row.knowledge_base_id, [row.id])
            discard(row)
            live.notify(topic(source.knowledge_base_id))
        tally.removed += 1


def _digest(file: IO[bytes]) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while part := file.read(_READ_BYTES):
        digest.update(part)
    return digest.hexdigest()
