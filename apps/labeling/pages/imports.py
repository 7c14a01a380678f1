"""Pages of imports: the list, the form, the live page of one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.access import actor_required
from apps.core.errors import InvalidInput
from apps.core.pagination import cursor_page
from apps.labeling import services
from apps.labeling.import_types import ImportState
from apps.labeling.pages.import_forms import ImportForm
from apps.labeling.policies import table
from apps.labeling.selectors import imports as selectors
from apps.labeling.types import LabelingPermission
from apps.tenancy.actors import actor_of

PREVIEW_ITEMS = 5
SHOWN_BAD_ROWS = 20


@require_GET
@actor_required
def import_list(request: HttpRequest) -> HttpResponse:
    """GET /imports/"""
    page = cursor_page(request, selectors.imports(actor_of(request)))
    return render(request, "labeling/imports.html", {"page": page})


@require_http_methods(["GET", "POST"])
@actor_required
def new_import(request: HttpRequest) -> HttpResponse:
    """GET and POST /imports/new/"""
    if request.method == "GET":
        return render(request, "labeling/import_new.html", {"form": ImportForm()})
    form = ImportForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            batch = services.create_import(actor=actor_of(request), **form.arguments())
        except InvalidInput as error:
            form.add_domain_error(error)
        else:
            return redirect("imports:import", batch.id)
    return render(request, "labeling/import_new.html", {"form": form}, status=422)


def _context(request: HttpRequest, import_id: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    batch = selectors.import_of(actor, import_id)
    items = list(selectors.items(batch)[:PREVIEW_ITEMS])
    return {
        "batch": batch,
        "is_open": ImportState(batch.state).is_open,
        "phase": selectors.phase_of(batch),
        "time_left": _time_left(batch.eta_s),
        "bad_rows": list(selectors.quarantine(batch)[:SHOWN_BAD_ROWS]),
        "items": [(item, [(name, selectors.shown(value)) for name, value in item.data.items()]) for item in items],
        "may_change": table.allows(actor, LabelingPermission.ORDER_CREATE),
        "may_remove": table.allows(actor, LabelingPermission.ORDER_CANCEL),
    }


def _time_left(seconds: int | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds} s left" if seconds < 100 else f"{round(seconds / 60)} min left"


@require_GET
@actor_required
def import_page(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """GET /imports/<id>/"""
    return render(request, "labeling/import.html", _context(request, import_id))


@require_GET
@actor_required
def progress_fragment(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """GET /imports/<id>/progress/: the live part of the page."""
    return render(request, "labeling/import_progress.html", _context(request, import_id))


@require_POST
@actor_required
def cancel(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """POST /imports/<id>/cancel/"""
    services.cancel_import(actor=actor_of(request), import_id=import_id)
    messages.success(request, "The import is cancelled.")
    return redirect("imports:import", import_id)


@require_POST
@actor_required
def retry(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """POST /imports/<id>/retry/"""
    services.retry_import(actor=actor_of(request), import_id=import_id)
    return redirect("imports:import", import_id)


@require_POST
@actor_required
def correct(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """POST /imports/<id>/correct/ with the corrected file."""
    selectors.import_of(actor_of(request), import_id)
    upload = request.FILES.get("file")
    if upload is None:
        messages.error(request, "Choose the corrected file first.")
        return redirect("imports:import", import_id)
    try:
        services.correct_import(
            actor=actor_of(request), import_id=import_id, file=upload, filename=upload.name or "corrections"
        )
    except InvalidInput as error:
        return render(
            request, "labeling/import.html", _context(request, import_id) | {"error": error.message}, status=422
        )
    return redirect("imports:import", import_id)


@require_POST
@actor_required
def remove(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """POST /imports/<id>/remove/"""
    services.remove_import(actor=actor_of(request), import_id=import_id)
    messages.success(request, "The import is removed. Orders made of it keep their items.")
    return redirect("imports:imports")


@require_GET
@actor_required
def quarantine(request: HttpRequest, import_id: UUID) -> HttpResponseBase:
    """GET /imports/<id>/quarantine.csv"""
    batch = selectors.import_of(actor_of(request), import_id)
    response = StreamingHttpResponse(selectors.quarantine_csv(batch), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="quarantine.csv"'
    return response
