"""LoRA of a chat model on labelled messages: the message is the prompt, the class label the answer."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from gpu_runner.engines.transformers.lora import CONFIG_FILE, WEIGHTS_FILE, attach_adapter, read_config
from gpu_runner.errors import TrainingFailed
from gpu_runner.label_prompt import label_ids, label_log_probabilities, left_padded, prompt_ids
from gpu_runner.protocol import ArtifactInfo, TrainingResult, TrainingRow, TrainLoraSpec
from gpu_runner.training.job import TrainingJob, artifact, base_directory
from gpu_runner.training.progress import Span
from gpu_runner.training.rows import accuracy, class_scores, majority_accuracy, split_rows

TARGETS = {
    "attention": ["q_proj", "v_proj"],
    "all-linear": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}
EVAL_BATCH = 8
WARMUP_PART = 0.1
CLIP_NORM = 1.0
RELOAD_PROMPTS = 4
IGNORED = -100


@dataclass(frozen=True)
class Prepared:
    """One row as tokens."""

    prompt: list[int]
    answer: list[int]
    label: str

    @property
    def length(self) -> int:
        """Tokens in all."""
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True)
class Bench:
    """The model being trained, and what is needed to measure it."""

    model: Any
    tokenizer: Any
    classes: list[str]
    held_out: list[Prepared]


def train_lora(spec: TrainLoraSpec, job: TrainingJob) -> tuple[TrainingResult, list[ArtifactInfo]]:
    """Measure, train, measure again, save, and check that the saved adapter gives bitwise the same logits."""
    _make_deterministic(spec.seed, job.threads)
    train_rows, test_rows, skipped = split_rows(job.rows)
    classes = sorted({row.label for row in train_rows})
    job.progress.report("loading", 0.02)
    directory = base_directory(spec.base)
    tokenizer: Any = AutoTokenizer.from_pretrained(directory, local_files_only=True)
    base: Any = AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.float32, use_safetensors=True, local_files_only=True
    )
    held_out_rows = _sample(test_rows, spec.max_eval_rows, spec.seed)
    held_out = [_prepared(tokenizer, classes, row, spec) for row in held_out_rows]
    bench = Bench(_with_adapter(base, spec), tokenizer, classes, held_out)
    # A fresh adapter changes nothing, so this is the untuned model.
    found, _ = _evaluate(bench, Span(job.progress, "measuring before", 0.03, 0.12))
    truth = [row.label for row in held_out_rows]
    before = accuracy(truth, found)
    job.progress.report("measuring before", 0.12, eval_accuracy=before)
    batches = plan_batches([_prepared(tokenizer, classes, row, spec) for row in train_rows], spec)
    loss = _train(bench, batches, spec, job)
    found, logits = _evaluate(bench, Span(job.progress, "measuring after", 0.88, 0.97))
    after = accuracy(truth, found)
    job.progress.report("measuring after", 0.97, eval_accuracy=after)
    artifacts = _save(bench, spec, job)
    _check_reload(bench, job, logits)
    result = TrainingResult(
        classes=classes,
        train_rows=sum(len(batch) for batch in batches),
        eval_rows=len(held_out_rows),
        accuracy_before=before,
        accuracy_after=after,
        majority_accuracy=majority_accuracy(train_rows, held_out_rows),
        final_loss=loss,
        per_class=class_scores(classes, truth, found),
        skipped_rows=skipped,
        tokens=job.progress.tokens,
        base=spec.base,
        parameters=spec.model_dump(mode="json") | {"steps": len(batches), "available_train_rows": len(train_rows)},
    )
    return result, artifacts


def _make_deterministic(seed: int, threads: int) -> None:
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=True)
    torch.manual_seed(seed)


def _with_adapter(base: Any, spec: TrainLoraSpec) -> Any:
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=spec.rank,
        lora_alpha=2 * spec.rank,
        lora_dropout=0.0,
        target_modules=TARGETS[spec.targets],
    )
    return get_peft_model(base, config)


def _prepared(tokenizer: Any, classes: Sequence[str], row: TrainingRow, spec: TrainLoraSpec) -> Prepared:
    prompt = prompt_ids(tokenizer, classes, row.text, spec.max_tokens_per_row)
    return Prepared(prompt, label_ids(tokenizer, row.label), row.label)


def _sample(rows: Sequence[TrainingRow], size: int, seed: int) -> list[TrainingRow]:
    """At most `size` rows, by seed, in their order."""
    if len(rows) <= size:
        return list(rows)
    chosen = sorted(random.Random(seed).sample(range(len(rows)), size))  # noqa: S311  # a reproducible sample
    return [rows[number] for number in chosen]


def plan_batches(rows: Sequence[Prepared], spec: TrainLoraSpec) -> list[list[Prepared]]:
    """Batches of similar length in seeded order, at most `max_steps` of them.

    Every window of 8 batches is sorted by length inside, which saves most of the padding and keeps the order random.
    """
    generator = random.Random(spec.seed)  # noqa: S311  # a reproducible order
    size = min(spec.max_steps * spec.batch_size, spec.epochs * len(rows))
    order = _draw(rows, size, generator, balanced=spec.balance_classes)
    window, batches = spec.batch_size * 8, []
    for start in range(0, len(order), window):
        part = sorted(order[start : start + window], key=lambda row: row.length)
        cut = [part[first : first + spec.batch_size] for first in range(0, len(part), spec.batch_size)]
        generator.shuffle(cut)
        batches += cut
    return batches


def _draw(rows: Sequence[Prepared], size: int, generator: random.Random, *, balanced: bool) -> list[Prepared]:
    """`size` rows in random order, each as often as the others.

    Balanced, every class is drawn equally often: on so few steps a rare class would otherwise not be learnt at all,
    and the model would only learn which class is frequent.
    """
    groups: dict[str, list[Prepared]] = {}
    for row in rows:
        groups.setdefault(row.label if balanced else "", []).append(row)
    streams = [_endless(groups[label], generator) for label in sorted(groups)]
    drawn = [next(streams[number % len(streams)]) for number in range(size)]
    generator.shuffle(drawn)
    return drawn


def _endless(rows: Sequence[Prepared], generator: random.Random) -> Iterator[Prepared]:
    """The rows again and again, each time in another order."""
    while True:
        epoch = list(rows)
        generator.shuffle(epoch)
        yield from epoch


def _train(bench: Bench, batches: Sequence[Sequence[Prepared]], spec: TrainLoraSpec, job: TrainingJob) -> float:
    span = Span(job.progress, "training", 0.12, 0.88)
    parameters = [parameter for parameter in bench.model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=spec.learning_rate, weight_decay=0.0)
    smooth, started, tokens = math.nan, time.monotonic(), 0
    bench.model.train()
    for step, batch in enumerate(batches, start=1):
        rate = spec.learning_rate * _schedule(step, len(batches))
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss: Any = _loss(bench, batch)
        if not torch.isfinite(loss):
            raise TrainingFailed("The loss is no longer a number: the learning rate is too high for this data.")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
        optimiser.step()
        value = float(loss.detach())
        smooth = value if math.isnan(smooth) else 0.8 * smooth + 0.2 * value
        tokens += sum(row.length for row in batch)
        job.progress.tokens = tokens
        speed = tokens / max(time.monotonic() - started, 1e-6)
        span.report(
            step / len(batches),
            step=step,
            total_steps=len(batches),
            loss=value,
            learning_rate=rate,
            tokens_per_s=speed,
        )
    bench.model.eval()
    return smooth


def _schedule(step: int, steps: int) -> float:
    """Linear warm-up, then linear to zero."""
    warmup = max(1, int(steps * WARMUP_PART))
    return step / warmup if step <= warmup else max(0.0, (steps - step + 1) / (steps - warmup + 1))


def _loss(bench: Bench, batch: Sequence[Prepared]) -> torch.Tensor:
    """Mean cross-entropy over the answers' tokens; only their positions go through the large output layer."""
    ids, mask, positions = left_padded([[*row.prompt, *row.answer] for row in batch], bench.tokenizer.pad_token_id)
    keep = max(len(row.answer) for row in batch) + 1
    output = bench.model(
        input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=keep, use_cache=False
    )
    targets = torch.tensor([[IGNORED] * (keep - 1 - len(row.answer)) + row.answer for row in batch])
    logits = output.logits[:, :-1].reshape(-1, output.logits.shape[-1])
    loss: torch.Tensor = torch.nn.functional.cross_entropy(logits.float(), targets.reshape(-1), ignore_index=IGNORED)
    return loss


