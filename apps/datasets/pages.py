"""Pages of datasets: the list, the upload, the card."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.access import actor_required
from apps.core.errors import InvalidInput
from apps.core.pagination import cursor_page
from apps.datasets import exports, selectors, services
from apps.datasets.plots import plot, plots
from apps.datasets.rows import column_order
from apps.datasets.types import MAX_NAME, MAX_SUMMARY, DatasetInfo, DatasetVersionInfo
from apps.tenancy.actors import actor_of


class UploadForm(forms.Form):
    """A dataset from a labelled file."""

    name = forms.CharField(max_length=MAX_NAME)
    summary = forms.CharField(max_length=MAX_SUMMARY, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    file = forms.FileField(
        label="Labelled rows",
        allow_empty_file=True,
        help_text="CSV or JSONL up to 100 MB with the columns “text” and “label”, optionally “split” (train or test).",
    )


@require_GET
@actor_required
def dataset_list(request: HttpRequest) -> HttpResponse:
    """GET /datasets/"""
    page = cursor_page(request, selectors.own_datasets(actor_of(request)))
    rows = [(row, max(row.versions.all(), key=lambda version: version.number, default=None)) for row in page.results]
    return render(request, "datasets/datasets.html", {"rows": rows, "page": page})


@require_http_methods(["GET", "POST"])
@actor_required
def upload(request: HttpRequest) -> HttpResponse:
    """GET and POST /datasets/new/: bring a labelled dataset."""
    if request.method == "GET":
        return render(request, "datasets/upload.html", {"form": UploadForm()})
    form = UploadForm(request.POST, request.FILES)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        data = form.cleaned_data
        try:
            made = services.upload_dataset(
                actor=actor_of(request),
                name=data["name"],
                summary=data["summary"],
                file=data["file"],
                filename=data["file"].name,
            )
        except InvalidInput as error:
            form.add_error("file", error.message)
            context |= {"rows_wrong": [one for one in error.errors if "row" in one], "error": error}
        else:
            return redirect("datasets:dataset", made.dataset_id)
    return render(request, "datasets/upload.html", context, status=422)


@require_GET
@actor_required
def dataset_page(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """GET /datasets/<id>/: the newest version's card, or `?version=n`."""
    actor = actor_of(request)
    dataset = selectors.visible_dataset(actor, dataset_id)
    versions = selectors.versions(dataset)
    context: dict[str, Any] = {
        "dataset": dataset,
        "versions": versions,
        "is_own": dataset.owner_id == actor.organisation_id,
        "may_read": selectors.may_read_rows(actor, dataset_id),
    }
    version = _chosen(request, dataset, versions)
    if version is not None:
        context |= _card(version) | {
            "contributors": selectors.contributors(actor, version),
            "exports": exports.formats_for(version),
            "removals": selectors.removals(dataset) if context["is_own"] else [],
        }
        if context["may_read"]:
            context["preview"] = [
                [row.get(column, "") for column in context["columns"]] for row in selectors.preview(version)
            ]
    return render(request, "datasets/dataset.html", context)


def _chosen(
    request: HttpRequest, dataset: DatasetInfo, versions: list[DatasetVersionInfo]
) -> DatasetVersionInfo | None:
    wanted = request.GET.get("version", "")
    return next((one for one in versions if str(one.number) == wanted), versions[0] if versions else None)


def _card(version: DatasetVersionInfo) -> dict[str, Any]:
    statistics = version.card.get("statistics", {})
    counts: dict[str, int] = statistics.get("classes", {})
    return {
        "version": version,
        "columns": column_order(version.schema),
        "schema": [(name, version.schema[name]) for name in column_order(version.schema)],
        "quality": version.card.get("quality"),
        "statistics": statistics,
        "plots": plots(statistics) or ([plot("Rows by class", list(counts.items()))] if counts else []),
        "derived": version.card.get("derived_from"),
    }
