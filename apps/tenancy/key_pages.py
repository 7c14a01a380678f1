"""Pages of API keys: make one with its limits, see what each was used for, change and revoke."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.errors import InvalidInput
from apps.tenancy import selectors, services
from apps.tenancy.actors import actor_of
from apps.tenancy.agent_choices import agent_choices
from apps.tenancy.models import ApiKey
from apps.tenancy.pages import signed_in
from apps.tenancy.types import Actor, KeyScope, KeyWishes

_LIMITS = ("requests_per_minute", "requests_per_day", "tokens_per_month")
# Fields of the form that the service calls otherwise.
_FORM_FIELDS = {"agent_ids": "agents"}


class KeyForm(forms.Form):
    """What a key is for and how much it may."""

    name = forms.CharField(max_length=50)
    scopes = forms.MultipleChoiceField(
        choices=KeyScope.choices, initial=KeyScope.values, widget=forms.CheckboxSelectMultiple
    )
    agents = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    requests_per_minute = forms.IntegerField(required=False, min_value=1)
    requests_per_day = forms.IntegerField(required=False, min_value=1)
    tokens_per_month = forms.IntegerField(required=False, min_value=1)
    expires_at = forms.DateTimeField(
        required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(identifier), name) for identifier, name in agent_choices(actor)]
        self.fields["agents"].choices = choices  # type: ignore[attr-defined]  # a field of choices

    def wishes(self) -> KeyWishes:
        """What the valid form asks for; no agent chosen means all."""
        data = self.cleaned_data
        return KeyWishes(
            name=data["name"],
            scopes=tuple(KeyScope(scope) for scope in data["scopes"]),
            agent_ids=tuple(UUID(raw) for raw in data["agents"]) or None,
            expires_at=data["expires_at"],
            **{name: data[name] for name in _LIMITS},
        )

    def take_errors(self, error: InvalidInput) -> None:
        """Show what the service refused at its fields."""
        for problem in error.errors:
            field = _FORM_FIELDS.get(problem.get("field", ""), problem.get("field"))
            self.add_error(field if field in self.fields else None, problem["message"])


@require_http_methods(["GET", "POST"])
@signed_in
@never_cache
def api_keys(request: HttpRequest) -> HttpResponse:
    """The caller's keys. A POST issues one, and its answer is the only page that shows the secret."""
    actor = actor_of(request)
    data = request.POST.copy() if request.method == "POST" else None
    if data is not None and "scopes" not in data:
        data.setlist("scopes", KeyScope.values)
    form = KeyForm(actor, data)
    issued = None
    if data is not None and form.is_valid():
        try:
            issued = services.issue_api_key(actor=actor, name=form.cleaned_data["name"], wishes=form.wishes())
            form = KeyForm(actor)
        except InvalidInput as error:
            form.take_errors(error)
    context = {
        "keys": selectors.api_keys(actor),
        "form": form,
        "issued": issued,
        "base_url": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "tenancy/api_keys.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@signed_in
def api_key(request: HttpRequest, key_id: str) -> HttpResponse:
    """One key: what it was used for and its limits. A POST changes them."""
    actor = actor_of(request)
    key = selectors.api_key(actor, key_id)
    form = KeyForm(actor, request.POST or None, initial=_initial(key))
    if form.is_bound and form.is_valid():
        try:
            services.change_api_key(actor=actor, key_id=key_id, wishes=form.wishes())
            messages.success(request, "The key is changed. Calls from now on are held to it.")
            return redirect("tenancy:api-key", key_id=key_id)
        except InvalidInput as error:
            form.take_errors(error)
    context = {"key": key, "form": form, "usage": selectors.api_key_usage(actor, key_id)}
    return render(request, "tenancy/api_key.html", context, status=422 if form.is_bound else 200)


@require_POST
@signed_in
def revoke_api_key(request: HttpRequest) -> HttpResponse:
    """End a key."""
    services.revoke_api_key(actor=actor_of(request), key_id=request.POST.get("key", ""))
    messages.success(request, "The key no longer works.")
    return redirect("tenancy:api-keys")


def _initial(key: ApiKey) -> dict[str, Any]:
    limits = {name: getattr(key, name) for name in _LIMITS}
    return limits | {
        "name": key.name,
        "scopes": list(key.scopes),
        "agents": [str(identifier) for identifier in key.agent_ids or ()],
        "expires_at": key.expiry_date,
    }
