"""Calls with side effects that wait for the one who asked: in the chat, and on a page of their own."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages as notices
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access import actor_required
from apps.agents import selectors, services, streaming
from apps.agents.pages.conversations import page_of_conversation
from apps.agents.types import CallState, PendingCallInfo
from apps.core.errors import DomainError, InvalidInput
from apps.core.problems import CONTENT_TYPE, problem_of, status_of
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor

SETTLED = {"happened": (True, False), "again": (False, True), "leave": (False, False)}
"""What the one who asked has found of an uncertain call: whether it happened, and whether it is made again."""
SAID = {
    CallState.DONE: "Done.",
    CallState.REFUSED: "Refused. Nothing was sent.",
    CallState.FAILED: "It was tried and failed.",
    CallState.APPROVED: "It is on its way.",
    CallState.UNCERTAIN: "It is not known whether it took effect. Look there, then say what happened.",
}


@require_safe
@actor_required
def call_list(request: HttpRequest) -> HttpResponse:
    """What waits for this person, and what was decided."""
    actor = actor_of(request)
    context = {"waiting": selectors.pending_calls(actor), "decided": selectors.decided_calls(actor)}
    return render(request, "agents/calls.html", context)


@require_safe
@actor_required
def conversation_calls(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The calls of a conversation that wait (a fragment)."""
    actor = actor_of(request)
    found = selectors.conversation(actor, conversation_id)
    context = {"calls": selectors.pending_calls(actor, found.id)}
    return render(request, "agents/partials/calls.html", context)


@require_POST
@actor_required
def call_decide(request: HttpRequest, pending_call_id: UUID) -> HttpResponse:
    """Approve or refuse (JSON to the chat's own script, else back to the conversation)."""
    actor = actor_of(request)
    call = selectors.pending_call(actor, pending_call_id)
    by_script = "application/json" in request.headers.get("Accept", "")
    try:
        decided = _decided(request, actor, call)
    except DomainError as error:
        if by_script:
            return JsonResponse(problem_of(error), status=status_of(error), content_type=CONTENT_TYPE)
        notices.error(request, error.message)
    else:
        said = SAID.get(decided.state, "")
        if decided.answer_id is not None:
            streaming.expect(actor, decided.answer_id, decided.conversation_id)
        if by_script:
            goes_on = {"answer": _id(decided.answer_id), "message": _id(decided.message_id)}
            return JsonResponse({"state": str(decided.state), "said": said} | goes_on)
        notices.success(request, said)
    page = None
    if call.conversation_id is not None:
        page = page_of_conversation(actor, selectors.conversation(actor, call.conversation_id))
    return redirect(page or "agent-calls")


def _decided(request: HttpRequest, actor: Actor, call: PendingCallInfo) -> PendingCallInfo:
    decision = request.POST.get("decision", "")
    if call.in_team:
        raise InvalidInput("decided_in_team", "Decide this one on the page of the team's run.")
    if decision in SETTLED:
        happened, again = SETTLED[decision]
        return services.settle_call(actor=actor, call_id=call.id, happened=happened, again=again)
    if decision not in ("approve", "refuse"):
        raise InvalidInput("unknown_decision", "Choose approve or refuse.")
    return services.decide_call(actor=actor, call_id=call.id, approve=decision == "approve")


def _id(value: UUID | None) -> str | None:
    return str(value) if value is not None else None
