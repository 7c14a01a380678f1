"""Training runs, models, agents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sahara.models.base import Model


class TrainingResult(Model):
    """Figures of a finished run: accuracy on held-out rows, from 0 to 1, before and after."""

    train_rows: int
    eval_rows: int
    accuracy_before: float
    accuracy_after: float
    majority_accuracy: float


class TrainingRun(Model):
    """A training run."""

    id: UUID
    name: str
    method: str
    state: str
    dataset_version_id: UUID
    phase: str
    percent: int
    seconds_left: float | None
    error_code: str
    error_message: str
    model_version_id: UUID | None
    result: TrainingResult | None = None


class ModelVersion(Model):
    """A model version; its id is its asset version's."""

    id: UUID
    asset_id: UUID
    name: str
    kind: str
    base: str
    classes: list[str]
    dataset_version_id: UUID


class Agent(Model):
    """An agent with its draft."""

    id: UUID
    slug: str
    template: str
    state: str
    asset_id: UUID | None
    current_version: int | None
    config: dict[str, Any]


class AgentAnswer(Model):
    """An answer with its sources and what it cost."""

    text: str
    supported: bool
    sources: list[dict[str, Any]]
    classification: dict[str, Any] | None
    prompt_tokens: int
    completion_tokens: int


class ChatAnswer(Model):
    """What a published agent answered, and the passages it rests on."""

    text: str
    supported: bool
    sources: list[dict[str, Any]]
    tokens: int


class PublishedAgent(Model):
    """A published version of an agent and where it answers."""

    id: UUID
    agent_id: UUID
    number: int
    asset_id: UUID
    asset_version_id: UUID
    slug: str
    url: str
