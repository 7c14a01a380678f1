"""Pages of knowledge bases: `/knowledge/`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST, require_safe

from apps.accounts.access import actor_required
from apps.core.errors import DependencyFailed, DomainError, InvalidInput
from apps.core.problems import status_of
from apps.knowledge import selectors, services
from apps.knowledge.types import ACCEPTED_ENDINGS, MAX_DOCUMENT_BYTES, ChunkDraft, Passage, Quote
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor

PASSAGES_SHOWN = 5
DOCUMENTS_SHOWN = 100
_POSITION = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class FoundPassage:
    """A passage with the quoted words cut out for highlighting."""

    number: int
    passage: Passage
    before: str
    quoted: str
    after: str


@dataclass(frozen=True)
class ShownChunk:
    """A passage of a document, with the cited words cut out for highlighting; `is_first` has the page's anchor."""

    chunk: ChunkDraft
    before: str
    cited: str
    after: str
    is_first: bool = False


@actor_required
def base_list(request: HttpRequest) -> HttpResponse:
    """GET lists the knowledge bases, POST creates one."""
    actor = actor_of(request)
    problem: InvalidInput | None = None
    if request.method == "POST":
        try:
            base = services.create_knowledge_base(
                actor=actor, name=request.POST.get("name", ""), description=request.POST.get("description", "")
            )
        except InvalidInput as error:
            problem = error
        else:
            return redirect("knowledge-base", knowledge_base_id=base.id)
    context = {"bases": selectors.knowledge_bases(actor), "problem": problem, "values": request.POST}
    return render(request, "knowledge/list.html", context, status=422 if problem else 200)


@require_safe
@actor_required
def base_detail(request: HttpRequest, knowledge_base_id: UUID) -> HttpResponse:
    """One knowledge base: its documents, an upload and an ask box."""
    return _detail(request, knowledge_base_id)


@actor_required
def base_documents(request: HttpRequest, knowledge_base_id: UUID) -> HttpResponse:
    """GET answers the live list of documents (a fragment), POST uploads."""
    actor = actor_of(request)
    if request.method == "POST":
        try:
            added = services.add_documents(
                actor=actor, knowledge_base_id=knowledge_base_id, files=services.uploads(request.FILES.getlist("files"))
            )
        except InvalidInput as error:
            return _detail(request, knowledge_base_id, problem=error)
        for item in added:
            if not item.is_new:
                messages.info(request, f"{item.document.name} is in this knowledge base already.")
        return redirect("knowledge-base", knowledge_base_id=knowledge_base_id)
    context = {
        "base": selectors.knowledge_base(actor, knowledge_base_id),
        "documents": selectors.documents(actor, knowledge_base_id, limit=DOCUMENTS_SHOWN),
        "shown": DOCUMENTS_SHOWN,
    }
    return render(request, "knowledge/partials/documents.html", context)


@require_GET
@actor_required
def base_answer(request: HttpRequest, knowledge_base_id: UUID) -> HttpResponse:
    """The passages that answer `?q=` (a fragment)."""
    context = _answer(actor_of(request), knowledge_base_id, request.GET)
    return render(request, "knowledge/partials/answer.html", context)


@require_safe
@actor_required
def document_detail(request: HttpRequest, knowledge_base_id: UUID, document_id: UUID) -> HttpResponse:
    """A document's passages in reading order; `?from=&to=` (characters) highlights what a citation quotes."""
    actor = actor_of(request)
    found = selectors.document_in(actor, knowledge_base_id, document_id)
    span = _span(request)
    chunks = [_shown(chunk, span) for chunk in selectors.document_chunks(actor, document_id)]
    context = {
        "base": selectors.knowledge_base(actor, knowledge_base_id),
        "back_url": reverse("knowledge-base", args=[knowledge_base_id]),
        "document": found,
        "lead": f"{found.chunks} passages as the search sees them.",
        "chunks": _marked_once(chunks),
        "is_cited_missing": span is not None and not any(chunk.cited for chunk in chunks),
        "download_url": selectors.document_url(actor, document_id),
    }
    return render(request, "knowledge/document.html", context)


@require_POST
@actor_required
def document_retry(request: HttpRequest, knowledge_base_id: UUID, document_id: UUID) -> HttpResponse:
    """Read the document once more."""
    selectors.document_in(actor_of(request), knowledge_base_id, document_id)
    password = request.POST.get("password", "")[:200]
    services.retry_document(actor=actor_of(request), document_id=document_id, password=password)
    return redirect("knowledge-base", knowledge_base_id=knowledge_base_id)


