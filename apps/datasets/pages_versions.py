"""Pages of what can be made of versions: their differences, a new one from an old one, a person's removal."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.access import actor_required
from apps.core.errors import DomainError
from apps.datasets import selectors, services
from apps.datasets.diffs import Change, RowChange
from apps.datasets.errors import DatasetNotFound
from apps.datasets.filters import OPERATORS
from apps.datasets.rows import SPLIT_SEED, TEST_PERCENT, column_order
from apps.datasets.types import DatasetVersionInfo
from apps.tenancy.actors import actor_of

_PAGE = 50
_FILTERS = 3
_NO_OPERATOR = ("", "—")


@require_GET
@actor_required
def diff_page(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """GET /datasets/<id>/diff/?before=1&after=2&change=added&offset=50"""
    actor = actor_of(request)
    dataset = selectors.visible_dataset(actor, dataset_id)
    versions = selectors.versions(dataset)
    if not versions:
        raise DatasetNotFound
    newest = versions[0].number
    before = _number(request, "before", max(1, newest - 1))
    after = _number(request, "after", newest)
    kind = request.GET.get("change", "")
    change = Change(kind) if kind in set(Change) else None
    found = selectors.diff(
        actor, dataset_id, before, after, change=change, offset=_number(request, "offset", 0), limit=_PAGE
    )
    context = {
        "dataset": dataset,
        "versions": versions,
        "before": before,
        "after": after,
        "change": change.value if change is not None else "",
        "diff": found,
        "column_counts": found.columns.most_common(),
        "changes": [(one, _cells(one)) for one in found.page],
    }
    return render(request, "datasets/diff.html", context)


def _number(request: HttpRequest, name: str, otherwise: int) -> int:
    raw = request.GET.get(name, "")
    return min(int(raw), 2**31 - 1) if raw.isdecimal() and len(raw) < 12 else otherwise


def _cells(one: RowChange) -> list[tuple[str, str, str]]:
    """(column, before, after) of what is worth showing: what changed, or the row itself."""
    before, after = one.before or {}, one.after or {}
    names = one.columns or tuple(column_order(after or before))[:4]
    return [(name, _shown(before.get(name)), _shown(after.get(name))) for name in names]


def _shown(value: Any) -> str:
    return "" if value is None else str(value)[:200]


class DerivationForm(forms.Form):
    """Up to three conditions, a sample, and how to split."""

    sample = forms.IntegerField(min_value=0, max_value=2**31 - 1, required=False, help_text="0 or empty: all rows.")
    split_anew = forms.BooleanField(required=False, label="Split anew", help_text="Else rows keep their split.")
    test_percent = forms.IntegerField(min_value=0, max_value=99, initial=TEST_PERCENT, required=False)
    validation_percent = forms.IntegerField(min_value=0, max_value=99, initial=0, required=False)
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=SPLIT_SEED, required=False)
    group_by = forms.ChoiceField(
        required=False, label="Keep together", help_text="Rows with the same value in this column stay in one part."
    )

    def __init__(self, version: DatasetVersionInfo, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        columns = [(name, name) for name in column_order(version.schema)]
        group = self.fields["group_by"]
        assert isinstance(group, forms.ChoiceField)  # noqa: S101  # declared above
        group.choices = [("", "nothing in particular"), *columns]
        for place in range(1, _FILTERS + 1):
            self.fields[f"column_{place}"] = forms.ChoiceField(
                choices=[_NO_OPERATOR, *columns], required=False, label=f"Column {place}"
            )
            self.fields[f"operator_{place}"] = forms.ChoiceField(
                choices=[(name, words) for name, (words, _) in OPERATORS.items() if name != "in"],
                required=False,
                label=f"Condition {place}",
            )
            self.fields[f"value_{place}"] = forms.CharField(required=False, max_length=1_000, label=f"Value {place}")

    @property
    def conditions(self) -> list[list[forms.BoundField]]:
        """The fields of each condition."""
        return [[self[f"{name}_{n}"] for name in ("column", "operator", "value")] for n in range(1, _FILTERS + 1)]

    def wanted(self) -> dict[str, Any]:
        """Arguments of the service."""
        data = self.cleaned_data
        filters = [
            {"column": data[f"column_{n}"], "operator": data[f"operator_{n}"], "value": data[f"value_{n}"]}
            for n in range(1, _FILTERS + 1)
            if data[f"column_{n}"]
        ]
        found: dict[str, Any] = {"filters": filters, "sample": data["sample"] or 0, "seed": data["seed"] or 0}
        if data["split_anew"]:
            names = ("seed", "test_percent", "validation_percent", "group_by")
            found["split"] = {name: data[name] for name in names if data[name] is not None}
        return found


@require_http_methods(["GET", "POST"])
@actor_required
def derive_page(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """GET and POST /datasets/<id>/derive/?version=1"""
    actor = actor_of(request)
    dataset = selectors.own_dataset(actor, dataset_id)
    versions = selectors.versions(dataset)
    number = _number(request, "version", versions[0].number if versions else 0)
    version = selectors.visible_version(actor, dataset_id, number)
    form = DerivationForm(version, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.derive_dataset_version(actor=actor, dataset_id=dataset_id, number=number, **form.wanted())
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            return redirect(f"{reverse('datasets:dataset', args=[dataset_id])}?version={made.number}")
    status = 422 if form.errors else 200
    return render(
        request, "datasets/derive.html", {"dataset": dataset, "version": version, "form": form}, status=status
    )


class RemovalForm(forms.Form):
    """Whose rows or answers are to go."""

    column = forms.ChoiceField(required=False, help_text="The column that names the person, such as an id.")
    value = forms.CharField(required=False, max_length=2_000, strip=False, help_text="Exactly as in the rows.")
    annotator = forms.CharField(
        required=False, max_length=200, help_text="Or an annotator's pseudonym, as answers.jsonl has it."
    )
    sure = forms.BooleanField(label="Take it out of every version. This cannot be undone.")

    def __init__(self, columns: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["column"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # declared above
        field.choices = [_NO_OPERATOR, *((name, name) for name in columns)]


@require_http_methods(["GET", "POST"])
@actor_required
def removal_page(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """GET and POST /datasets/<id>/remove/: take one person's data out."""
    actor = actor_of(request)
    dataset = selectors.own_dataset(actor, dataset_id)
    columns = column_order({name for version in selectors.versions(dataset) for name in version.schema})
    form = RemovalForm(columns, request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            services.remove_person(
                actor=actor,
                dataset_id=dataset_id,
                column=data["column"],
                value=data["value"],
                annotator=data["annotator"],
            )
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            return redirect("datasets:remove", dataset_id)
    context = {"dataset": dataset, "form": form, "removals": selectors.removals(dataset)}
    return render(request, "datasets/remove.html", context, status=422 if form.errors else 200)
