"""Routes of training."""

from __future__ import annotations

from django.urls import path

from apps.training import api, pages

api_urlpatterns = [
    path("training-runs/", api.RunListView.as_view(), name="api-training-runs"),
    path("training-runs/<uuid:run_id>/", api.RunView.as_view(), name="api-training-run"),
    path("training-runs/<uuid:run_id>/cancel/", api.CancelRunView.as_view(), name="api-training-run-cancel"),
    path("models/", api.ModelListView.as_view(), name="api-models"),
    path("models/<uuid:model_version_id>/", api.ModelView.as_view(), name="api-model"),
    path("models/<uuid:model_version_id>/classify/", api.ClassifyView.as_view(), name="api-model-classify"),
]

page_urlpatterns = [
    path("training/", pages.run_list, name="training"),
    path("training/new/", pages.run_new, name="training-new"),
    path("training/<uuid:run_id>/", pages.run_page, name="training-run"),
    path("training/<uuid:run_id>/live/", pages.run_fragment, name="training-run-live"),
    path("training/<uuid:run_id>/cancel/", pages.run_cancel, name="training-run-cancel"),
    path("models/<uuid:model_version_id>/", pages.model_page, name="model"),
    path("models/<uuid:model_version_id>/try/", pages.model_try, name="model-try"),
]
