"""Routes of datasets."""

from __future__ import annotations

from django.urls import include, path

from apps.datasets import api, pages

_VERSION = "datasets/<uuid:dataset_id>/versions/<int:number>/"

api_urlpatterns = [
    path("datasets/", api.DatasetListView.as_view(), name="api-datasets"),
    path("datasets/<uuid:dataset_id>/", api.DatasetView.as_view(), name="api-dataset"),
    path("datasets/<uuid:dataset_id>/versions/", api.VersionListView.as_view(), name="api-dataset-versions"),
    path(_VERSION, api.VersionView.as_view(), name="api-dataset-version"),
    path(f"{_VERSION}rows.jsonl", api.RowsView.as_view(), {"extension": "jsonl"}, name="api-dataset-rows-jsonl"),
    path(f"{_VERSION}rows.parquet", api.RowsView.as_view(), {"extension": "parquet"}, name="api-dataset-rows-parquet"),
    path(f"{_VERSION}rows/<int:row_number>/proof/", api.RowProofView.as_view(), name="api-dataset-row-proof"),
]

_pages = [
    path("", pages.dataset_list, name="datasets"),
    path("new/", pages.upload, name="upload"),
    path("<uuid:dataset_id>/", pages.dataset_page, name="dataset"),
]

page_urlpatterns = [path("datasets/", include((_pages, "datasets")))]
