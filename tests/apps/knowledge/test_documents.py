"""From an uploaded file to searchable passages: states, causes, retries, and what is left behind (nothing)."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from apps.core import outbox
from apps.core.errors import Conflict, InvalidInput, NotFound
from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors, services
from apps.knowledge.models import Chunk, Document
from apps.knowledge.services import Upload
from apps.knowledge.types import MAX_DOCUMENT_BYTES, DocumentState, KnowledgeBaseInfo
from apps.tenancy.types import Actor
from tests.apps.knowledge import files

pytestmark = pytest.mark.django_db

DOWN = {"url": "http://127.0.0.1:9", "token": "nobody-listens-there"}


def upload(name: str, content: bytes) -> Upload:
    return Upload(name, len(content), io.BytesIO(content))


@pytest.fixture
def base(actor: Actor) -> KnowledgeBaseInfo:
    return services.create_knowledge_base(actor=actor, name="Handbook")


def add(actor: Actor, base: KnowledgeBaseInfo, name: str, content: bytes) -> Any:
    return services.add_documents(actor=actor, knowledge_base_id=base.id, files=[upload(name, content)])[0].document


def test_a_document_becomes_ready_with_embedded_chunks(actor: Actor, base: KnowledgeBaseInfo, runner: object) -> None:
    added = add(actor, base, "handbook.md", files.HANDBOOK.encode())
    assert added.state is DocumentState.QUEUED
    outbox.drain()
    found = selectors.document(actor, added.id)
    assert (found.state, found.progress, found.kind, found.chunks) == (DocumentState.READY, 100, "markdown", 3)
    assert not Chunk.objects.filter(document_id=added.id, embedding__isnull=True).exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("secret.pdf", files.encrypted_pdf(), "password"),
        ("cut.pdf", files.pdf("Text.")[:120], "damaged"),
        ("scan.pdf", files.pdf(""), "OCR"),
        ("empty.txt", b"", "empty"),
    ],
)
def test_an_unreadable_file_fails_and_names_itself(
    actor: Actor, base: KnowledgeBaseInfo, name: str, content: bytes, said: str
) -> None:
    added = add(actor, base, name, content)
    outbox.drain()
    found = selectors.document(actor, added.id)
    assert found.state is DocumentState.FAILED
    assert found.cause.startswith(f"{name}: ")
    assert said in found.cause
    assert not Chunk.objects.filter(document_id=added.id).exists()


def test_the_runner_being_down_leaves_the_document_waiting_with_a_cause(
    actor: Actor, base: KnowledgeBaseInfo, settings: Any
) -> None:
    settings.RUNNER = DOWN
    added = add(actor, base, "a.md", files.HANDBOOK.encode())
    outbox.drain()
    found = selectors.document(actor, added.id)
    assert found.state is DocumentState.EMBEDDING
    assert "waits for the embedding service" in found.cause
    assert selectors.knowledge_base(actor, base.id).processing == 1


def test_embedding_goes_on_behind_the_last_stored_batch(
    actor: Actor, base: KnowledgeBaseInfo, runner: Any, settings: Any
) -> None:
    settings.RUNNER = DOWN
    added = add(actor, base, "a.md", files.HANDBOOK.encode())
    outbox.drain()
    first = Chunk.objects.filter(document_id=added.id).order_by("ordinal").values_list("id", flat=True)
    ids = list(first)
    settings.RUNNER = {"url": runner.url, "token": runner.token}
    services.ingest_document(added.id)
    assert list(Chunk.objects.filter(document_id=added.id).order_by("ordinal").values_list("id", flat=True)) == ids
    assert selectors.document(actor, added.id).state is DocumentState.READY
    services.ingest_document(added.id)  # once more changes nothing
    assert Chunk.objects.filter(document_id=added.id).count() == len(ids)


def test_the_same_bytes_are_kept_once(actor: Actor, base: KnowledgeBaseInfo) -> None:
    first = add(actor, base, "a.md", b"# One\n\nText.")
    again = services.add_documents(actor=actor, knowledge_base_id=base.id, files=[upload("b.md", b"# One\n\nText.")])[0]
    assert not again.is_new
    assert again.document.id == first.id
    assert Document.objects.filter(knowledge_base_id=base.id).count() == 1


def test_a_failed_document_is_read_once_more_on_retry(actor: Actor, base: KnowledgeBaseInfo, runner: object) -> None:
    added = add(actor, base, "a.md", b"# One\n\nText.")
    Document.objects.filter(id=added.id).update(state=DocumentState.FAILED, cause="a.md: it was too slow.")
    assert services.retry_document(actor=actor, document_id=added.id).state is DocumentState.QUEUED
    outbox.drain()
    assert selectors.document(actor, added.id).state is DocumentState.READY
    with pytest.raises(Conflict):
        services.retry_document(actor=actor, document_id=added.id)


def test_one_file_too_large_refuses_the_whole_upload(actor: Actor, base: KnowledgeBaseInfo) -> None:
    large = Upload("big.pdf", MAX_DOCUMENT_BYTES + 1, io.BytesIO(b"%PDF-"))
    with pytest.raises(InvalidInput) as caught:
        services.add_documents(actor=actor, knowledge_base_id=base.id, files=[upload("a.md", b"ok"), large])
    assert caught.value.code == "file_too_large"
    assert caught.value.errors[0]["file"] == "big.pdf"
    assert not Document.objects.filter(knowledge_base_id=base.id).exists()


def test_removing_a_document_removes_passages_and_bytes(
    actor: Actor, base: KnowledgeBaseInfo, runner: object, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    added = add(actor, base, "a.md", files.HANDBOOK.encode())
    outbox.drain()
    key = Document.objects.get(id=added.id).storage_key
    with django_capture_on_commit_callbacks(execute=True):
        services.remove_document(actor=actor, document_id=added.id)
    assert not Chunk.objects.filter(document_id=added.id).exists()
    assert not get_storage().exists(key)


def test_another_organisation_sees_nothing(actor: Actor, other_actor: Actor, base: KnowledgeBaseInfo) -> None:
    added = add(actor, base, "a.md", b"# One\n\nText.")
    with tenant_scope(other_actor.organisation_id):
        for attempt in (
            lambda: selectors.knowledge_base(other_actor, base.id),
            lambda: selectors.document(other_actor, added.id),
            lambda: services.retry_document(actor=other_actor, document_id=added.id),
            lambda: services.remove_document(actor=other_actor, document_id=added.id),
            lambda: services.release_version(actor=other_actor, knowledge_base_id=base.id),
            lambda: add(other_actor, base, "x.md", b"text"),
        ):
            with pytest.raises(NotFound):
                attempt()
        assert selectors.knowledge_bases(other_actor) == []


def test_file_names_are_cleaned(actor: Actor, base: KnowledgeBaseInfo) -> None:
    assert add(actor, base, "../../etc/pass\x00wd\u202e.md", b"text one").name == "passwd.md"
    assert add(actor, base, "C:\\docs\\list.txt", b"text two").name == "list.txt"
