"""Pages of skills and profiles: what annotators have and can earn, what requesters test and ask for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.access import actor_required
from apps.core.errors import Conflict, DomainError, InvalidInput, NotPermitted
from apps.core.money import Money
from apps.core.pagination import cursor_page
from apps.core.tenant import tenant_scope
from apps.labeling import brief, services, uploads
from apps.labeling.brief import instruction_html, read_design
from apps.labeling.eligibility import LANGUAGES, LEVELS, Requirements
from apps.labeling.pages.forms import classes_of, money_of
from apps.labeling.pages.work import annotator_of_visitor
from apps.labeling.policies import table
from apps.labeling.selectors import eligibility as selectors
from apps.labeling.selectors import orders
from apps.labeling.types import OPEN_ORDER_STATES, LabelingPermission, OrderState
from apps.tenancy.actors import actor_of
from apps.tenancy.policies import is_staff
from apps.tenancy.types import PLATFORM_ID, Actor

_LANGUAGES = sorted(LANGUAGES.items(), key=lambda one: one[1])


@require_http_methods(["GET", "POST"])
@never_cache
@actor_required
def profile(request: HttpRequest) -> HttpResponse:
    """GET and POST /work/profile/: languages as declared, level, skills."""
    with annotator_of_visitor(request) as actor:
        if actor is None:
            return redirect("work:board")
        if request.method == "POST":
            try:
                services.declare_languages(actor=actor, languages=request.POST.getlist("languages"))
                messages.success(request, "Your languages are saved.")
            except (InvalidInput, NotPermitted) as error:
                messages.warning(request, error.message)
            return redirect("work:profile")
        found = selectors.profile(actor)
        mine = [one for one in selectors.open_skills(actor) if one.is_held]
    context = {
        "profile": found,
        "languages": [(code, name, code in found.languages) for code, name in _LANGUAGES],
        "held": mine,
        "levels": LEVELS,
        "decided": found.accepted + found.rejected,
    }
    return render(request, "labeling/profile.html", context)


@require_GET
@never_cache
def skill_list(request: HttpRequest) -> HttpResponse:
    """GET /work/skills/: what can be earned. Open to everybody."""
    with annotator_of_visitor(request) as actor:
        rows = selectors.open_skills(actor)
    return render(request, "labeling/skills.html", {"rows": rows, "annotator": actor})


@require_GET
@never_cache
def skill_page(request: HttpRequest, skill_id: UUID) -> HttpResponse:
    """GET /work/skills/<skill>/: what the test asks, pays and gives. Open to everybody."""
    with annotator_of_visitor(request) as actor:
        mine = selectors.my_skill(actor, skill_id)
    context = {"mine": mine, "annotator": actor, "instruction": instruction_html(mine.skill.instruction)}
    return render(request, "labeling/skill.html", context)


@require_POST
@actor_required
def take(request: HttpRequest, skill_id: UUID) -> HttpResponse:
    """POST /work/skills/<skill>/take/: begin the test, in the player."""
    try:
        with annotator_of_visitor(request) as actor:
            if actor is not None:
                attempt = services.take_skill(actor=actor, skill_id=skill_id)
                services.lease_tasks(actor=actor, order_id=attempt.order_id, count=3)
                return redirect("work:player", attempt.order_id)
    except (Conflict, NotPermitted) as error:
        messages.warning(request, error.message)
    return redirect("work:skill", skill_id)


@require_POST
@actor_required
def end(request: HttpRequest, skill_id: UUID) -> HttpResponse:
    """POST /work/skills/<skill>/end/"""
    try:
        with annotator_of_visitor(request) as actor:
            if actor is not None:
                selectors.my_skill(actor, skill_id)
                services.end_attempt(actor=actor, skill_id=skill_id)
                messages.success(request, "The test is ended; its result is here in a moment.")
    except Conflict as error:
        messages.warning(request, error.message)
    return redirect("work:skill", skill_id)


class SkillForm(forms.Form):
    """A skill with its questions; every check that matters is the service's."""

    name = forms.CharField(max_length=brief.MAX_TITLE, help_text="What annotators read, such as “Moroccan Arabic”.")
    instruction = forms.CharField(
        max_length=brief.MAX_INSTRUCTION, widget=forms.Textarea(attrs={"rows": 4}), help_text="Markdown works."
    )
    file = forms.FileField(
        label="Questions",
        help_text="CSV or JSONL with the columns “text” and “label”, or a column for each input and control of your "
        "design. Every row needs its known answer.",
    )
    classes = forms.CharField(
        required=False,
        label="Choices",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One a line; left empty: the labels found in the file.",
    )
    design = forms.JSONField(
        required=False,
        label="Design (JSON)",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="Instead of choices, for anything but one choice on a text.",
    )
    price = forms.DecimalField(
        label="Pay for a right answer, in dollars", min_value=Decimal("0.01"), decimal_places=2, initial=Decimal("0.04")
    )
    drawn = forms.IntegerField(label="Questions in one test", initial=10, help_text="Drawn anew for each attempt.")
    pass_percent = forms.IntegerField(label="Right answers that pass, in percent", initial=80)
    retake_days = forms.IntegerField(label="Days between two attempts", initial=7)
    valid_days = forms.IntegerField(label="Days that the skill counts", initial=365)
    attempts = forms.IntegerField(label="Attempts you pay for", initial=100)
    of_platform = forms.BooleanField(required=False, label="As a skill of the platform")

    def arguments(self) -> dict[str, Any]:
        """For `services.create_skill`, but for the actor."""
        data = dict(self.cleaned_data)
        data.pop("of_platform")
        design = data["design"] or None
        shown = read_design(design) if design is not None else None
        file = data.pop("file")
        return data | {
            "price": money_of(data["price"]),
            "design": design,
            "classes": classes_of(data["classes"]) if design is None else (),
            "table": uploads.read_upload(file, file.name, design=shown, with_answers=True),
            "filename": file.name,
        }

    def add_domain_error(self, error: DomainError) -> None:
        """Show a refusal beside the fields it names."""
        names = {"title": "name", "price_per_label": "price"}
        for problem in error.errors[:5]:
            field = names.get(problem.get("field", ""), problem.get("field", "").split(".")[0])
            row = f"Row {problem['row']}: " if "row" in problem else ""
            placed = "file" if row else field if field in self.fields else None
            self.add_error(placed, f"{row}{problem['message']}")
        if not error.errors:
            self.add_error(None, error.message)


