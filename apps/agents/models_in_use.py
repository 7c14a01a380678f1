"""The models that an agent names, resolved to what the runner knows.."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.agents.specs import EndpointModel, ModelChoice, RunnerModel, TeamModel
from apps.compute.types import BASE_CHAT_MODEL, ModelKind, ModelRef
from apps.core.errors import InvalidInput
from apps.tenancy.types import Actor
from apps.training import selectors as training
from apps.training.types import ModelVersionInfo


@dataclass(frozen=True)
class ModelInUse:
    """The name used in requests to the runner, and the files behind it where it is not bundled."""

    name: str
    ref: ModelRef | None = None


BUNDLED = ModelInUse(BASE_CHAT_MODEL)


def classifier_in_use(owner_id: UUID, version_id: UUID | None) -> ModelInUse | None:
    """The classifier of that asset version, or None without one. The right to use it is checked now.

    Raises:
        ModelNotFound, ModelUseRightMissing: it is not (any more) the owner's to use.
        InvalidInput: it is a model of another kind.
    """
    if version_id is None:
        return None
    return _in_use(owner_id, version_id, ModelKind.CLASSIFIER, "classifier_version_id")


def language_model_in_use(owner_id: UUID, version_id: UUID | None, choice: ModelChoice | None = None) -> ModelInUse:
    """The chosen model; without a choice the fine-tuned one of that asset version, or the bundled one.

    Errors as `classifier_in_use`.
    """
    if isinstance(choice, RunnerModel | EndpointModel):
        return ModelInUse(choice.name)
    if isinstance(choice, TeamModel):
        return ModelInUse("team")
    if version_id is None:
        return BUNDLED
    return _in_use(owner_id, version_id, ModelKind.ADAPTER, "language_model_version_id")


def _in_use(owner_id: UUID, version_id: UUID, kind: ModelKind, field: str) -> ModelInUse:
    found: ModelVersionInfo = training.usable_model(Actor.system(owner_id), version_id)
    if found.kind is not kind:
        message = f"{found.name} is a model of another kind ({found.kind})."
        raise InvalidInput("wrong_model_kind", message, errors=[{"field": field, "message": message}])
    return ModelInUse(found.runner_name, found.ref)
