"""The page that says what others may have of a knowledge base: `/knowledge/<id>/privacy/`."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.accounts.access import actor_required
from apps.core.errors import InvalidInput
from apps.knowledge import selectors, services
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor


@require_http_methods(["GET", "HEAD", "POST"])
@actor_required
def base_privacy(request: HttpRequest, knowledge_base_id: UUID) -> HttpResponse:
    """GET shows the rules, POST saves them, plants a canary or destroys all documents."""
    actor = actor_of(request)
    problem: InvalidInput | None = None
    if request.method == "POST":
        try:
            _change(request, actor, knowledge_base_id)
        except InvalidInput as error:
            problem = error
        else:
            return redirect("knowledge-privacy", knowledge_base_id=knowledge_base_id)
    rules = selectors.privacy(actor, knowledge_base_id)
    context = {
        "base": selectors.knowledge_base(actor, knowledge_base_id),
        "back_url": reverse("knowledge-base", args=[knowledge_base_id]),
        "canaries": len(rules.canaries),
        "longest_quote": request.POST.get("longest_quote", rules.longest_quote),
        "document_percent": request.POST.get("document_percent", rules.document_percent),
        "problem": problem,
    }
    return render(request, "knowledge/privacy.html", context, status=422 if problem else 200)


def _change(request: HttpRequest, actor: Actor, knowledge_base_id: UUID) -> None:
    if "canary" in request.POST:
        services.plant_canary(actor=actor, knowledge_base_id=knowledge_base_id)
        messages.success(request, "A canary was planted. Publish your agents anew so that they have it.")
        return
    if "shred" in request.POST:
        count = services.shred_base(actor=actor, knowledge_base_id=knowledge_base_id)
        messages.success(request, f"{count} documents were destroyed.")
        return
    services.set_privacy(
        actor=actor,
        knowledge_base_id=knowledge_base_id,
        longest_quote=_number(request, "longest_quote"),
        document_percent=_number(request, "document_percent"),
    )
    messages.success(request, "Saved. The next answers follow it.")


def _number(request: HttpRequest, name: str) -> int:
    raw = request.POST.get(name, "")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 7 else -1
