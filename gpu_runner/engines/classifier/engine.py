"""Linear head: probabilities are the softmax of `weight @ embedding + bias`, calibrated in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpu_runner.engines import Resolve
from gpu_runner.engines.base import Classified, ClassifierEngine, EmbeddingEngine, EngineOptions, ModelRecord
from gpu_runner.engines.failures import typed_failures
from gpu_runner.errors import UnsupportedModel
from gpu_runner.protocol import Classification

HEAD_FILE = "head.safetensors"


class LinearHeadEngine(ClassifierEngine):
    """Tensors `weight` [classes, dimensions] and `bias` [classes], float32."""

    _base: EmbeddingEngine
    _weight: Any
    _bias: Any

    def __init__(self, record: ModelRecord, options: EngineOptions, resolve: Resolve) -> None:
        super().__init__(record, options)
        self._resolve = resolve

    def _load(self) -> None:
        from safetensors.numpy import load_file

        base = self._resolve(self.record.base or "")
        if not isinstance(base, EmbeddingEngine):
            raise UnsupportedModel(f"{self.record.name} needs an embedding model as its base, not {self.record.base}")
        with typed_failures(f"loading {self.record.name}"):
            tensors = load_file(self.record.directory / HEAD_FILE)
            self._weight, self._bias = tensors["weight"].astype("float32"), tensors["bias"].astype("float32")
        classes = len(self.record.classes)
        if self._weight.ndim != 2 or self._weight.shape[0] != classes or self._bias.shape != (classes,):
            raise UnsupportedModel(f"{self.record.name} does not have one output for each of its {classes} classes")
        self._base = base

    def classify(self, texts: Sequence[str]) -> Classified:
        """Label and probabilities; see the base class."""
        import numpy as np

        self.load()
        embedded = self._base.embed(texts)
        vectors = np.asarray(embedded.vectors, dtype=np.float32)
        if vectors.shape[1] != self._weight.shape[1]:
            raise UnsupportedModel(f"{self.record.name} was trained on another embedding model")
        logits = vectors @ self._weight.T + self._bias
        logits -= logits.max(axis=1, keepdims=True)
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return Classified([classification(self.record.classes, row) for row in probabilities.tolist()], embedded.tokens)


def classification(classes: Sequence[str], probabilities: Sequence[float]) -> Classification:
    """The answer for one text, from probabilities in the order of the classes."""
    by_class = dict(zip(classes, probabilities, strict=True))
    label = max(by_class, key=lambda name: by_class[name])
    return Classification(label=label, probability=by_class[label], probabilities=by_class)
