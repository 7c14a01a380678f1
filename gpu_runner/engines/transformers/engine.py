"""Text generation with transformers, one answer at a time per model, streamed and cancellable."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gpu_runner.engines.base import ChatCall, ChatEngine, ChatOutcome, Emit, GenerationAbandoned
from gpu_runner.engines.failures import typed_failures
from gpu_runner.engines.transformers.lora import AdapterConfig, attach_adapter
from gpu_runner.engines.transformers.stopping import StopFilter
from gpu_runner.errors import ContextOverflow, UnsupportedParameter
from gpu_runner.protocol import FinishReason

MAX_ADAPTERS = 8
_POLL_S = 0.2


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter as the engine needs it; `key` holds no dots, since PEFT keeps adapters as modules."""

    key: str
    config: AdapterConfig
    read: Callable[[], dict[str, Any]]


class TransformersEngine(ChatEngine):
    """A causal language model in float32. Adapters are attached to it by :class:`AdapterEngine`."""

    model: Any
    tokenizer: Any

    def _load(self) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(self.options.threads)
        with typed_failures(f"loading {self.record.name}"):
            self.tokenizer = AutoTokenizer.from_pretrained(self.record.directory, local_files_only=True)
            model: Any = AutoModelForCausalLM.from_pretrained(
                self.record.directory, dtype=torch.float32, use_safetensors=True, local_files_only=True
            )
            self.model = model.eval()
        self._lock = threading.Lock()
        self._adapters: list[str] = []

    @property
    def context(self) -> int:
        """Tokens that fit into one conversation."""
        return min(int(self.model.config.max_position_embeddings), self.options.chat_context)

    def chat(self, call: ChatCall, emit: Emit) -> ChatOutcome:
        """Generate without any adapter; see the base class."""
        self.load()
        with self.using(None, emit):
            return self.generate(call, emit)

    @contextmanager
    def using(self, adapter: Adapter | None, emit: Emit | None = None) -> Iterator[None]:
        """Hold the model with this adapter switched on (None: all off). Waiting ends when nobody listens any more."""
        while not self._lock.acquire(timeout=_POLL_S):
            if emit is not None and not emit(""):
                raise GenerationAbandoned
        try:
            if adapter is not None:
                self._switch_to(adapter)
                yield
            elif not self._adapters:
                yield
            else:
                with self.model.disable_adapter():
                    yield
        finally:
            self._lock.release()

    def _switch_to(self, adapter: Adapter) -> None:
        """Switch an adapter on, attaching it first where needed and letting go of the longest unused one."""
        if adapter.key in self._adapters:
            self._adapters.remove(adapter.key)
        else:
            with typed_failures("loading the adapter"):
                self.model = attach_adapter(self.model, adapter.key, adapter.config, adapter.read())
        self._adapters.append(adapter.key)
        self.model.set_adapter(adapter.key)
        if len(self._adapters) > MAX_ADAPTERS:
            self.model.delete_adapter(self._adapters.pop(0))

    def generate(self, call: ChatCall, emit: Emit) -> ChatOutcome:
        """Generate with the model as it is now; the caller holds it by `using`."""
        import torch
        from transformers import StoppingCriteriaList

        if call.response_format not in (None, {"type": "text"}):
            raise UnsupportedParameter("This model's engine cannot constrain its output.", field="response_format")
        messages = [{"role": role, "content": text} for role, text in call.messages]
        prompt = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        inputs = self.tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
        length = int(inputs["input_ids"].shape[1])
        if length >= self.context:
            message = f"The messages are {length} tokens long; this model reads {self.context}."
            raise ContextOverflow(message, prompt_tokens=length, limit=self.context)
        listener = _Listener(self.tokenizer, emit, StopFilter(call.stop))
        torch.manual_seed(secrets.randbits(31) if call.seed is None else call.seed)
        limit = min(call.max_tokens, self.context - length)
        with torch.inference_mode(), typed_failures("generating"):
            output = self.model.generate(
                **inputs,
                max_new_tokens=limit,
                streamer=listener.streamer,
                stopping_criteria=StoppingCriteriaList([listener.criterion]),
                pad_token_id=self.tokenizer.pad_token_id,
                **_sampling(call),
            )
        completion = int(output.shape[1]) - length
        ended = int(output[0, -1]) == self.tokenizer.eos_token_id
        reason: FinishReason = "stop" if ended or listener.stop.stopped else "length"
        return ChatOutcome(reason, length, completion)


def _sampling(call: ChatCall) -> dict[str, Any]:
    if call.temperature == 0:
        return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    return {"do_sample": True, "temperature": call.temperature, "top_p": call.top_p, "top_k": 0}


class _Listener:
    """Connects transformers' streamer and stopping criterion with `emit` and the stop strings."""

    def __init__(self, tokenizer: Any, emit: Emit, stop: StopFilter) -> None:
        from transformers import TextStreamer

        self.stop = stop
        self.emit = emit
        self.abandoned = False
        listener = self

        class Streamer(TextStreamer):
            """Passes on text as soon as its characters are complete."""

            def on_finalized_text(self, text: str, stream_end: bool = False) -> None:  # noqa: FBT001, FBT002
                """Called by transformers with each finished piece."""
                listener.receive(text, last=stream_end)

        self.streamer = Streamer(tokenizer, skip_prompt=True, skip_special_tokens=True)

    def receive(self, text: str, *, last: bool) -> None:
        """Show what the stop strings let through."""
        shown = self.stop.feed(text)
        if last and not self.stop.stopped:
            shown += self.stop.rest()
        if shown and not self.emit(shown):
            self.abandoned = True

    def criterion(self, input_ids: Any, _scores: Any, **_options: Any) -> Any:
        """Asked by transformers after each token: one flag a row."""
        import torch

        if not self.abandoned and not self.emit(""):
            self.abandoned = True
        done = self.stop.stopped or self.abandoned
        return torch.full((input_ids.shape[0],), done, dtype=torch.bool)
