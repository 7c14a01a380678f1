"""Between the event loop and the engines: one engine object a model, worker threads, admission, deadlines, cancel."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from gpu_runner.config import RunnerSettings
from gpu_runner.engines import create_engine
from gpu_runner.engines.base import ChatCall, ChatEngine, ChatOutcome, Engine, EngineOptions, GenerationAbandoned
from gpu_runner.errors import DeadlineExceeded, NotReady, Overloaded, RunnerError, UnknownModel, UnsupportedModel
from gpu_runner.prepare import missing_models
from gpu_runner.protocol import BASE_CHAT_MODEL, BASE_EMBEDDING_MODEL, Health
from gpu_runner.registry import ModelRegistry

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_E = TypeVar("_E", bound=Engine)


class EnginePool:
    """Engine objects by model name, made on first use."""

    def __init__(self, registry: ModelRegistry, settings: RunnerSettings) -> None:
        self.registry = registry
        self.models_dir = settings.models_dir
        self._options = EngineOptions(settings.threads, settings.chat_slots, settings.chat_context)
        self._engines: dict[str, Engine] = {}
        self._lock = threading.Lock()
        self._failures: dict[str, str] = {}

    def engine(self, name: str, wanted: type[_E]) -> _E:
        """The engine of a model, not loaded yet. Raises UnknownModel, NotReady, UnsupportedModel."""
        engine = self._engine(name)
        if not isinstance(engine, wanted):
            task = wanted.__name__.removesuffix("Engine").lower()
            raise UnsupportedModel(f"{name} cannot be used for this ({task}).", model=name, kind=engine.record.kind)
        return engine

    def _engine(self, name: str) -> Engine:
        try:
            record = self.registry.get(name)
        except UnknownModel:
            if name in {BASE_CHAT_MODEL, BASE_EMBEDDING_MODEL}:
                raise NotReady(f"{name} is not prepared yet: run python -m gpu_runner.prepare.") from None
            raise
        with self._lock:
            if record.name not in self._engines:
                self._engines[record.name] = create_engine(record, self._options, self._resolve_base)
            return self._engines[record.name]

    def _resolve_base(self, name: str) -> Engine:
        try:
            engine = self._engine(self.registry.base_of(name).name)
        except UnknownModel as error:
            raise UnsupportedModel(f"The base model {name} is not on this machine.", base=name) from error
        engine.load()
        return engine

    def loaded(self, name: str) -> bool:
        """Whether the weights of a model are in memory."""
        engine = self._engines.get(name)
        return engine is not None and engine.loaded

    def preload(self) -> None:
        """Load the bundled models; meant for a background thread."""
        for name in (BASE_EMBEDDING_MODEL, BASE_CHAT_MODEL):
            try:
                self._engine(name).load()
                self._failures.pop(name, None)
            except RunnerError as error:
                self._failures[name] = error.message
                logger.warning("%s is not loaded: %s", name, error.message)

    def health(self, *, preloading: bool) -> Health:
        """What `/readyz` says."""
        names = (BASE_CHAT_MODEL, BASE_EMBEDDING_MODEL)
        if missing := missing_models(self.models_dir):
            detail = f"run python -m gpu_runner.prepare; missing: {', '.join(missing)}"
            return Health(status="models_missing", ready=False, detail=detail)
        states = {name: "loaded" if self.loaded(name) else self._failures.get(name, "not loaded") for name in names}
        if self._failures:
            return Health(status="failed", ready=False, models=states, detail="; ".join(self._failures.values()))
        loading = preloading and not all(self.loaded(name) for name in names)
        return Health(status="loading" if loading else "ok", ready=not loading, models=states)


class Serving:
    """Runs engine calls in threads, no more than `max_waiting` of them, none past the deadline."""

    def __init__(self, settings: RunnerSettings) -> None:
        self._limit = settings.max_waiting
        self._deadline_s = settings.request_timeout_s
        self._busy = 0
        self._threads = ThreadPoolExecutor(max_workers=settings.max_waiting, thread_name_prefix="engine")

    @contextmanager
    def admission(self) -> Iterator[None]:
        """A place among the requests in work. Raises Overloaded."""
        if self._busy >= self._limit:
            raise Overloaded("The model server has more requests than it can take. Try again in a moment.")
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    async def call(self, function: Callable[[], _T]) -> _T:
        """Run a short engine call. Raises DeadlineExceeded and what the engine raises."""
        loop = asyncio.get_running_loop()
        with self.admission():
            try:
                async with asyncio.timeout(self._deadline_s):
                    return await loop.run_in_executor(self._threads, function)
            except TimeoutError as error:
                raise DeadlineExceeded(f"No answer within {self._deadline_s:.0f} s.") from error

    def generation(self, engine: ChatEngine, call: ChatCall) -> Generation:
        """A chat answer to be iterated."""
        return Generation(engine, call, self._threads, time.monotonic() + self._deadline_s)

    def close(self) -> None:
        """Take no more work."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Generation:
    """One chat answer: iterate the pieces, then read `outcome`. Leaving the iteration early stops the engine."""

    def __init__(self, engine: ChatEngine, call: ChatCall, threads: ThreadPoolExecutor, deadline: float) -> None:
        self._engine = engine
        self._call = call
        self._threads = threads
        self._deadline = deadline
        self._gone = threading.Event()
        self.outcome: ChatOutcome | None = None

    def abandon(self) -> None:
        """Tell the engine that nobody listens."""
        self._gone.set()

    async def pieces(self) -> AsyncIterator[str]:
        """Text as it is generated. Raises what the engine raises, and DeadlineExceeded."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[str | None] = asyncio.Queue()

        def emit(text: str) -> bool:
            if self._gone.is_set() or time.monotonic() > self._deadline:
                return False
            if text:
                loop.call_soon_threadsafe(queue.put_nowait, text)
            return True

        def work() -> ChatOutcome:
            try:
                if self._gone.is_set():
                    raise GenerationAbandoned
                return self._engine.chat(self._call, emit)
            finally:
                loop.call_soon_threadsafe(queue.put_nowait, None)

        future = loop.run_in_executor(self._threads, work)
        future.add_done_callback(_read_exception)
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                while (piece := await queue.get()) is not None:
                    yield piece
                self.outcome = await asyncio.shield(future)
        except (TimeoutError, GenerationAbandoned) as error:
            raise DeadlineExceeded("The answer was not complete within the time limit.") from error
        finally:
            self.abandon()


def _read_exception(future: asyncio.Future[ChatOutcome]) -> None:
    """The answer may be abandoned before its end; its exception is then nobody's concern."""
    if not future.cancelled():
        future.exception()
