"""Row locks of training."""

from __future__ import annotations

from uuid import UUID

from apps.training.errors import RunNotFound
from apps.training.models import TrainingRun


def lock_run(run_id: UUID) -> TrainingRun:
    """The run, locked until the transaction ends. Raises RunNotFound."""
    row = TrainingRun.objects.select_for_update().filter(id=run_id).first()
    if row is None:
        raise RunNotFound(run_id)
    return row
