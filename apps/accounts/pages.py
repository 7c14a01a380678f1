"""The dashboard and the user's own profile."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts import selectors, services
from apps.accounts.access import actor_required
from apps.core import dashboard as boards
from apps.core.errors import InvalidInput
from apps.tenancy import selectors as tenancy
from apps.tenancy.actors import actor_of
from apps.tenancy.types import OrganisationKind


class ProfileForm(forms.Form):
    """The public name."""

    display_name = forms.CharField(
        label="Display name",
        max_length=80,
        help_text="Shown to your organisation, and beside what you contributed.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


@require_GET
@actor_required
def dashboard(request: HttpRequest) -> HttpResponse:
    """Where things stand, and what to do next."""
    actor = actor_of(request)
    organisation = tenancy.organisation(actor.organisation_id)
    context = {
        "board": boards.collect(actor),
        "organisation": organisation,
        "is_personal": organisation.kind == OrganisationKind.PERSONAL,
    }
    return render(request, "accounts/dashboard.html", context)


@require_http_methods(["GET", "POST"])
@actor_required
def profile(request: HttpRequest) -> HttpResponse:
    """Name, e-mail, password and payout wallet of the user."""
    actor = actor_of(request)
    user = selectors.user(actor.user_id) if actor.user_id else None
    form = ProfileForm(request.POST or None, initial={"display_name": user.display_name if user else ""})
    if request.method == "POST" and form.is_valid() and actor.user_id is not None:
        try:
            services.set_display_name(user_id=actor.user_id, display_name=form.cleaned_data["display_name"])
        except InvalidInput as error:
            form.add_error("display_name", error.message)
        else:
            messages.success(request, "Your name is saved.")
            return redirect("accounts:profile")
    context = {"form": form, "account": user, "wallet": selectors.wallet_address(actor.organisation_id)}
    return render(request, "accounts/profile.html", context, status=422 if form.is_bound else 200)
