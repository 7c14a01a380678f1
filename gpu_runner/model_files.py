"""Whether the files of a model are what its kind needs, judged from headers alone."""

from __future__ import annotations

from pathlib import Path

from gpu_runner.artifacts import check_safetensors
from gpu_runner.engines.classifier.engine import HEAD_FILE
from gpu_runner.engines.transformers.lora import CONFIG_FILE, WEIGHTS_FILE, read_config
from gpu_runner.errors import InvalidRequest, UnsupportedModel
from gpu_runner.protocol import ModelKind, ModelManifest


def check_model(directory: Path, manifest: ModelManifest) -> None:
    """Raises InvalidRequest for missing files, UnsupportedModel for tensors that cannot belong to such a model."""
    needed = {HEAD_FILE} if manifest.kind is ModelKind.CLASSIFIER else {CONFIG_FILE, WEIGHTS_FILE}
    missing = sorted(needed - {artifact.name for artifact in manifest.artifacts})
    if missing:
        raise InvalidRequest(f"A model of kind {manifest.kind.value} needs {', '.join(missing)}.", field="files")
    if len(set(manifest.classes)) != len(manifest.classes):
        raise InvalidRequest("Each class is named once.", field="classes")
    if manifest.kind is ModelKind.CLASSIFIER:
        _check_head(directory, len(manifest.classes))
    else:
        _check_adapter(directory)


def _check_head(directory: Path, classes: int) -> None:
    header = check_safetensors(directory / HEAD_FILE)
    if classes < 2:
        raise InvalidRequest("A classifier has at least two classes.", field="classes")
    shapes = {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}
    weight, bias = shapes.get("weight"), shapes.get("bias")
    if set(shapes) != {"weight", "bias"} or weight is None or len(weight) != 2 or bias != [classes]:
        raise UnsupportedModel(f"{HEAD_FILE} needs the tensors weight [{classes}, dimensions] and bias [{classes}].")
    if weight[0] != classes:
        raise UnsupportedModel(f"{HEAD_FILE} has {weight[0]} outputs for {classes} classes.")


def _check_adapter(directory: Path) -> None:
    config = read_config(directory)
    header = check_safetensors(directory / WEIGHTS_FILE)
    names = [name for name in header if name != "__metadata__"]
    if not names or any(".lora_" not in name for name in names):
        raise UnsupportedModel(f"{WEIGHTS_FILE} holds more than LoRA tensors.")
    ranks = {header[name]["shape"][0] for name in names if ".lora_A." in name}
    if ranks != {config.r}:
        raise UnsupportedModel(f"{CONFIG_FILE} says rank {config.r}; the tensors have {sorted(ranks)}.")
