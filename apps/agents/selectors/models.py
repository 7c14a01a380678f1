"""Models that an agent can be built with: own ones and licensed ones."""

from __future__ import annotations

from apps.agents.types import ModelOption
from apps.compute.types import ModelKind
from apps.tenancy.types import Actor
from apps.training import selectors as training


def classifier_options(actor: Actor) -> list[ModelOption]:
    """Trained classifiers that the organisation may use, newest first."""
    return _options(actor, ModelKind.CLASSIFIER)


def language_model_options(actor: Actor) -> list[ModelOption]:
    """Fine-tuned language models that the organisation may use, newest first."""
    return _options(actor, ModelKind.ADAPTER)


def _options(actor: Actor, kind: ModelKind) -> list[ModelOption]:
    return [
        ModelOption(model.id, f"{model.name} v{model.number}", f"({model.accuracy_percent} % on held-out rows)")
        for model in training.usable_models(actor)
        if model.kind is kind
    ]