@require_GET
@actor_required
def own_skills(request: HttpRequest) -> HttpResponse:
    """GET /skills/: the organisation's skills; for staff also the platform's."""
    actor = actor_of(request)
    page = cursor_page(request, selectors.skills(actor))
    of_platform = []
    if is_staff(actor):
        with tenant_scope(PLATFORM_ID):
            of_platform = list(selectors.skills(Actor.system(PLATFORM_ID))[:100])
    context = {
        "rows": [(row, Money(row.price_minor * row.drawn, row.currency)) for row in page.results],
        "page": page,
        "of_platform": [(row, Money(row.price_minor * row.drawn, row.currency)) for row in of_platform],
        "may_manage": table.allows(actor, LabelingPermission.SKILL_MANAGE),
    }
    return render(request, "labeling/own_skills.html", context)


@require_http_methods(["GET", "POST"])
@actor_required
def new_skill(request: HttpRequest) -> HttpResponse:
    """GET and POST /skills/new/"""
    actor = actor_of(request)
    form = SkillForm(request.POST or None, request.FILES or None)
    if not is_staff(actor):
        form.fields.pop("of_platform")
    if request.method == "POST" and form.is_valid():
        as_platform = form.cleaned_data.setdefault("of_platform", False)
        owner = Actor.system(PLATFORM_ID) if as_platform else actor
        try:
            arguments = form.arguments()
            with tenant_scope(owner.organisation_id):
                services.create_skill(actor=owner, **arguments)
        except InvalidInput as error:
            form.add_domain_error(error)
        else:
            messages.success(request, "The skill is open; annotators can take its test.")
            return redirect("skills:own")
    status = 422 if form.errors else 200
    return render(request, "labeling/skill_new.html", {"form": form}, status=status)


@require_POST
@actor_required
def change(request: HttpRequest, skill_id: UUID) -> HttpResponse:
    """POST /skills/<skill>/change/ with `action` open or close, or `add_attempts`."""
    actions: dict[str, dict[str, Any]] = {"open": {"is_open": True}, "close": {"is_open": False}}
    actor = actor_of(request)
    if request.POST.get("of_platform") and is_staff(actor):
        actor = Actor.system(PLATFORM_ID)
    changes = actions.get(request.POST.get("action", ""), {})
    more = request.POST.get("add_attempts", "")
    if more.isdecimal():
        changes = {"add_attempts": int(more)}
    with tenant_scope(actor.organisation_id):
        services.change_skill(actor=actor, skill_id=skill_id, **changes)
    messages.success(request, "The skill is changed.")
    return redirect("skills:own")


@require_http_methods(["GET", "POST"])
@actor_required
def requirements(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """GET and POST /orders/<order>/requirements/: what the order asks of annotators."""
    actor = actor_of(request)
    order = orders.order(actor, order_id)
    if request.method == "POST":
        try:
            services.set_requirements(
                actor=actor,
                order_id=order_id,
                skills=[UUID(one) for one in request.POST.getlist("skills") if _is_uuid(one)],
                languages=request.POST.getlist("languages"),
                level=int(request.POST.get("level", "0")) if request.POST.get("level", "0").isdecimal() else 0,
            )
        except (InvalidInput, Conflict) as error:
            messages.warning(request, error.message)
            return redirect("orders:requirements", order_id)
        messages.success(request, "Saved. It counts for annotators who come from now on.")
        return redirect("orders:order", order_id)
    asked = Requirements.from_json(order.requirements)
    context = {
        "order": order,
        "skills": [(row, row.id in asked.skills) for row in selectors.usable_skills(actor)],
        "languages": [(code, name, code in asked.languages) for code, name in _LANGUAGES],
        "levels": LEVELS,
        "level": asked.level,
        "may_change": order.state in (OrderState.DRAFT, *OPEN_ORDER_STATES)
        and table.allows(actor, LabelingPermission.ORDER_CREATE),
    }
    return render(request, "labeling/requirements.html", context)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
