"""What can go wrong with training."""

from __future__ import annotations

from uuid import UUID

from apps.core.errors import Conflict, InvalidInput, NotFound, NotPermitted


class RunNotFound(NotFound):
    """No such training run in this organisation."""

    def __init__(self, run_id: UUID) -> None:
        super().__init__("training_run_not_found", "There is no such training run.", training_run_id=str(run_id))


class ModelNotFound(NotFound):
    """No such model, or none that the caller may know of."""

    def __init__(self, version_id: UUID) -> None:
        super().__init__("model_not_found", "There is no such model.", model_id=str(version_id))


class UntrainableDataset(InvalidInput):
    """The dataset version cannot be trained on; the message says why."""

    def __init__(self, message: str, **context: object) -> None:
        errors = [{"field": "dataset_version_id", "message": message}]
        super().__init__("untrainable_dataset", message, errors=errors, **context)


class ModelUseRightMissing(NotPermitted):
    """Using the model needs a licence."""

    def __init__(self, asset_id: UUID, name: str) -> None:
        super().__init__(
            "use_right_missing",
            f"Using “{name}” needs a licence. Get one on the model's page.",
            asset_url=f"/assets/{asset_id}/",
        )


class RunFinished(Conflict):
    """The run has ended and cannot be cancelled."""

    def __init__(self, run_id: UUID, state: str) -> None:
        super().__init__("training_run_finished", f"This run has already {state}.", training_run_id=str(run_id))
