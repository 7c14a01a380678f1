"""The passages of a document: see what the search sees, correct it, keep parts out."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access import actor_required
from apps.core.errors import DomainError
from apps.core.problems import status_of
from apps.knowledge import selectors, services
from apps.tenancy.actors import actor_of


@require_safe
@actor_required
def document_passages(request: HttpRequest, knowledge_base_id: UUID, document_id: UUID) -> HttpResponse:
    """All passages of a document, each with its editor and history."""
    return _page(request, knowledge_base_id, document_id)


@require_POST
@actor_required
def passage_edit(request: HttpRequest, knowledge_base_id: UUID, document_id: UUID, chunk_id: UUID) -> HttpResponse:
    """Save a passage's text, exclude it, or take it back in."""
    actor = actor_of(request)
    selectors.document_in(actor, knowledge_base_id, document_id)
    action = request.POST.get("action", "save")
    try:
        if action in ("exclude", "include"):
            services.set_chunk_excluded(actor=actor, chunk_id=chunk_id, is_excluded=action == "exclude")
        else:
            services.edit_chunk(
                actor=actor,
                chunk_id=chunk_id,
                text=request.POST.get("text", ""),
                based_on=request.POST.get("based_on"),
            )
    except DomainError as error:
        kept = {"id": chunk_id, "text": request.POST.get("text", "")}
        return _page(request, knowledge_base_id, document_id, problem=error, kept=kept)
    said = {
        "exclude": "Kept out: no search finds this passage now.",
        "include": "The search finds this passage again.",
    }
    messages.success(request, said.get(action, "Saved and embedded anew. The next answer uses it."))
    page = reverse("knowledge-passages", args=[knowledge_base_id, document_id])
    return redirect(f"{page}#chunk-{chunk_id}")


def _page(
    request: HttpRequest,
    knowledge_base_id: UUID,
    document_id: UUID,
    problem: DomainError | None = None,
    kept: dict[str, object] | None = None,
) -> HttpResponse:
    actor = actor_of(request)
    document = selectors.document_in(actor, knowledge_base_id, document_id)
    words = request.GET.get("q", "")
    found = selectors.passages(actor, document_id, words)
    context = {
        "base": selectors.knowledge_base(actor, knowledge_base_id),
        "back_url": reverse("knowledge-base", args=[knowledge_base_id]),
        "document": document,
        "document_url": reverse("knowledge-document", args=[knowledge_base_id, document_id]),
        "passages": found,
        "longest": max((passage.tokens for passage in found), default=1),
        "excluded": sum(passage.is_excluded for passage in found),
        "edited": sum(bool(passage.edits) for passage in found),
        "words": words,
        "problem": problem,
        "kept": kept or {},
    }
    return render(request, "knowledge/passages.html", context, status=status_of(problem) if problem else 200)
