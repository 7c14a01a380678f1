"""Pages for annotators: the task board, the player, what became of the answers.

The player works without JavaScript too: the questions are fields of a form, which answers, lends the next task and
comes back. With it, the same page's custom element takes over (static/src/labeling/player.ts).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import actor_or_guest
from apps.accounts.middleware import ORGANISATION_KEY
from apps.core import clock
from apps.core.errors import Conflict, InvalidInput, NotPermitted
from apps.core.pagination import cursor_page
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.brief import instruction_html
from apps.labeling.design import Design, example_in_words
from apps.labeling.eligibility import LANGUAGES, Requirements
from apps.labeling.selectors import work as selectors
from apps.labeling.selectors.appeals import with_appeals
from apps.labeling.selectors.cases import my_cases
from apps.labeling.selectors.eligibility import missing_for, skill_names
from apps.labeling.types import AnnotationState, BoardEntry, LeasedTask, WorkTotals
from apps.tenancy.actors import maybe_actor
from apps.tenancy.types import Actor

PREFETCH = 3


@contextmanager
def annotator_of_visitor(request: HttpRequest) -> Iterator[Actor | None]:
    """The visitor as an annotator, in the scope of the own personal organisation; None for a stranger."""
    actor = maybe_actor(request)
    if actor is None:
        yield None
        return
    found = services.annotator_of(actor, chose_organisation=ORGANISATION_KEY in request.session)
    with tenant_scope(found.organisation_id):
        yield found


@require_GET
@never_cache
def board(request: HttpRequest) -> HttpResponse:
    """GET /work/: what there is to do and what it pays, and what is missing for it. Open to everybody."""
    entries = selectors.board()
    with annotator_of_visitor(request) as actor:
        lacking = missing_for(actor, entries) if actor is not None else {}
    rows = [(one, Design.from_json(one.design).described, _asked(one), lacking.get(one.order_id)) for one in entries]
    # What one can do comes first; the order among equals stays.
    rows.sort(key=lambda row: bool(row[3]))
    return render(request, "labeling/board.html", {"entries": rows})


def _asked(entry: BoardEntry) -> list[str]:
    """What an order asks of annotators, in words."""
    asked = Requirements.from_json(entry.requirements)
    words = [f"skill {name}" for name in skill_names(asked.skills).values()]
    words += [LANGUAGES.get(code, code) for code in asked.languages]
    return words + ([f"level {asked.level}"] if asked.level else [])


@require_GET
@never_cache
def player(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """GET /work/<order>/: what the work is; with tasks in hand, the player."""
    with annotator_of_visitor(request) as actor:
        entry, is_open = selectors.board_entry(order_id, actor.organisation_id if actor is not None else None)
        lacking = missing_for(actor, [entry]).get(order_id, ()) if actor is not None else ()
        tasks = selectors.live_leases(actor, entry) if actor is not None else []
        totals = selectors.order_totals(actor, entry) if actor is not None else WorkTotals()
    design = Design.from_json(entry.design)
    context: dict[str, Any] = {
        "entry": entry,
        "example": example_in_words(design, entry.example),
        "is_open": is_open,
        "totals": totals,
        "instruction": instruction_html(entry.instruction),
        "design": design,
        "task": tasks[0] if tasks else None,
        "shown": [(one, tasks[0].data[one.name]) for one in design.inputs] if tasks else [],
        "annotator": actor,
        "asked": _asked(entry),
        "missing": lacking if not totals.submitted else (),
    }
    if actor is not None:
        context["player"] = _player_data(entry, tasks, totals, actor)
    return render(request, "labeling/player.html", context)


def _player_data(entry: BoardEntry, tasks: list[LeasedTask], totals: WorkTotals, actor: Actor) -> dict[str, Any]:
    now = clock.now()
    return {
        "order_id": str(entry.order_id),
        "annotator_id": str(actor.organisation_id),
        "is_guest": actor.is_guest,
        "design": entry.design,
        "tasks": [task.as_json(now) for task in tasks],
        "totals": totals.as_json(),
        "price_minor": entry.price.minor,
        "open_labels": entry.open_labels,
        "prefetch": PREFETCH,
        "leases_url": reverse("api-order-leases", args=[entry.order_id]),
        "board_url": reverse("work:board"),
        "mine_url": reverse("work:mine"),
        "sign_up_url": reverse("account_signup"),
    }


@require_POST
@actor_or_guest
def start(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """POST /work/<order>/start/: lend the first tasks. A visitor becomes a guest and can sign up later."""
    return _lend(request, order_id, PREFETCH)


def _lend(request: HttpRequest, order_id: UUID, count: int) -> HttpResponse:
    with annotator_of_visitor(request) as actor:
        if actor is not None:
            try:
                found = services.lease_tasks(actor=actor, order_id=order_id, count=count)
            except (Conflict, NotPermitted) as error:
                messages.warning(request, error.message)
                return redirect("work:board")
            if not found.tasks and not selectors.live_leases(actor, _entry_for(actor, order_id)):
                waiting = "Others hold the last tasks; come back in a few minutes." if found.remaining else ""
                messages.info(request, f"There is nothing left for you in this order. {waiting}".strip())
                return redirect("work:mine")
    return redirect("work:player", order_id)


def _entry_for(actor: Actor, order_id: UUID) -> BoardEntry:
    return selectors.board_entry(order_id, actor.organisation_id)[0]


@require_POST
@actor_or_guest
def answer(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """POST /work/<order>/answer/: an answer, skip or flag, without JavaScript."""
    assignment_id = _uuid(request.POST.get("assignment", ""))
    with annotator_of_visitor(request) as actor:
        if actor is None:
            return redirect("work:player", order_id)
        entry = _entry_for(actor, order_id)
        try:
            _act(request, actor, assignment_id, entry)
        except (Conflict, InvalidInput) as error:
            messages.warning(request, error.message)
            return redirect("work:player", order_id)
        if selectors.live_leases(actor, entry):
            return redirect("work:player", order_id)
    return _lend(request, order_id, 1)


def _act(request: HttpRequest, actor: Actor, assignment_id: UUID, entry: BoardEntry) -> None:
    action = request.POST.get("action", "")
    if action == "skip":
        services.skip_task(actor=actor, assignment_id=assignment_id)
    elif action == "flag":
        services.flag_task(actor=actor, assignment_id=assignment_id)
    else:
        given = {
            control.name: control.from_form(request.POST.getlist(f"answer.{control.name}"))
            for control in Design.from_json(entry.design).controls
        }
        services.submit_annotation(actor=actor, assignment_id=assignment_id, answer=given, elapsed_ms=0)


def _uuid(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise InvalidInput("assignment_missing", "The form has no task. Open the page again.") from None


@require_GET
@never_cache
def my_work(request: HttpRequest) -> HttpResponse:
    """GET /work/mine/?state=: each answer with its state, rule, reason and pay."""
    with annotator_of_visitor(request) as actor:
        if actor is None:
            return redirect("work:board")
        chosen = next((state for state in AnnotationState if state.value == request.GET.get("state")), None)
        page = cursor_page(request, selectors.my_annotations(actor, chosen))
        context = {
            "rows": with_appeals(selectors.infos(page.results)),
            "page": page,
            "chosen": chosen,
            "states": list(AnnotationState),
            "annotator": actor,
        }
        return render(request, "labeling/my_work.html", context | _totals(actor))


def _totals(actor: Actor) -> dict[str, Any]:
    return {"totals": selectors.my_totals(actor), "cases": sum(case.is_open for case in my_cases(actor))}


@require_GET
@never_cache
def my_totals_fragment(request: HttpRequest) -> HttpResponse:
    """GET /work/mine/totals/: the live part of the page."""
    with annotator_of_visitor(request) as actor:
        if actor is None:
            return HttpResponse(status=204)
        return render(request, "labeling/my_totals.html", _totals(actor))
