"""The llama.cpp engine. Requests go to its server object in memory: no port is opened."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from gpu_runner.engines.base import ChatCall, ChatEngine, ChatOutcome, Emit
from gpu_runner.engines.failures import typed_failures
from gpu_runner.errors import ContextOverflow, InvalidRequest, RunnerError, UnsupportedModel
from gpu_runner.protocol import FinishReason

_QUIET = -1


@dataclass
class _Stream:
    """What the chunks of one answer have said so far."""

    emit: Emit
    finish: FinishReason = "length"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: dict[str, Any] | None = None
    failure: Exception | None = field(default=None)

    def receive(self, chunk: dict[str, Any]) -> bool:
        """Take one chunk; True tells llama.cpp to stop. It swallows exceptions of a callback, so none may leave."""
        try:
            return self._receive(chunk)
        except Exception as error:  # kept and raised by the caller
            self.failure = error
            return True

    def _receive(self, chunk: dict[str, Any]) -> bool:
        if "error" in chunk:
            self.error = chunk["error"]
            return True
        if usage := chunk.get("usage"):
            self.prompt_tokens = int(usage["prompt_tokens"])
            self.completion_tokens = int(usage["completion_tokens"])
        for choice in chunk.get("choices") or []:
            if reason := choice.get("finish_reason"):
                self.finish = "length" if reason == "length" else "stop"
            text = choice.get("delta", {}).get("content")
            if text and not self.emit(text):
                return True
        return False


class LlamaCppEngine(ChatEngine):
    """One GGUF model; up to `chat_slots` answers are generated in one batch, more wait inside llama.cpp."""

    _server: Any

    def _load(self) -> None:
        import xllamacpp

        files = sorted(self.record.directory.glob("*.gguf"))
        if len(files) != 1:
            raise UnsupportedModel(f"{self.record.name} has {len(files)} GGUF files; one is needed")
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(files[0])
        parameters.n_ctx = self.options.chat_context * self.options.chat_slots
        parameters.n_parallel = self.options.chat_slots
        parameters.cpuparams.n_threads = self.options.threads
        parameters.cpuparams_batch.n_threads = self.options.threads
        parameters.use_jinja = True
        parameters.warmup = False
        parameters.verbosity = _QUIET
        parameters.cache_ram_mib = 0  # Prompts of different tenants are not kept beyond their slot.
        with typed_failures(f"loading {self.record.name}"):
            self._server = xllamacpp.Server(parameters)

    def chat(self, call: ChatCall, emit: Emit) -> ChatOutcome:
        """Generate; see the base class."""
        self.load()
        stream = _Stream(emit)
        try:
            self._server.handle_chat_completions(self._request(call), stream.receive)
        except ValueError as error:
            raise InvalidRequest(f"The request cannot be generated: {str(error)[:300]}") from error
        if stream.failure is not None:
            raise stream.failure
        if stream.error is not None:
            raise _typed(stream.error)
        return ChatOutcome(stream.finish, stream.prompt_tokens, stream.completion_tokens)

    def _request(self, call: ChatCall) -> dict[str, Any]:
        request: dict[str, Any] = {
            "messages": [{"role": role, "content": text} for role, text in call.messages],
            "max_tokens": call.max_tokens,
            "temperature": call.temperature,
            "top_p": call.top_p,
            # Without a seed llama.cpp takes the same one in every slot, which would repeat answers.
            "seed": random.getrandbits(31) if call.seed is None else call.seed,
            # A prefix another request left behind was computed in other pieces: its last bits differ, and now
            # and then a drawn word. Who gives a seed wants the same words again, so the prompt is read afresh.
            "cache_prompt": call.seed is None,
            "stop": list(call.stop),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if call.response_format is not None:
            request["response_format"] = call.response_format
        return request


def _typed(error: dict[str, Any]) -> RunnerError:
    if error.get("type") == "exceed_context_size_error":
        limit, length = int(error.get("n_ctx", 0)), int(error.get("n_prompt_tokens", 0))
        message = f"The messages are {length} tokens long; this model reads {limit}."
        return ContextOverflow(message, prompt_tokens=length, limit=limit)
    return InvalidRequest(f"The request cannot be generated: {str(error.get('message', 'unknown'))[:300]}")
