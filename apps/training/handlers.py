"""What training does when its jobs end, and what it tells the asset registry at start-up."""

from __future__ import annotations

from uuid import UUID

from apps.assets.content import content_root_of
from apps.assets.panels import Panel, asset_panel
from apps.assets.types import AssetInfo, AssetKind
from apps.compute.events import JobCancelled, JobFailed, JobSucceeded
from apps.core.outbox import handles
from apps.labeling.machine.sources import KnownModel, finds_models
from apps.tenancy.types import Actor
from apps.training import selectors, services
from apps.training.services.runs import JOB_SOURCE
from apps.training.types import RunState


@handles(JobSucceeded)
def on_job_succeeded(event: JobSucceeded) -> None:
    """Register the model."""
    if event.source_type == JOB_SOURCE:
        services.complete_run(run_id=UUID(event.source_id))


@handles(JobFailed)
def on_job_failed(event: JobFailed) -> None:
    """Tell why there is no model."""
    if event.source_type == JOB_SOURCE:
        services.end_run(run_id=UUID(event.source_id), state=RunState.FAILED, code=event.code, message=event.message)


@handles(JobCancelled)
def on_job_cancelled(event: JobCancelled) -> None:
    """The run was stopped."""
    if event.source_type == JOB_SOURCE:
        services.end_run(run_id=UUID(event.source_id), state=RunState.CANCELLED)


@content_root_of(AssetKind.MODEL)
def model_content_root(version_id: UUID) -> str:
    """Recompute a version's content root from its stored files."""
    return selectors.stored_content_root(version_id)


@asset_panel
def model_panel(actor: Actor | None, asset: AssetInfo) -> Panel | None:
    """Accuracy and the way to the try-it box, on the page of a model's asset."""
    if asset.kind != AssetKind.MODEL:
        return None
    newest = selectors.newest_version(asset)
    if newest is None:
        return None
    return Panel("training/asset_panel.html", {"model": newest, "may_use": selectors.may_use(actor, newest)}, order=50)


@finds_models
def predicting_model(actor: Actor, version_id: UUID) -> KnownModel:
    """A model version that may label an order's items."""
    model = selectors.usable_model(actor, version_id)
    return KnownModel(model.ref, f"{model.name}, version {model.number}", model.classes)
