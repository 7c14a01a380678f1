"""Mean pooling, as sentence-transformers does it for this model, in batches of similar length."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from gpu_runner.engines.base import Embedded, EmbeddingEngine
from gpu_runner.engines.failures import typed_failures

MAX_TOKENS = 256
BATCH = 32


class MeanPoolingEngine(EmbeddingEngine):
    """Encoder + mean over the tokens + unit length."""

    _model: Any
    _tokenizer: Any

    def _load(self) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        torch.set_num_threads(self.options.threads)
        with typed_failures(f"loading {self.record.name}"):
            self._tokenizer = AutoTokenizer.from_pretrained(self.record.directory)
            model = AutoModel.from_pretrained(
                self.record.directory, dtype=torch.float32, use_safetensors=True, local_files_only=True
            )
            self._model = model.eval()
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Unit vectors; see the base class."""
        self.load()
        encoded = self._tokenizer(list(texts), truncation=True, max_length=MAX_TOKENS)["input_ids"]
        order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
        vectors: list[list[float]] = [[] for _ in encoded]
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            # The lock is given back between batches, so a long list does not keep short ones waiting.
            with self._lock, typed_failures("embedding"):
                rows = self._pool([encoded[index] for index in batch])
            for index, row in zip(batch, rows, strict=True):
                vectors[index] = row
        return Embedded(vectors, sum(len(ids) for ids in encoded))

    def _pool(self, encoded: list[list[int]]) -> list[list[float]]:
        import torch

        inputs = self._tokenizer.pad({"input_ids": encoded}, return_tensors="pt")
        with torch.inference_mode():
            hidden = self._model(**inputs).last_hidden_state
            mask = inputs["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            unit = torch.nn.functional.normalize(pooled, p=2, dim=1)
        rows: list[list[float]] = unit.tolist()
        return rows