@require_POST
@actor_required
def document_remove(request: HttpRequest, knowledge_base_id: UUID, document_id: UUID) -> HttpResponse:
    """Delete the document."""
    found = selectors.document_in(actor_of(request), knowledge_base_id, document_id)
    services.remove_document(actor=actor_of(request), document_id=document_id)
    messages.success(request, f"{found.name} was removed with all its passages.")
    return redirect("knowledge-base", knowledge_base_id=knowledge_base_id)


@require_POST
@actor_required
def base_release(request: HttpRequest, knowledge_base_id: UUID) -> HttpResponse:
    """Freeze the ready documents as a version."""
    try:
        release = services.release_version(actor=actor_of(request), knowledge_base_id=knowledge_base_id)
    except DomainError as error:
        return _detail(request, knowledge_base_id, problem=error)
    messages.success(request, f"Version {release.number} is released.")
    return redirect("knowledge-base", knowledge_base_id=knowledge_base_id)


def _span(request: HttpRequest) -> tuple[int, int] | None:
    """The cited characters, where the address names any."""
    start, end = request.GET.get("from", ""), request.GET.get("to", "")
    return (int(start), int(end)) if _POSITION.fullmatch(start) and _POSITION.fullmatch(end) else None


def _shown(chunk: ChunkDraft, span: tuple[int, int] | None) -> ShownChunk:
    start, end = (max(span[0], chunk.start), min(span[1], chunk.end)) if span is not None else (0, 0)
    if start >= end:
        return ShownChunk(chunk, chunk.text, "", "")
    cut = (start - chunk.start, end - chunk.start)
    return ShownChunk(chunk, chunk.text[: cut[0]], chunk.text[cut[0] : cut[1]], chunk.text[cut[1] :])


def _marked_once(chunks: list[ShownChunk]) -> list[ShownChunk]:
    """Chunks overlap: the page opens at the first that holds most of the cited words."""
    best = max(chunks, key=lambda item: len(item.cited), default=None)
    return [replace(item, is_first=item is best and bool(item.cited)) for item in chunks]


def _detail(request: HttpRequest, knowledge_base_id: UUID, problem: DomainError | None = None) -> HttpResponse:
    actor = actor_of(request)
    context = {
        "base": selectors.knowledge_base(actor, knowledge_base_id),
        "documents": selectors.documents(actor, knowledge_base_id, limit=DOCUMENTS_SHOWN),
        "shown": DOCUMENTS_SHOWN,
        "releases": selectors.releases(actor, knowledge_base_id),
        "problem": problem,
        "sources": selectors.sources(actor, knowledge_base_id),
        "max_bytes": MAX_DOCUMENT_BYTES,
        "accepted": ",".join(ACCEPTED_ENDINGS),
        "max_megabytes": MAX_DOCUMENT_BYTES // (1024 * 1024),
    }
    if request.GET.get("q"):
        context |= _answer(actor, knowledge_base_id, request.GET)
    return render(request, "knowledge/detail.html", context, status=status_of(problem) if problem else 200)


def _answer(actor: Actor, knowledge_base_id: UUID, asked: QueryDict) -> dict[str, object]:
    """What the answer fragment shows; a question that cannot be answered says why in its place."""
    question, metadata = asked.get("q", ""), asked.get("metadata", "").strip()
    selectors.knowledge_base(actor, knowledge_base_id)
    try:
        passages = selectors.search(
            actor=actor,
            knowledge_base_ids=[knowledge_base_id],
            query=question,
            k=PASSAGES_SHOWN,
            metadata=_pairs(metadata),
        )
        findings = selectors.find_quotes(question, passages, count=PASSAGES_SHOWN)
    except (InvalidInput, DependencyFailed) as error:
        return {"question": question, "metadata": metadata, "answer_problem": error}
    quotes, weak = list(findings.quotes), findings.is_weak
    return {
        "question": question,
        "metadata": metadata,
        "weak": weak,
        "best": quotes[0] if quotes and not weak else None,
        "found": [_highlighted(index, passage, quotes) for index, passage in enumerate(passages)],
    }


def _pairs(text: str) -> dict[str, str]:
    """The metadata that documents must have: `name: value`, several with a `;` between."""
    pairs = (part.partition(":") for part in text.split(";"))
    return {name.strip(): value.strip() for name, sign, value in pairs if sign and name.strip()}


def _highlighted(index: int, passage: Passage, quotes: list[Quote]) -> FoundPassage:
    quote = next((quote for quote in quotes if quote.passage_index == index), None)
    start, end = (quote.start, quote.end) if quote else (0, 0)
    return FoundPassage(index + 1, passage, passage.text[:start], passage.text[start:end], passage.text[end:])