def _evaluate(bench: Bench, span: Span) -> tuple[list[str], list[list[float]]]:
    """Most probable label of each held-out row, and the log-probabilities behind them."""
    bench.model.eval()
    found: list[str] = []
    scores: list[list[float]] = []
    for start in range(0, len(bench.held_out), EVAL_BATCH):
        prompts = [row.prompt for row in bench.held_out[start : start + EVAL_BATCH]]
        rows = label_log_probabilities(bench.model, bench.tokenizer, bench.classes, prompts)
        found += [bench.classes[max(range(len(row)), key=row.__getitem__)] for row in rows]
        scores += rows
        span.report(len(found) / len(bench.held_out))
    return found, scores


def _save(bench: Bench, spec: TrainLoraSpec, job: TrainingJob) -> list[ArtifactInfo]:
    """Write the adapter in PEFT's own format, safetensors only."""
    state = get_peft_model_state_dict(bench.model)
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise TrainingFailed(f"The adapter's {name} is not finite.")
    if not any(".lora_B." in name and bool(tensor.any()) for name, tensor in state.items()):
        raise TrainingFailed("Training has not changed the model.")
    weights, config = job.output / WEIGHTS_FILE, job.output / CONFIG_FILE
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, weights)
    described = bench.model.peft_config["default"].to_dict() | {"base_model_name_or_path": spec.base}
    config.write_text(json.dumps(described, indent=1, sort_keys=True, default=_plain))
    return [artifact(weights), artifact(config)]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set) else str(value)


def _check_reload(bench: Bench, job: TrainingJob, expected: list[list[float]]) -> None:
    """The saved files, loaded as serving loads them, give bitwise the same scores."""
    job.progress.report("checking", 0.98)
    model: PeftModel = attach_adapter(
        bench.model, "reloaded", read_config(job.output), load_file(job.output / WEIGHTS_FILE)
    )
    model.set_adapter("reloaded")
    prompts = [row.prompt for row in bench.held_out[:EVAL_BATCH]]
    rows = label_log_probabilities(model, bench.tokenizer, bench.classes, prompts)
    if rows[:RELOAD_PROMPTS] != expected[: min(RELOAD_PROMPTS, len(prompts))]:
        raise TrainingFailed("The saved adapter does not answer like the trained one.")
