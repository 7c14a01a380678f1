"""Originals are stored encrypted; what was deleted is in no file and no table, and no copy of a file opens any more."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from moto.server import ThreadedMotoServer

from apps.core import clock, outbox, vault
from apps.core.models import ObjectKey, OrganisationKey
from apps.core.storage import S3Storage
from apps.core.tenant import all_tenants, tenant_scope
from apps.core.types import ObjectState
from apps.core.vault import objects, tending
from apps.knowledge import selectors, services
from apps.knowledge.models import Chunk, Document, PostingBlock, Source
from apps.knowledge.services import segments
from apps.knowledge.types import KnowledgeBaseInfo
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = "# Garden\n\nThe wexbloom grows behind the house and is watered at dawn.\n"


@dataclass(frozen=True)
class Tale:
    """Words that stand nowhere else in the database, whichever tests ran before; the index may cut their endings."""

    words: tuple[str, str, str]

    @property
    def text(self) -> str:
        """A document."""
        one, two, three = self.words
        return (
            f"# Ledger\n\nThe {one}en of old {two.title()}en was kept in a chest. Only {three.title()}en had seen it.\n"
        )

    @property
    def rows(self) -> bytes:
        """A file of records."""
        return f'{{"id": "1", "title": "Row", "text": "{self.words[2]}en wrote of {self.words[0]}en."}}\n'.encode()


@pytest.fixture
def tale() -> Tale:
    """A new one."""
    one, two, three = ("".join(secrets.choice("bdfgkmnprtvz") for _ in range(10)) for _ in range(3))
    return Tale((one, two, three))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Moto's S3."""
    server = ThreadedMotoServer(port=0)
    server.start()
    yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture
