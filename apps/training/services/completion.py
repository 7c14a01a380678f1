"""What becomes of a run when its job has ended."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from apps.assets import selectors as assets
from apps.assets import services as assets_services
from apps.assets.types import AssetKind, ContributionSpec, ParentRef
from apps.compute import selectors as compute
from apps.compute.types import JobInfo, TrainingResult
from apps.core import live
from apps.core.errors import DomainError
from apps.core.outbox import publish
from apps.tenancy.types import Actor
from apps.training.events import ModelVersionReleased, TrainingRunEnded
from apps.training.locks import lock_run
from apps.training.models import ModelVersion, TrainingRun
from apps.training.selectors import content_root
from apps.training.types import DATASET_WEIGHT_BPS, RunState, TrainingMethod


@transaction.atomic
def complete_run(*, run_id: UUID) -> None:
    """Register the trained model as an asset version whose parent is the dataset. Repeats change nothing.

    A licence that was lost in the meantime ends the run as failed, with the reason.
    """
    row = lock_run(run_id)
    if RunState(row.state).final:
        return
    job = compute.job(row.job_id)
    if job.result is None:
        raise RuntimeError(f"job {job.id} succeeded without a result")
    try:
        with transaction.atomic():
            version = _release(row, job, job.result)
    except DomainError as error:
        end_run(run_id=run_id, state=RunState.FAILED, code=error.code, message=error.message)
        return
    row.state = RunState.SUCCEEDED
    row.save(update_fields=["state", "updated_at"])
    publish(ModelVersionReleased(version.id, version.asset_id, row.id))
    _notify(row)


@transaction.atomic
def end_run(*, run_id: UUID, state: RunState, code: str = "", message: str = "") -> None:
    """Record that a run failed or was cancelled. Repeats change nothing."""
    row = lock_run(run_id)
    if RunState(row.state).final:
        return
    row.state = state
    row.error_code, row.error_message = code[:60], message[:1000]
    row.save(update_fields=["state", "error_code", "error_message", "updated_at"])
    publish(TrainingRunEnded(row.id, state.value))
    _notify(row)


def _notify(row: TrainingRun) -> None:
    live.notify(f"training-run:{row.id}", {"state": row.state})


def _release(row: TrainingRun, job: JobInfo, result: TrainingResult) -> ModelVersion:
    actor = Actor.system(row.tenant_id)
    asset_id = row.model_asset_id
    if asset_id is None:
        summary = (
            f"{TrainingMethod(row.method).label} with {len(result.classes)} classes, trained on {row.dataset_name}"
        )
        asset_id = assets_services.register_asset(
            actor=actor, kind=AssetKind.MODEL, name=row.name, summary=summary[:500]
        ).id
    weight = max(DATASET_WEIGHT_BPS, assets.royalty_floor(row.tenant_id, row.dataset_asset_id))
    card = model_card(row, job, result)
    released = assets_services.release_version(
        actor=actor,
        asset_id=asset_id,
        content_root=content_root(job.artifacts),
        metadata={"card": card},
        parents=[ParentRef(row.dataset_version_id, weight)],
        contributions=[ContributionSpec(row.tenant_id, "trainer", 1)],
    )
    return ModelVersion.objects.create(
        id=released.id,
        tenant_id=row.tenant_id,
        asset_id=asset_id,
        run=row,
        name=row.name,
        number=released.number,
        kind=TrainingMethod(row.method).model_kind.value,
        base=result.base,
        classes=result.classes,
        metrics={
            "accuracy_before": result.accuracy_before,
            "accuracy_after": result.accuracy_after,
            "majority_accuracy": result.majority_accuracy,
            "eval_rows": result.eval_rows,
        },
        card=card,
        artifacts=[artifact.as_json() for artifact in job.artifacts],
    )


def model_card(row: TrainingRun, job: JobInfo, result: TrainingResult) -> dict[str, Any]:
    """What a user of the model should know: what it is, from what, how good, at what cost, where it ends."""
    return {
        "method": TrainingMethod(row.method).label,
        "base": result.base,
        "classes": result.classes,
        "trained_on": {
            "dataset": row.dataset_name,
            "version": row.dataset_number,
            "content_root": row.dataset_content_root,
        },
        "rows": {"training": result.train_rows, "held_out": result.eval_rows, "skipped": row.skipped_rows},
        "accuracy": {
            "before": round(result.accuracy_before, 4),
            "after": round(result.accuracy_after, 4),
            "majority_class": round(result.majority_accuracy, 4),
        },
        "per_class": [
            {
                "label": score.label,
                "precision": round(score.precision, 4),
                "recall": round(score.recall, 4),
                "rows": score.rows,
            }
            for score in result.per_class
        ],
        "seed": row.seed,
        "cost": {"tokens": job.tokens, "cpu_seconds": round(job.cpu_seconds, 1)},
        "files": [{"name": item.name, "sha256": item.sha256, "size": item.size} for item in job.artifacts],
        "intended_use": "Sorting texts like those of its dataset into these classes.",
        "limits": (
            "It always answers with one of its classes, also for texts of another kind or language. The accuracy was "
            "measured on held-out rows of the same dataset."
        ),
    }
