"""Which model answers, what it may not say, and what it may use: one form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.accounts.access import actor_required
from apps.agents import selectors, services
from apps.agents.pages.limit_words import LANGUAGES, UNSUPPORTED
from apps.agents.prices import decimal_of, dollars, micro_of
from apps.agents.services import AgentChanges
from apps.agents.specs import BundledModel, TeamModel
from apps.agents.types import AgentConfig, AgentInfo, ConnectionInfo, ConnectionKind
from apps.core.errors import DomainError, InvalidInput
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor

UNPROCESSABLE = 422
MOST_USD = Decimal(1_000_000)
MODELS = {
    "bundled": "The platform's own small model, or the fine-tune chosen under More settings",
    "runner": "Another model on the runner, by its Hugging Face name",
    "endpoint": "A model behind a connection of yours (OpenAI-compatible)",
}
PRICE_HELP = "What it costs you for a million tokens. The budget and each answer's price are counted with it."


def _usd(label: str, help_text: str = "0: no limit.") -> forms.DecimalField:
    return forms.DecimalField(
        min_value=Decimal(0), max_value=MOST_USD, decimal_places=6, label=label, help_text=help_text
    )


class LimitsForm(forms.Form):
    """Model, guard rails and budget. Their limits are checked where they are saved."""

    kind = forms.ChoiceField(label="Model", widget=forms.RadioSelect, choices=list(MODELS.items()))
    name = forms.CharField(
        required=False, max_length=200, label="Name of the model", help_text="As its service or Hugging Face calls it."
    )
    connection_id = forms.ChoiceField(required=False, label="Connection", choices=())
    input_price = _usd("Price of what it reads, $", PRICE_HELP)
    output_price = _usd("Price of what it writes, $", "For a million tokens.")

    refused_topics = forms.CharField(
        required=False,
        label="Declined topics",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One a line. A question about one of them is declined. This is a fence, not a wall.",
    )
    mask_input = forms.BooleanField(required=False, label="Mask personal data in questions")
    mask_output = forms.BooleanField(required=False, label="Mask personal data in answers")
    must_cite = forms.BooleanField(required=False, label="Every answer must cite a passage")
    unsupported = forms.ChoiceField(label="Sentences that no passage carries", choices=list(UNSUPPORTED.items()))
    language = forms.ChoiceField(required=False, label="Language of answers", choices=list(LANGUAGES.items()))
    max_characters = forms.IntegerField(min_value=0, label="Longest answer, characters", help_text="0: no limit.")

    max_tokens = forms.IntegerField(label="Tokens of one answer")
    max_tool_calls = forms.IntegerField(label="Tool calls of one answer")
    max_seconds = forms.IntegerField(label="Seconds of one answer")
    max_usd = _usd("Money of one answer, $")
    day_tokens = forms.IntegerField(min_value=0, label="Tokens of one day", help_text="0: no limit.")
    day_usd = _usd("Money of one day, $")

    MODEL = ("kind", "connection_id", "name", "input_price", "output_price")
    GUARD = (
        "refused_topics",
        "mask_input",
        "mask_output",
        "must_cite",
        "unsupported",
        "language",
        "max_characters",
    )
    BUDGET = ("max_tokens", "max_tool_calls", "max_seconds", "max_usd", "day_tokens", "day_usd")

    def __init__(self, *args: Any, config: AgentConfig, connections: Sequence[ConnectionInfo], **kwargs: Any) -> None:
        kwargs["initial"] = _initial(config)
        super().__init__(*args, **kwargs)
        field = self.fields["connection_id"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", "None"), *((str(one.id), one.name) for one in connections)]
        kinds = self.fields["kind"]
        if isinstance(config.model, TeamModel) and isinstance(kinds, forms.ChoiceField):
            kinds.choices = [("team", "The team that it was made from; its members have models of their own")]
        self.config = config

    def part(self, names: Sequence[str]) -> list[forms.BoundField]:
        """Some of the fields."""
        return [self[name] for name in names]

    def parts(self) -> list[tuple[str, list[forms.BoundField]]]:
        """All of them under their headings."""
        return [
            ("Model", self.part(self.MODEL)),
            ("Guard rails", self.part(self.GUARD)),
            ("Budget", self.part(self.BUDGET)),
        ]

    def clean(self) -> dict[str, Any]:
        """A model of another place needs its name, one behind a connection that too."""
        data = super().clean() or {}
        if data.get("kind") in ("runner", "endpoint") and not data.get("name"):
            self.add_error("name", "Give the model's name.")
        if data.get("kind") == "endpoint" and not data.get("connection_id"):
            self.add_error("connection_id", "Choose a connection, or make one first.")
        return data

    def changes(self) -> AgentChanges:
        """The valid form as the service takes it; what it does not show stays as it is."""
        data = self.cleaned_data
        topics = [" ".join(line.split()) for line in data["refused_topics"].splitlines() if line.strip()]
        guard = self.config.guard.model_dump(mode="json")
        guard |= {name: data[name] for name in self.GUARD} | {"refused_topics": topics}
        budget = {name: data[name] for name in ("max_tokens", "max_tool_calls", "max_seconds", "day_tokens")}
        budget |= {"max_micro_usd": micro_of(data["max_usd"]), "day_micro_usd": micro_of(data["day_usd"])}
        return AgentChanges(guard=guard, budget=budget, model=self._model())

    def _model(self) -> dict[str, Any]:
        data = self.cleaned_data
        if isinstance(self.config.model, TeamModel):
            return self.config.model.model_dump(mode="json")
        if data["kind"] == "bundled":
            return BundledModel().model_dump(mode="json")
        if data["kind"] == "runner":
            return {"kind": "runner", "name": data["name"]}
        prices = {name: micro_of(data[name]) for name in ("input_price", "output_price")}
        return {"kind": "endpoint", "name": data["name"], "connection_id": data["connection_id"], **prices}


@actor_required
def agent_limits(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """GET shows the form, POST saves it."""
    actor = actor_of(request)
    agent = selectors.agent(actor, agent_id)
    connections = [one for one in selectors.connections(actor) if one.kind is ConnectionKind.MODEL]
    data = request.POST if request.method == "POST" else None
    form = LimitsForm(data, config=agent.config, connections=connections)
    if request.method == "POST" and form.is_valid() and _saved(request, actor, agent, form):
        messages.success(request, "Saved. Visitors see it when you publish.")
        return redirect("agent-edit", agent_id=agent_id)
    tokens, micro_usd = services.used_today(agent.organisation_id, agent.id)
    context = {
        "agent": agent,
        "form": form,
        "parts": form.parts(),
        "has_connections": bool(connections),
        "used": f"{tokens:,} tokens and {dollars(micro_usd)}",
    }
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render(request, "agents/limits.html", context, status=status)


def _saved(request: HttpRequest, actor: Actor, agent: AgentInfo, form: LimitsForm) -> bool:
    raw = request.POST.get("revision", "")
    try:
        changes = replace(form.changes(), revision=int(raw) if raw.isdecimal() else None)
        services.update_agent(actor=actor, agent_id=agent.id, changes=changes)
    except InvalidInput as error:
        for problem in error.errors or [{"field": "", "message": error.message}]:
            part = problem["field"].partition(".")[2].partition("[")[0].replace("micro_usd", "usd")
            form.add_error(part if part in form.fields else None, problem["message"])
        return False
    except DomainError as error:
        form.add_error(None, error.message)
        return False
    return True


def _initial(config: AgentConfig) -> dict[str, Any]:
    model, guard, budget = (part.model_dump(mode="json") for part in (config.model, config.guard, config.budget))
    prices = {name: decimal_of(model.get(name, 0)) for name in ("input_price", "output_price")}
    money = {"max_usd": decimal_of(budget["max_micro_usd"]), "day_usd": decimal_of(budget["day_micro_usd"])}
    return guard | budget | model | prices | money | {"refused_topics": "\n".join(guard["refused_topics"])}
