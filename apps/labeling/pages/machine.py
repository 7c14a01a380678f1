"""The switch of an order's machine."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.accounts.access import actor_required
from apps.core.errors import DomainError
from apps.labeling import services
from apps.labeling.machine_types import LANGUAGE_MODEL, PLATFORM, MachineSettings
from apps.labeling.selectors import orders as selectors
from apps.tenancy.actors import actor_of


class MachineForm(forms.Form):
    """What the machine may do, in percent."""

    precision = forms.FloatField(
        min_value=50,
        max_value=99,
        initial=95,
        label="Promised precision, in percent",
        widget=forms.NumberInput(attrs={"step": "0.5"}),
        help_text="Machine labels are accepted only where an audit proves it.",
    )
    audit = forms.FloatField(
        min_value=1,
        max_value=50,
        initial=5,
        label="Checked by people, in percent",
        widget=forms.NumberInput(attrs={"step": "1"}),
        help_text="The least share of machine labels that people check at random.",
    )
    source = forms.CharField(
        max_length=1000,
        initial=PLATFORM,
        label="What predicts",
        help_text=f"{PLATFORM} (learns in this order), {LANGUAGE_MODEL}, the id of a model version, or an https:// "
        "address of yours.",
    )

    @classmethod
    def showing(cls, settings: MachineSettings | None) -> MachineForm:
        """The form with what is set."""
        found = settings or MachineSettings()
        return cls(
            initial={
                "precision": round(found.precision * 100, 2),
                "audit": round(found.audit * 100, 2),
                "source": found.source,
            }
        )


@require_POST
@actor_required
def set_machine(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """POST /orders/<id>/machine/ with the form, or with `off`."""
    selectors.order(actor_of(request), order_id)  # somebody else's is not found, whatever was sent
    form = MachineForm(request.POST)
    if "off" in request.POST:
        machine = {"mode": "off"}
    elif form.is_valid():
        data = form.cleaned_data
        machine = {
            "mode": "assist",
            "precision": data["precision"] / 100,
            "audit": data["audit"] / 100,
            "source": data["source"].strip(),
        }
    else:
        messages.error(request, " ".join(str(one) for found in form.errors.values() for one in found))
        return redirect("orders:order", order_id)
    try:
        services.set_machine(actor=actor_of(request), order_id=order_id, machine=machine)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The machine is off." if "off" in request.POST else "The machine helps.")
    return redirect("orders:order", order_id)
