"""Routes of datasets."""

from __future__ import annotations

from django.urls import include, path

from apps.datasets import api, api_versions, pages, pages_versions

_VERSION = "datasets/<uuid:dataset_id>/versions/<int:number>/"

api_urlpatterns = [
    path("datasets/", api.DatasetListView.as_view(), name="api-datasets"),
    path("datasets/<uuid:dataset_id>/", api.DatasetView.as_view(), name="api-dataset"),
    path("datasets/<uuid:dataset_id>/versions/", api.VersionListView.as_view(), name="api-dataset-versions"),
    path(_VERSION, api.VersionView.as_view(), name="api-dataset-version"),
    path(f"{_VERSION}rows.jsonl", api.RowsView.as_view(), {"extension": "jsonl"}, name="api-dataset-rows-jsonl"),
    path(f"{_VERSION}rows.parquet", api.RowsView.as_view(), {"extension": "parquet"}, name="api-dataset-rows-parquet"),
    path(f"{_VERSION}answers.jsonl", api.RowsView.as_view(), {"extension": "answers"}, name="api-dataset-answers"),
    path(f"{_VERSION}export/", api_versions.ExportView.as_view(), name="api-dataset-export"),
    path(f"{_VERSION}croissant.json", api_versions.CroissantView.as_view(), name="api-dataset-croissant"),
    path(f"{_VERSION}diff/", api_versions.DiffView.as_view(), name="api-dataset-diff"),
    path(f"{_VERSION}derive/", api_versions.DerivationView.as_view(), name="api-dataset-derive"),
    path("datasets/<uuid:dataset_id>/removals/", api_versions.RemovalListView.as_view(), name="api-dataset-removals"),
    path(f"{_VERSION}rows/<int:row_number>/proof/", api.RowProofView.as_view(), name="api-dataset-row-proof"),
]

_pages = [
    path("", pages.dataset_list, name="datasets"),
    path("new/", pages.upload, name="upload"),
    path("<uuid:dataset_id>/", pages.dataset_page, name="dataset"),
    path("<uuid:dataset_id>/diff/", pages_versions.diff_page, name="diff"),
    path("<uuid:dataset_id>/derive/", pages_versions.derive_page, name="derive"),
    path("<uuid:dataset_id>/remove/", pages_versions.removal_page, name="remove"),
]

page_urlpatterns = [path("datasets/", include((_pages, "datasets")))]
