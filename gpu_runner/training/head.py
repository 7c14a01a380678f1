"""A classifier head: multinomial logistic regression on sentence embeddings, with calibrated probabilities."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import save_file

from gpu_runner.engines.base import EngineName, EngineOptions, ModelRecord
from gpu_runner.engines.classifier.engine import HEAD_FILE, LinearHeadEngine
from gpu_runner.engines.embeddings.engine import MeanPoolingEngine
from gpu_runner.errors import TrainingFailed
from gpu_runner.protocol import ArtifactInfo, ModelKind, TrainHeadSpec, TrainingResult, TrainingRow
from gpu_runner.training.job import TrainingJob, artifact, base_directory
from gpu_runner.training.progress import Span
from gpu_runner.training.rows import accuracy, class_scores, majority_accuracy, split_rows

PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2)
CALIBRATION_PART = 0.2
MIN_ROWS_TO_CALIBRATE = 40
SEARCH_ITERATIONS = 25
EMBED_CHUNK = 128
RELOAD_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Labelled:
    """Embeddings [rows, dimensions] and class indexes [rows]."""

    vectors: torch.Tensor
    labels: torch.Tensor

    def take(self, rows: Sequence[int]) -> Labelled:
        """Some of the rows."""
        index = torch.tensor(list(rows))
        return Labelled(self.vectors[index], self.labels[index])


def train_head(spec: TrainHeadSpec, job: TrainingJob) -> tuple[TrainingResult, list[ArtifactInfo]]:
    """Train, measure on the held-out rows, save, and check that the saved head answers the same."""
    torch.manual_seed(spec.seed)
    torch.set_num_threads(job.threads)
    train_rows, test_rows, skipped = split_rows(job.rows)
    classes = sorted({row.label for row in train_rows})
    record = ModelRecord(spec.base, ModelKind.EMBEDDING, EngineName.EMBEDDINGS, base_directory(spec.base))
    encoder = MeanPoolingEngine(record, EngineOptions(threads=job.threads))
    job.progress.report("loading", 0.02)
    encoder.load()
    train, test = _embed(encoder, train_rows, test_rows, classes, job)
    penalty, temperature = _calibrate(train, len(classes), spec, Span(job.progress, "calibrating", 0.8, 0.88))
    weight, bias, loss = _fit(train, test, len(classes), penalty, spec.max_iterations, job)
    weight, bias = weight / temperature, bias / temperature
    if not (torch.isfinite(weight).all() and torch.isfinite(bias).all()):
        raise TrainingFailed("The classifier did not converge to finite numbers.")
    save_file({"weight": weight.float().contiguous(), "bias": bias.float().contiguous()}, job.output / HEAD_FILE)
    found = _reloaded(job, record, encoder, classes, test_rows, test, weight, bias)
    truth = [row.label for row in test_rows]
    result = TrainingResult(
        classes=classes,
        train_rows=len(train_rows),
        eval_rows=len(test_rows),
        accuracy_before=majority_accuracy(train_rows, test_rows),
        accuracy_after=accuracy(truth, found),
        majority_accuracy=majority_accuracy(train_rows, test_rows),
        final_loss=loss,
        per_class=class_scores(classes, truth, found),
        skipped_rows=skipped,
        tokens=job.progress.tokens,
        base=spec.base,
        parameters={"penalty": penalty, "temperature": temperature, "seed": spec.seed},
    )
    return result, [artifact(job.output / HEAD_FILE)]


def _embed(
    encoder: MeanPoolingEngine,
    train: Sequence[TrainingRow],
    test: Sequence[TrainingRow],
    classes: Sequence[str],
    job: TrainingJob,
) -> tuple[Labelled, Labelled]:
    span = Span(job.progress, "embedding", 0.05, 0.8)
    rows, vectors = [*train, *test], []
    for start in range(0, len(rows), EMBED_CHUNK):
        embedded = encoder.embed([row.text for row in rows[start : start + EMBED_CHUNK]])
        vectors += embedded.vectors
        job.progress.tokens += embedded.tokens
        span.report(len(vectors) / len(rows), step=len(vectors), total_steps=len(rows))
    index = {label: number for number, label in enumerate(classes)}
    everything = Labelled(torch.tensor(vectors, dtype=torch.float64), torch.tensor([index[row.label] for row in rows]))
    return everything.take(range(len(train))), everything.take(range(len(train), len(rows)))


def _solve(data: Labelled, classes: int, penalty: float, iterations: int) -> Any:
    """Iterate L-BFGS on mean cross-entropy + penalty·|weight|²; yields (weight, bias, loss) after each iteration."""
    weight = torch.zeros(classes, data.vectors.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    optimiser: Any = torch.optim.LBFGS(
        [weight, bias], max_iter=1, history_size=10, line_search_fn="strong_wolfe", tolerance_grad=1e-9
    )

    def objective() -> Any:
        optimiser.zero_grad()
        logits = data.vectors @ weight.T + bias
        loss: Any = torch.nn.functional.cross_entropy(logits, data.labels) + penalty * weight.square().sum()
        loss.backward()
        return loss

    for _ in range(iterations):
        optimiser.step(objective)
        with torch.no_grad():
            loss = torch.nn.functional.cross_entropy(data.vectors @ weight.T + bias, data.labels)
        yield weight.detach().clone(), bias.detach().clone(), float(loss)


def _calibrate(train: Labelled, classes: int, spec: TrainHeadSpec, span: Span) -> tuple[float, float]:
    """Choose the penalty and the temperature on a part of the training rows that the trial does not see."""
    fit_rows, check_rows = _stratified(train.labels.tolist(), spec.seed)
    if len(train.labels) < MIN_ROWS_TO_CALIBRATE or not check_rows:
        return PENALTIES[1], 1.0
    fit, check = train.take(fit_rows), train.take(check_rows)
    best: tuple[float, float, float] | None = None
    for number, penalty in enumerate(PENALTIES, start=1):
        weight, bias, _ = list(_solve(fit, classes, penalty, SEARCH_ITERATIONS))[-1]
        temperature, loss = _temperature(check.vectors @ weight.T + bias, check.labels)
        if best is None or loss < best[0]:
            best = (loss, penalty, temperature)
        span.report(number / len(PENALTIES))
    return (PENALTIES[1], 1.0) if best is None else (best[1], best[2])


def _temperature(logits: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    """The divisor of the logits with the least cross-entropy, from a fixed grid, and that cross-entropy."""
    grid = [0.25 * 1.15**step for step in range(20)]
    losses = [float(torch.nn.functional.cross_entropy(logits / value, labels)) for value in grid]
    best = min(range(len(grid)), key=lambda step: losses[step])
    return grid[best], losses[best]


def _stratified(labels: Sequence[int], seed: int) -> tuple[list[int], list[int]]:
    """Row numbers to fit on and to check on; each class keeps at least one row to fit on."""
    generator = random.Random(seed)  # noqa: S311  # a reproducible split
    fit: list[int] = []
    check: list[int] = []
    for label in sorted(set(labels)):
        rows = [row for row, value in enumerate(labels) if value == label]
        generator.shuffle(rows)
        size = min(int(len(rows) * CALIBRATION_PART), len(rows) - 1)
        check += rows[:size]
        fit += rows[size:]
    return sorted(fit), sorted(check)


def _fit(
    train: Labelled, test: Labelled, classes: int, penalty: float, iterations: int, job: TrainingJob
) -> tuple[torch.Tensor, torch.Tensor, float]:
    span = Span(job.progress, "training", 0.88, 0.97)
    state: tuple[torch.Tensor, torch.Tensor, float] | None = None
    for step, state in enumerate(_solve(train, classes, penalty, iterations), start=1):
        weight, bias, loss = state
        guess = (test.vectors @ weight.T + bias).argmax(1)
        correct = float((guess == test.labels).double().mean())
        span.report(step / iterations, step=step, total_steps=iterations, loss=loss, eval_accuracy=correct)
    if state is None:
        raise TrainingFailed("No training step was made.")
    return state


def _reloaded(
    job: TrainingJob,
    base: ModelRecord,
    encoder: MeanPoolingEngine,
    classes: Sequence[str],
    rows: Sequence[TrainingRow],
    test: Labelled,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> list[str]:
    """Labels of the held-out rows by the saved file; a few are asked through the serving engine and must agree."""
    job.progress.report("checking", 0.98)
    probabilities = torch.softmax(test.vectors @ weight.T + bias, dim=1)
    record = ModelRecord("reloaded", ModelKind.CLASSIFIER, EngineName.CLASSIFIER, job.output, base.name, tuple(classes))
    served = LinearHeadEngine(record, EngineOptions(threads=job.threads), lambda _name: encoder)
    for number, answer in enumerate(served.classify([row.text for row in rows[:16]]).results):
        expected = probabilities[number].tolist()
        given = [answer.probabilities[label] for label in classes]
        if max(abs(a - b) for a, b in zip(expected, given, strict=True)) > RELOAD_TOLERANCE:
            raise TrainingFailed("The saved classifier does not answer like the trained one.")
    return [classes[number] for number in probabilities.argmax(1).tolist()]
