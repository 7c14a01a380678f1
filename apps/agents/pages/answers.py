"""An answer that was given: what it was made from, its citations as they stand today, and the same question again."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access import actor_required
from apps.agents import selectors, services
from apps.agents.rendering import to_html
from apps.agents.replaying import StoredAnswer
from apps.core.errors import DomainError
from apps.core.problems import status_of
from apps.tenancy.actors import actor_of


@require_safe
@actor_required
def stored_answer(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """The answer with its versions and sources, and buttons to ask again."""
    return render(
        request, "agents/stored_answer.html", _context(selectors.stored_answer(actor_of(request), message_id))
    )


@require_POST
@actor_required
def answer_replay(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Ask again, as it was pinned or as the agent is now, and show both with what explains the difference."""
    actor = actor_of(request)
    answer = selectors.stored_answer(actor, message_id)
    as_pinned = request.POST.get("with") != "now"
    try:
        replay = services.replay_answer(actor=actor, message_id=message_id, as_pinned=as_pinned)
    except DomainError as error:
        return render(
            request, "agents/stored_answer.html", {**_context(answer), "problem": error}, status=status_of(error)
        )
    after = to_html(replay.after.text, source_prefix="", sources=0)
    return render(request, "agents/stored_answer.html", {**_context(answer), "replay": replay, "after_html": after})


@require_safe
@actor_required
def citation(request: HttpRequest, message_id: UUID, number: int) -> HttpResponse:
    """The document at the quoted words; where that cannot be shown, the words as they were when they were quoted."""
    found = selectors.citation(actor_of(request), message_id, number)
    if found.url:
        return redirect(found.url)
    return render(
        request, "agents/citation.html", {"citation": found, "source": found.source, "message_id": message_id}
    )


def _context(answer: StoredAnswer) -> dict[str, object]:
    html = to_html(answer.text, source_prefix="source-", sources=len(answer.sources))
    return {"answer": answer, "html": html}
