"""What every kind of training gets and gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gpu_runner.artifacts import sha256_of
from gpu_runner.config import PreparationSettings
from gpu_runner.errors import UnsupportedModel
from gpu_runner.prepare import MARKER
from gpu_runner.protocol import ArtifactInfo, TrainingRow
from gpu_runner.training.progress import Progress


@dataclass(frozen=True)
class TrainingJob:
    """Rows in, files out, and someone to tell."""

    rows: list[TrainingRow]
    output: Path
    progress: Progress
    threads: int


def base_directory(name: str) -> Path:
    """Weights of a bundled model. Raises UnsupportedModel where this machine has no such base."""
    directory = PreparationSettings().models_dir / name
    if not (directory / MARKER).is_file():
        raise UnsupportedModel(f"There is no base model {name!r} on this machine.", base=name)
    return directory


def artifact(path: Path) -> ArtifactInfo:
    """Name, size and hash of a finished file."""
    return ArtifactInfo(name=path.name, sha256=sha256_of(path), size=path.stat().st_size)
