"""Which models this runner knows: the bundled ones and those registered from their files."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gpu_runner.artifacts import check_safetensors, sha256_of
from gpu_runner.engines.base import EngineName, ModelRecord
from gpu_runner.errors import HashMismatch, InvalidRequest, ModelConflict, UnknownModel, UnsafeArtifact
from gpu_runner.model_files import check_model
from gpu_runner.prepare import CHAT_GGUF_DIR, MARKER
from gpu_runner.protocol import (
    BASE_CHAT_MODEL,
    BASE_EMBEDDING_MODEL,
    MODEL_NAME_PATTERN,
    ArtifactInfo,
    ModelKind,
    ModelManifest,
)

EXACT_CHAT_MODEL = f"{BASE_CHAT_MODEL}-fp32"
"""The same chat model in float32 through PyTorch: slower; what adapters are trained on and attached to."""

MANIFEST = "manifest.json"
MAX_JSON_BYTES = 256 * 1024
_NAME = re.compile(MODEL_NAME_PATTERN)


@dataclass(frozen=True)
class ReceivedFile:
    """A file of a registration, already on this disk."""

    name: str
    path: Path


class ModelRegistry:
    """Records by name. Registered models live in `<data>/models/<name>` and survive a restart."""

    def __init__(self, models_dir: Path, data_dir: Path) -> None:
        self._models_dir = models_dir
        self._root = data_dir / "models"
        self._root.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._registered: dict[str, ModelRecord] = {}
        for leftover in self._root.glob(".incoming-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        for directory in sorted(self._root.iterdir()):
            with contextlib.suppress(ValidationError, OSError):
                self._registered[directory.name] = _record(directory, _read_manifest(directory))

    def bundled(self) -> list[ModelRecord]:
        """The models that `gpu_runner.prepare` has made on this machine."""
        known = (
            (BASE_CHAT_MODEL, ModelKind.CHAT, EngineName.LLAMACPP, CHAT_GGUF_DIR),
            (EXACT_CHAT_MODEL, ModelKind.CHAT, EngineName.TRANSFORMERS, BASE_CHAT_MODEL),
            (BASE_EMBEDDING_MODEL, ModelKind.EMBEDDING, EngineName.EMBEDDINGS, BASE_EMBEDDING_MODEL),
        )
        return [
            ModelRecord(name, kind, engine, self._models_dir / directory)
            for name, kind, engine, directory in known
            if (self._models_dir / directory / MARKER).is_file()
        ]

    def all(self) -> list[ModelRecord]:
        """Every model, bundled ones first."""
        return [*self.bundled(), *self._registered.values()]

    def get(self, name: str) -> ModelRecord:
        """The record of a name. Raises UnknownModel."""
        if (record := self._registered.get(name)) is not None:
            return record
        for candidate in self.bundled():
            if candidate.name == name:
                return candidate
        raise UnknownModel(f"No model is called {name[:100]!r} here.", model=name[:100])

    def base_of(self, name: str) -> ModelRecord:
        """The record whose weights something trained on `name` needs. Raises UnknownModel."""
        return self.get(EXACT_CHAT_MODEL if name == BASE_CHAT_MODEL else name)

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Path]:
        """A directory for the files of a registration; what is not taken over is deleted."""
        directory = Path(tempfile.mkdtemp(prefix=".incoming-", dir=self._root))
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def register(self, name: str, manifest: ModelManifest, directory: Path) -> ModelRecord:
        """Check the received files and take them over. The same name and files again change nothing.

        Raises:
            InvalidRequest, HashMismatch, UnsafeArtifact, UnsupportedModel, ModelConflict; the model is then not there.
        """
        if not _NAME.match(name):
            raise InvalidRequest(
                "Model names are lower-case letters, digits, dots, hyphens, underscores.", field="name"
            )
        if name in {record.name for record in self.bundled()}:
            raise ModelConflict(f"{name} is a bundled model", model=name)
        check_received(directory, manifest.artifacts)
        check_model(directory, manifest)
        (directory / MANIFEST).write_text(
            json.dumps({"created": int(time.time()), "manifest": manifest.model_dump(mode="json")})
        )
        with self._lock:
            target = self._root / name
            if name in self._registered:
                if _read_manifest(target)[0] != manifest:
                    raise ModelConflict(f"The name {name} is taken by a model with other files.", model=name)
                return self._registered[name]
            shutil.rmtree(target, ignore_errors=True)  # without a readable manifest it is the rest of a crash
            os.replace(directory, target)  # noqa: PTH105  # atomic, and says what it does
            record = _record(target, _read_manifest(target))
            self._registered[name] = record
        return record


def check_received(directory: Path, artifacts: Sequence[ArtifactInfo]) -> None:
    """Every announced file is there with the announced bytes, nothing else is, and each has an accepted format."""
    present = {path.name for path in directory.iterdir()}
    wanted = {artifact.name for artifact in artifacts}
    if present != wanted:
        listed = ", ".join(sorted(present ^ wanted))
        raise InvalidRequest(f"The files and the manifest do not name the same: {listed}.", field="files")
    for artifact in artifacts:
        path = directory / artifact.name
        if path.stat().st_size != artifact.size or sha256_of(path) != artifact.sha256:
            raise HashMismatch(f"{artifact.name} is not the file that was announced (SHA-256).", file=artifact.name)
        check_format(path)


def check_format(path: Path) -> None:
    """Only safetensors and small JSON files are taken; raises UnsafeArtifact."""
    if path.suffix == ".safetensors":
        check_safetensors(path)
    elif path.suffix == ".json":
        if path.stat().st_size > MAX_JSON_BYTES:
            raise UnsafeArtifact(f"{path.name} is larger than {MAX_JSON_BYTES} bytes.", file=path.name)
        try:
            json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise UnsafeArtifact(f"{path.name} is not JSON.", file=path.name) from error
    else:
        raise UnsafeArtifact(f"{path.name}: only .safetensors and .json files are accepted.", file=path.name)


def _read_manifest(directory: Path) -> tuple[ModelManifest, int]:
    stored: dict[str, Any] = json.loads((directory / MANIFEST).read_bytes())
    return ModelManifest.model_validate(stored["manifest"]), int(stored["created"])


def _record(directory: Path, stored: tuple[ModelManifest, int]) -> ModelRecord:
    manifest, created = stored
    engine = EngineName.CLASSIFIER if manifest.kind is ModelKind.CLASSIFIER else EngineName.TRANSFORMERS
    return ModelRecord(
        name=directory.name,
        kind=manifest.kind,
        engine=engine,
        directory=directory,
        base=manifest.base,
        classes=tuple(manifest.classes),
        created=created,
    )
