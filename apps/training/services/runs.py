"""Starting and stopping training runs, and asking a finished model."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from apps.assets import selectors as assets
from apps.assets.errors import DevelopRightMissing
from apps.assets.types import AccessRight, AssetKind
from apps.compute import runner
from apps.compute import services as compute
from apps.compute.errors import JobFinished, RunnerUnavailable
from apps.compute.types import Classification, JobSource
from apps.core.errors import InvalidInput, NotFound
from apps.core.ids import uuid7
from apps.core.outbox import publish
from apps.core.storage import get_storage
from apps.datasets import selectors as datasets
from apps.datasets.types import DatasetVersionInfo
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor
from apps.training.errors import RunFinished
from apps.training.events import TrainingRunStarted
from apps.training.locks import lock_run
from apps.training.models import TrainingRun
from apps.training.policies import require
from apps.training.rows import training_rows
from apps.training.selectors import run_info, training_run, usable_model
from apps.training.types import RunInfo, RunState, TrainingMethod, TrainingPermission

MAX_NAME = 120
MAX_SEED = 2**31 - 1
MAX_TEXTS = 100
JOB_SOURCE = "training.run"
_CANNOT_START = {"unreachable", "models_missing", "failed"}


def start_run(
    *,
    actor: Actor,
    dataset_version_id: UUID,
    method: TrainingMethod | str,
    name: str,
    seed: int = 0,
    model_id: UUID | None = None,
) -> RunInfo:
    """Start training on a dataset version. Nothing is saved where anything is wrong.

    Args:
        name: of the model to be; ignored where `model_id` names one that gets a new version.
        seed: the same data, method and seed give the same model.

    Raises:
        NotFound, DevelopRightMissing: the dataset. UntrainableDataset, InvalidInput: what was asked for.
        RunnerUnavailable: the model server cannot take it now.
    """
    require(actor, TrainingPermission.START)
    model_name = name.strip() if model_id is None else _model_name(actor, model_id)
    chosen = _checked(model_name, method, seed)
    version = _trainable_version(actor, dataset_version_id)
    rows = training_rows(datasets.iter_rows(version.id), seed=seed)
    health = runner.runner_health()
    if health.status in _CANNOT_START:
        raise RunnerUnavailable(health.detail or health.status)
    run_id = uuid7()
    stored = get_storage().put(f"{actor.organisation_id}/training/{run_id}/rows.jsonl", rows.jsonl())
    with transaction.atomic():
        job = compute.submit_job(
            actor=actor,
            kind=chosen.job_kind,
            spec={"seed": seed},
            rows=stored,
            source=JobSource(JOB_SOURCE, str(run_id)),
            topic=f"training-run:{run_id}",
        )
        row = TrainingRun.objects.create(
            id=run_id,
            tenant_id=actor.organisation_id,
            name=model_name,
            method=chosen,
            dataset_version_id=version.id,
            dataset_asset_id=version.dataset_id,
            dataset_name=version.dataset_name,
            dataset_number=version.number,
            dataset_content_root=version.content_root,
            job_id=job.id,
            model_asset_id=model_id,
            seed=seed,
            train_rows=rows.count("train"),
            test_rows=rows.count("test"),
            skipped_rows=rows.skipped,
            started_by=actor.user_id,
        )
        publish(TrainingRunStarted(row.id))
        record_audit(
            actor,
            action="training.started",
            target_type="training_run",
            target_id=row.id,
            detail={"dataset_version": str(version.id), "method": chosen.value},
        )
    return run_info(row, job)


def cancel_run(*, actor: Actor, run_id: UUID) -> RunInfo:
    """Ask for a run to be stopped; repeats change nothing. Raises RunNotFound, RunFinished."""
    require(actor, TrainingPermission.CANCEL)
    with transaction.atomic():
        row = lock_run(run_id)
        require(actor, TrainingPermission.CANCEL, row)
        state = RunState(row.state)
        if state in {RunState.SUCCEEDED, RunState.FAILED}:
            raise RunFinished(run_id, state.label)
        try:
            compute.cancel_job(actor=actor, job_id=row.job_id)
        except JobFinished as error:
            raise RunFinished(run_id, str(error.context.get("state", "ended"))) from error
        record_audit(actor, action="training.cancelled", target_type="training_run", target_id=run_id)
    return training_run(actor, run_id)


def classify_texts(*, actor: Actor, model_version_id: UUID, texts: Sequence[str]) -> list[Classification]:
    """Ask a trained model for the class of each text.

    Raises:
        ModelNotFound, ModelUseRightMissing; InvalidInput: empty or too many texts; DependencyFailed: the runner.
    """
    model = usable_model(actor, model_version_id)
    if not 1 <= len(texts) <= MAX_TEXTS or any(not text.strip() for text in texts):
        message = f"Give 1 to {MAX_TEXTS} texts, none of them empty."
        raise InvalidInput("invalid_texts", message, errors=[{"field": "texts", "message": message}])
    return runner.classify(model.ref, texts)


def _checked(name: str, method: TrainingMethod | str, seed: int) -> TrainingMethod:
    problems = []
    if not 0 < len(name) <= MAX_NAME:
        problems.append({"field": "name", "message": f"Give a name of 1 to {MAX_NAME} characters."})
    if method not in TrainingMethod.values:
        listed = " or ".join(TrainingMethod.values)
        problems.append({"field": "method", "message": f"Choose {listed}."})
    if not 0 <= seed <= MAX_SEED:
        problems.append({"field": "seed", "message": f"The seed is between 0 and {MAX_SEED}."})
    if problems:
        raise InvalidInput("invalid_training_run", problems[0]["message"], errors=problems)
    return TrainingMethod(method)


def _model_name(actor: Actor, model_id: UUID) -> str:
    """Name of an own model that gets a new version."""
    asset = assets.asset(model_id)
    if asset.owner_id != actor.organisation_id or asset.kind != AssetKind.MODEL:
        raise NotFound("model_not_found", "There is no such model.", model_id=str(model_id))
    return asset.name


def _trainable_version(actor: Actor, version_id: UUID) -> DatasetVersionInfo:
    """The version, if the organisation may know of it and build on it."""
    version = datasets.dataset_version(version_id)
    datasets.visible_version(actor, version.dataset_id, version.number)
    if not assets.has_right(actor.organisation_id, version.dataset_id, AccessRight.DEVELOP):
        raise DevelopRightMissing(version.dataset_id, version.dataset_name)
    return version