def bucket(server: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> S3Storage:
    """An empty bucket that originals go to."""
    name = f"b{abs(hash(request.node.name))}"
    options = {"bucket_name": name, "endpoint_url": server, "region_name": "us-east-1"}
    store = S3Storage({**options, "access_key": "test", "secret_key": "test"})
    store.files.connection.create_bucket(Bucket=name)
    for module in (objects, tending):
        monkeypatch.setattr(module, "get_storage", lambda: store)
    return store


@dataclass
class Snapshot:
    """Everything that somebody gets hold of who takes a dump of the database and a copy of the bucket."""

    rows: dict[str, str]
    files: dict[str, bytes]

    @classmethod
    def take(cls, bucket: S3Storage) -> Snapshot:
        """All rows of all tables as PostgreSQL prints them, all objects."""
        with all_tenants(reason="test"), connection.cursor() as cursor:
            rows = {}
            for table in connection.introspection.table_names(cursor):
                name = connection.ops.quote_name(table)
                cursor.execute(f"SELECT t::text FROM {name} t")  # noqa: S608  # a quoted name
                rows[table] = "\n".join(row[0] for row in cursor.fetchall()).lower()
        files = {item.key: item.get()["Body"].read() for item in bucket.files.bucket.objects.all()}
        return cls(rows, files)

    def tables_with(self, *words: str) -> set[str]:
        """Tables that hold one of the words, as text or as bytes."""
        return {
            table
            for table, rows in self.rows.items()
            if any(word.lower() in rows or word[1:].lower().encode().hex() in rows for word in words)
        }

    def files_with(self, *words: str) -> set[str]:
        """The same for objects."""
        return {key for key, raw in self.files.items() if any(word.encode() in raw.lower() for word in words)}


@pytest.fixture
def base(actor: Actor, runner: object, bucket: S3Storage, tale: Tale) -> KnowledgeBaseInfo:
    """A knowledge base with two documents and a file of records, all indexed."""
    made = services.create_knowledge_base(actor=actor, name="Chest")
    files = [
        services.Upload(f"{n}.md", len(text), io.BytesIO(text.encode())) for n, text in enumerate((tale.text, OTHER))
    ]
    services.add_documents(actor=actor, knowledge_base_id=made.id, files=files)
    file = services.Upload("r.jsonl", len(tale.rows), io.BytesIO(tale.rows))
    services.add_records(actor=actor, knowledge_base_id=made.id, file=file)
    outbox.drain()
    services.index_base(made.id)
    assert Document.objects.filter(state="ready").count() == 3
    return made


def first(base: KnowledgeBaseInfo) -> Document:
    return Document.objects.get(knowledge_base_id=base.id, name="0.md")


def vector(document: Document) -> str:
    """How an embedding begins in a dump."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT embedding::text FROM knowledge_chunk WHERE document_id = %s", [document.id])
        return str(cursor.fetchone()[0])[1:60]


def test_what_is_stored_is_noise_and_is_read_and_downloaded_as_it_was(
    actor: Actor, base: KnowledgeBaseInfo, bucket: S3Storage, tale: Tale, client: Any
) -> None:
    taken = Snapshot.take(bucket)
    assert len(taken.files) == 3
    assert taken.files_with(*tale.words) == set()
    assert set(ObjectKey.objects.values_list("state", flat=True)) == {ObjectState.KEPT}
    link = selectors.document_url(actor, first(base).id)
    answer = client.get("/" + link.split("/", 3)[3])
    assert b"".join(answer.streaming_content) == tale.text.encode()
    assert 'filename="0.md"' in answer["Content-Disposition"]
    assert selectors.document_text(actor, first(base).id).count(tale.words[0]) == 1


def test_a_removed_document_is_in_no_dump_and_no_copy_opens(
    actor: Actor, base: KnowledgeBaseInfo, bucket: S3Storage, tale: Tale
) -> None:
    before, embedding, key = Snapshot.take(bucket), vector(first(base)), first(base).storage_key
    told = {"knowledge_chunk", "knowledge_documenttext", "knowledge_postingblock"}
    assert told <= before.tables_with(*tale.words)
    assert before.tables_with(embedding) == {"knowledge_chunk"}
    services.remove_source(actor=actor, source_id=Source.objects.get().id)
    services.remove_document(actor=actor, document_id=first(base).id)
    outbox.drain()
    services.index_due_bases()  # beat does so four times a minute
    after = Snapshot.take(bucket)
    assert after.tables_with(*tale.words, embedding) == set()
    assert after.files.keys() == {Document.objects.get().storage_key}
    bucket.put(key, before.files[key])  # somebody had a backup
    with pytest.raises(vault.Shredded):
        vault.open_object(actor.organisation_id, key)
    found = selectors.search(actor=actor, knowledge_base_ids=[base.id], query="wexbloom dawn", k=3)
    assert [passage.document for passage in found] == ["1.md"]


def test_words_leave_a_large_index_later(
    actor: Actor, base: KnowledgeBaseInfo, bucket: S3Storage, tale: Tale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "SMALL_INDEX", 0)
    monkeypatch.setattr(segments, "MOST_REMOVED", 1)
    services.remove_document(actor=actor, document_id=first(base).id)
    outbox.drain()
    services.index_due_bases()
    assert Snapshot.take(bucket).tables_with(tale.words[1]) == {"knowledge_postingblock"}
    later = clock.now() + segments.LONGEST_KEPT + timedelta(minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    services.index_due_bases()
    assert Snapshot.take(bucket).tables_with(tale.words[1]) == set()


def test_a_shredded_base_leaves_nothing_and_goes_on(
    actor: Actor, base: KnowledgeBaseInfo, bucket: S3Storage, tale: Tale, api_for: Any
) -> None:
    copies = Snapshot.take(bucket).files
    answer = api_for(actor).post(f"/api/v1/knowledge-bases/{base.id}/privacy/shred/")
    assert answer.json() == {"documents": 3}
    after = Snapshot.take(bucket)
    assert after.tables_with(*tale.words) == set()
    assert after.files == {}
    assert not Chunk.objects.exists()
    assert not PostingBlock.objects.exists()
    assert not ObjectKey.objects.exists()
    for key, raw in copies.items():
        bucket.put(key, raw)
        with pytest.raises(vault.Shredded):
            vault.open_object(actor.organisation_id, key)
    file = services.Upload("n.md", len(OTHER), io.BytesIO(OTHER.encode()))
    services.add_documents(actor=actor, knowledge_base_id=base.id, files=[file])
    outbox.drain()
    assert Document.objects.get().state == "ready"


def test_an_organisation_is_shredded_by_command_and_others_are_not(
    actor: Actor, other_actor: Actor, base: KnowledgeBaseInfo, bucket: S3Storage, tale: Tale
) -> None:
    with tenant_scope(other_actor.organisation_id):
        theirs = vault.put(other_actor.organisation_id, f"{other_actor.organisation_id}/x", io.BytesIO(b"theirs"))
    call_command("shred_organisation", str(actor.organisation_id), "--yes")
    after = Snapshot.take(bucket)
    assert after.tables_with(*tale.words) == set()
    assert after.files.keys() == {theirs.key}
    assert not OrganisationKey.objects.exists()
    with tenant_scope(other_actor.organisation_id):
        assert vault.open_object(other_actor.organisation_id, theirs.key).read() == b"theirs"


def test_originals_of_before_are_sealed_by_command(
    actor: Actor, base: KnowledgeBaseInfo, bucket: S3Storage, tale: Tale
) -> None:
    """Documents and files of records; they are read before and afterwards."""
    keys = list(ObjectKey.objects.values_list("name", flat=True))
    for key in keys:
        with vault.open_object(actor.organisation_id, key) as file:
            plain = file.read()
        ObjectKey.objects.filter(name=key).delete()
        bucket.put(key, plain)
    assert len(Snapshot.take(bucket).files_with(*tale.words)) == 2
    call_command("seal_originals", "--limit", "1")
    call_command("seal_originals")
    assert Snapshot.take(bucket).files_with(*tale.words) == set()
    assert sorted(ObjectKey.objects.values_list("name", flat=True)) == sorted(keys)
    with vault.open_object(actor.organisation_id, first(base).storage_key) as file:
        assert file.read() == tale.text.encode()


def test_an_altered_file_says_so_to_its_owner_and_a_missing_master_key_waits(
    actor: Actor, bucket: S3Storage, tale: Tale, client_for: Any, runner: object, settings: Any
) -> None:
    made = services.create_knowledge_base(actor=actor, name="Chest")
    file = services.Upload("0.md", len(tale.text), io.BytesIO(tale.text.encode()))
    services.add_documents(actor=actor, knowledge_base_id=made.id, files=[file])
    key = first(made).storage_key
    right, settings.VAULT, settings.PRODUCTION = settings.VAULT, {"keys": []}, True
    outbox.drain()
    assert first(made).state == "reading"
    assert "waits for the platform's master key" in first(made).cause
    settings.VAULT, settings.PRODUCTION = right, False
    raw = Snapshot.take(bucket).files[key]
    bucket.put(key, raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(vault.Altered):
        vault.open_object(actor.organisation_id, key)
    services.ingest_document(first(made).id)
    assert (first(made).state, first(made).cause_code) == ("failed", "file_altered")
    assert "Remove it and upload it again" in first(made).cause
    page = client_for(actor).get("/" + selectors.document_url(actor, first(made).id).split("/", 3)[3])
    assert page.status_code == 409
    assert b"was altered" in page.content
    bucket.put(key, raw)
    services.retry_document(actor=actor, document_id=first(made).id)
    outbox.drain()
    assert first(made).state == "ready"


def test_an_upload_without_a_master_key_is_refused_and_leaves_nothing(
    actor: Actor, bucket: S3Storage, tale: Tale, settings: Any, api_for: Any
) -> None:
    made = services.create_knowledge_base(actor=actor, name="Chest")
    api = api_for(actor)
    settings.VAULT, settings.PRODUCTION = {"keys": []}, True
    file = io.BytesIO(tale.text.encode())
    file.name = "0.md"
    answer = api.post(f"/api/v1/knowledge-bases/{made.id}/documents/", {"files": file}, format="multipart", secure=True)
    assert (answer.status_code, answer.json()["code"]) == (503, "vault_locked")
    assert not Document.objects.exists()
    assert not ObjectKey.objects.exists()
    assert Snapshot.take(bucket).files == {}
