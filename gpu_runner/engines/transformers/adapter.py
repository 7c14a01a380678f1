"""A LoRA adapter on a shared base: chat, and classification by the labels' logits."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

from gpu_runner.engines import Resolve
from gpu_runner.engines.base import (
    ChatCall,
    ChatEngine,
    ChatOutcome,
    Classified,
    ClassifierEngine,
    Emit,
    EngineOptions,
    ModelRecord,
)
from gpu_runner.engines.classifier.engine import classification
from gpu_runner.engines.failures import typed_failures
from gpu_runner.engines.transformers.engine import Adapter, TransformersEngine
from gpu_runner.engines.transformers.lora import WEIGHTS_FILE, read_config
from gpu_runner.errors import UnsupportedModel
from gpu_runner.label_prompt import instruction, label_log_probabilities, prompt_ids

BATCH = 8
MAX_TEXT_TOKENS = 512


class AdapterEngine(ChatEngine, ClassifierEngine):
    """Requests switch the base to this adapter; many adapters share one copy of the base's weights."""

    _base: TransformersEngine
    _adapter: Adapter

    def __init__(self, record: ModelRecord, options: EngineOptions, resolve: Resolve) -> None:
        super().__init__(record, options)
        self._resolve = resolve

    def _load(self) -> None:
        base = self._resolve(self.record.base or "")
        if not isinstance(base, TransformersEngine):
            raise UnsupportedModel(f"{self.record.base} cannot carry adapters")
        self._base = base
        key = "a" + hashlib.sha256(self.record.name.encode()).hexdigest()[:16]
        self._adapter = Adapter(key, read_config(self.record.directory), self._read)
        with base.using(self._adapter):
            pass  # files that do not fit the base are refused now, not in the middle of a request

    def _read(self) -> dict[str, Any]:
        """The adapter's weights, by the safetensors loader and no other."""
        from safetensors.torch import load_file

        tensors: dict[str, Any] = load_file(self.record.directory / WEIGHTS_FILE)
        return tensors

    def chat(self, call: ChatCall, emit: Emit) -> ChatOutcome:
        """Generate with the adapter; one trained on labels gets its own instruction where the caller gives none."""
        self.load()
        if self.record.classes and all(role != "system" for role, _ in call.messages):
            messages = (("system", instruction(self.record.classes)), *call.messages)
            call = ChatCall(**{**call.__dict__, "messages": messages})
        with self._base.using(self._adapter, emit):
            return self._base.generate(call, emit)

    def classify(self, texts: Sequence[str]) -> Classified:
        """Label and probabilities by the logits of the labels' tokens; see the base class."""
        self.load()
        if not self.record.classes:
            raise UnsupportedModel(f"{self.record.name} was not trained on classes")
        results, tokens = [], 0
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            tokenizer = self._base.tokenizer
            prompts = [prompt_ids(tokenizer, self.record.classes, text, MAX_TEXT_TOKENS) for text in batch]
            with self._base.using(self._adapter), typed_failures("classifying"):
                rows = label_log_probabilities(self._base.model, tokenizer, self.record.classes, prompts)
            results += [classification(self.record.classes, [math.exp(value) for value in row]) for row in rows]
            tokens += sum(len(prompt) for prompt in prompts)
        return Classified(results, tokens)
