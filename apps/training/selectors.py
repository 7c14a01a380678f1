"""Reads of training runs and models.

`model_version` serves other apps, which check rights themselves; the `visible_` and `usable_` ones check them here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from apps.assets import selectors as assets
from apps.assets.types import AccessRight, AssetInfo, AssetKind
from apps.compute import selectors as compute
from apps.compute.types import JobInfo, JobState, ModelKind, StoredArtifact
from apps.core.errors import NotFound
from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from apps.datasets import selectors as datasets
from apps.datasets.types import DatasetVersionInfo
from apps.onchain.services import keccak_root
from apps.tenancy.types import Actor
from apps.training.errors import ModelNotFound, ModelUseRightMissing, RunNotFound
from apps.training.models import ModelVersion, TrainingRun
from apps.training.policies import require
from apps.training.types import ModelVersionInfo, RunInfo, RunState, TrainingMethod, TrainingPermission

MAX_OFFERED = 100


def run_info(row: TrainingRun, job: JobInfo) -> RunInfo:
    """The facts of a run's row with its job."""
    state = RunState(row.state)
    if not state.final:
        state = RunState.QUEUED if job.state in {JobState.WAITING, JobState.QUEUED} else RunState.RUNNING
    version = getattr(row, "model_version", None)
    return RunInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        method=TrainingMethod(row.method),
        state=state,
        dataset_version_id=row.dataset_version_id,
        dataset_id=row.dataset_asset_id,
        dataset_name=row.dataset_name,
        dataset_number=row.dataset_number,
        train_rows=row.train_rows,
        test_rows=row.test_rows,
        skipped_rows=row.skipped_rows,
        seed=row.seed,
        job=job,
        error_code=row.error_code,
        error_message=row.error_message,
        model_version_id=None if version is None else version.id,
        created_at=row.created_at,
    )


def own_runs(actor: Actor) -> QuerySet[TrainingRun]:
    """The organisation's runs, newest first, lazily (for pages of them)."""
    require(actor, TrainingPermission.VIEW)
    return TrainingRun.objects.select_related("model_version").order_by("-id")


def run_infos(rows: Iterable[TrainingRun]) -> list[RunInfo]:
    """Infos of runs of `own_runs`, without their progress lines."""
    listed = list(rows)
    jobs = compute.jobs([row.job_id for row in listed])
    return [run_info(row, jobs[row.job_id]) for row in listed]


def training_run(actor: Actor, run_id: UUID) -> RunInfo:
    """A run of the actor's organisation with its progress lines. Raises RunNotFound."""
    require(actor, TrainingPermission.VIEW)
    row = TrainingRun.objects.select_related("model_version").filter(id=run_id).first()
    if row is None or row.tenant_id != actor.organisation_id:
        raise RunNotFound(run_id)
    return run_info(row, compute.job(row.job_id))


def trainable_versions(actor: Actor) -> list[DatasetVersionInfo]:
    """Dataset versions that the organisation may train on, newest first: own ones and those it may develop on."""
    ids = [row.id for row in datasets.own_datasets(actor)[:MAX_OFFERED]]
    ids += sorted(assets.granted_asset_ids(actor.organisation_id, AccessRight.DEVELOP) - set(ids))
    found: list[DatasetVersionInfo] = []
    for dataset_id in ids:
        try:
            found += datasets.versions(datasets.visible_dataset(actor, dataset_id))
        except NotFound:
            continue  # a grant on another kind of asset
    usable = [version for version in found if {"text", "label"} <= set(version.schema) or len(version.classes) > 1]
    return sorted(usable, key=lambda version: version.released_at, reverse=True)[:MAX_OFFERED]


def version_info(row: ModelVersion) -> ModelVersionInfo:
    """The facts of a model version's row (with its run loaded)."""
    return ModelVersionInfo(
        id=row.id,
        asset_id=row.asset_id,
        owner_id=row.tenant_id,
        name=row.name,
        number=row.number,
        kind=ModelKind(row.kind),
        base=row.base,
        classes=tuple(row.classes),
        metrics=row.metrics,
        card=row.card,
        artifacts=tuple(StoredArtifact.from_json(item) for item in row.artifacts),
        run_id=row.run_id,
        dataset_version_id=row.run.dataset_version_id,
        released_at=row.created_at,
    )


def own_models(actor: Actor) -> QuerySet[ModelVersion]:
    """The organisation's model versions, newest first, lazily (for pages of them)."""
    require(actor, TrainingPermission.VIEW)
    return ModelVersion.objects.select_related("run").order_by("-id")


def usable_models(actor: Actor) -> list[ModelVersionInfo]:
    """Model versions that the organisation may use, newest first: own ones and the newest of each licensed model."""
    found = [version_info(row) for row in own_models(actor)[:MAX_OFFERED]]
    for asset_id in assets.granted_asset_ids(actor.organisation_id, AccessRight.USE):
        asset = assets.asset(asset_id)
        if asset.kind == AssetKind.MODEL:
            newest = newest_version(asset)
            found += [] if newest is None else [newest]
    return sorted(found, key=lambda version: version.released_at, reverse=True)


def model_version(version_id: UUID) -> ModelVersionInfo:
    """A model version of any organisation; the caller has checked the right to it. Raises ModelNotFound."""
    try:
        owner_id = assets.version(version_id).owner_id
    except NotFound:
        raise ModelNotFound(version_id) from None
    with tenant_scope(owner_id):
        row = ModelVersion.objects.select_related("run").filter(id=version_id).first()
    if row is None:
        raise ModelNotFound(version_id)
    return version_info(row)


def newest_version(asset: AssetInfo) -> ModelVersionInfo | None:
    """The newest version of a model that the caller may know of."""
    with tenant_scope(asset.owner_id):
        row = ModelVersion.objects.select_related("run").filter(asset_id=asset.id).order_by("-number").first()
        return None if row is None else version_info(row)


def visible_model(actor: Actor | None, version_id: UUID) -> ModelVersionInfo:
    """A model that the actor may know of: own, licensed or public. Raises ModelNotFound."""
    found = model_version(version_id)
    try:
        assets.visible_asset(actor, found.asset_id)
    except NotFound:
        raise ModelNotFound(version_id) from None
    return found


def may_use(actor: Actor | None, model: ModelVersionInfo) -> bool:
    """Whether the actor's organisation owns the model or holds its `use` or `develop` right."""
    return actor is not None and assets.has_right(actor.organisation_id, model.asset_id, AccessRight.USE)


def usable_model(actor: Actor, version_id: UUID) -> ModelVersionInfo:
    """A model that the actor may use now. Raises ModelNotFound, ModelUseRightMissing."""
    found = visible_model(actor, version_id)
    require(actor, TrainingPermission.USE)
    if not may_use(actor, found):
        raise ModelUseRightMissing(found.asset_id, found.name)
    return found


def content_root(artifacts: Iterable[StoredArtifact]) -> str:
    """Commitment to a model's files: Merkle root over name, SHA-256 and size of each, by name."""
    leaves = [
        json.dumps({"name": item.name, "sha256": item.sha256, "size": item.size}, sort_keys=True).encode()
        for item in sorted(artifacts, key=lambda item: item.name)
    ]
    return keccak_root(leaves)


def stored_content_root(version_id: UUID) -> str:
    """The content root as the stored files give it now."""
    return content_root(_measured(item) for item in model_version(version_id).artifacts)


def _measured(artifact: StoredArtifact) -> StoredArtifact:
    digest, size = hashlib.sha256(), 0
    with get_storage().open(artifact.key) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
    return StoredArtifact(artifact.name, artifact.key, digest.hexdigest(), size)
