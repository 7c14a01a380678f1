"""Pages of sources: `/knowledge/<id>/sources/`."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.accounts.access import actor_required
from apps.core.errors import Conflict, InvalidInput
from apps.core.problems import status_of
from apps.knowledge import selectors, services
from apps.knowledge.types import SourceInfo, SourceKind, SyncSchedule
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor

_BUCKET_FIELDS = ("bucket", "prefix", "region", "endpoint", "access_key", "secret_key")


@actor_required
def base_sources(request: HttpRequest, knowledge_base_id: UUID) -> HttpResponse:
    """GET answers the live list of sources (a fragment, or with `?add` the page to add one), POST adds one."""
    actor = actor_of(request)
    if request.method == "POST":
        try:
            _add(request, actor, knowledge_base_id)
        except (InvalidInput, Conflict) as error:
            return _form(request, actor, knowledge_base_id, problem=error)
        return redirect("knowledge-base", knowledge_base_id=knowledge_base_id)
    if "add" in request.GET:
        return _form(request, actor, knowledge_base_id)
    base = selectors.knowledge_base(actor, knowledge_base_id)
    context = {"base": base, "sources": selectors.sources(actor, knowledge_base_id), "schedules": list(SyncSchedule)}
    return render(request, "knowledge/partials/sources.html", context)


@require_POST
@actor_required
def source_sync(request: HttpRequest, knowledge_base_id: UUID, source_id: UUID) -> HttpResponse:
    """Look at the source now."""
    actor = actor_of(request)
    selectors.source_in(actor, knowledge_base_id, source_id)
    try:
        services.sync_now(actor=actor, source_id=source_id)
    except Conflict as error:
        messages.info(request, error.message)
    return redirect("knowledge-base", knowledge_base_id=knowledge_base_id)


@require_POST
@actor_required
def source_remove(request: HttpRequest, knowledge_base_id: UUID, source_id: UUID) -> HttpResponse:
    """Delete the source with its documents."""
    actor = actor_of(request)
    found = selectors.source_in(actor, knowledge_base_id, source_id)
    services.remove_source(actor=actor, source_id=source_id)
    messages.success(request, f"{found.name} was removed with all documents that came from it.")
    return redirect("knowledge-base", knowledge_base_id=knowledge_base_id)


def _add(request: HttpRequest, actor: Actor, base_id: UUID) -> SourceInfo:
    kind = request.POST.get("kind", "")
    known = request.POST.get("schedule", "")
    schedule = SyncSchedule(known) if known in list(SyncSchedule) else SyncSchedule.NEVER
    if kind == SourceKind.RECORDS:
        files = services.uploads(request.FILES.getlist("file"))
        if not files:
            message = "Choose a file of records."
            raise InvalidInput("no_files", message, errors=[{"field": "file", "message": message}])
        return services.add_records(actor=actor, knowledge_base_id=base_id, file=files[0])
    if kind == SourceKind.BUCKET:
        place = {name: request.POST.get(name, "").strip()[:1000] for name in _BUCKET_FIELDS}
        return services.add_bucket(actor=actor, knowledge_base_id=base_id, schedule=schedule, **place)
    return services.add_pages(
        actor=actor,
        knowledge_base_id=base_id,
        addresses=request.POST.get("addresses", "").splitlines(),
        kind=SourceKind.SITEMAP if kind == SourceKind.SITEMAP else SourceKind.PAGES,
        schedule=schedule,
    )


def _form(
    request: HttpRequest, actor: Actor, base_id: UUID, problem: InvalidInput | Conflict | None = None
) -> HttpResponse:
    context = {
        "base": selectors.knowledge_base(actor, base_id),
        "back_url": reverse("knowledge-base", args=[base_id]),
        "problem": problem,
        "values": request.POST,
        "schedules": list(SyncSchedule),
    }
    return render(request, "knowledge/add_source.html", context, status=status_of(problem) if problem else 200)
