"""Datasets and knowledge bases."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sahara.models.base import Model


class DatasetFile(Model):
    """A file of a dataset version."""

    format: str
    size: int
    sha256: str
    url: str


class DatasetContributor(Model):
    """Who made a dataset version."""

    organisation_id: UUID
    name: str
    role: str
    weight: int


class DatasetVersion(Model):
    """A released version of a dataset."""

    id: UUID
    dataset_id: UUID
    name: str
    number: int
    rows: int
    content_root: str
    classes: list[str]
    card: dict[str, Any]
    files: list[DatasetFile]
    contributors: list[DatasetContributor]


class Dataset(Model):
    """A dataset."""

    id: UUID
    name: str
    summary: str


class KnowledgeBase(Model):
    """A knowledge base."""

    id: UUID
    asset_id: UUID
    name: str
    documents: int
    ready: int
    failed: int


class Document(Model):
    """A document on its way into a knowledge base."""

    id: UUID
    name: str
    kind: str
    state: str
    cause: str
    progress: int
    chunks: int


class Passage(Model):
    """A found passage."""

    chunk_id: UUID
    document: str
    page: int | None
    text: str
    score: float


class KnowledgeRelease(Model):
    """A frozen snapshot of a knowledge base."""

    id: UUID
    number: int
    asset_version_id: UUID
    content_root: str
