"""Where predictions come from: one small interface, and what implements it.

A source turns texts into rows of numbers: the platform's own into embeddings, from which a head learns the order's
classes; all others into probabilities of the order's classes. Nothing here runs inside a database transaction.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from apps.compute import runner
from apps.compute.errors import RunnerUnavailable
from apps.compute.types import BASE_CHAT_MODEL, BASE_EMBEDDING_MODEL, ModelRef
from apps.core.errors import DomainError, InvalidInput
from apps.core.fetching import post_json, session
from apps.labeling.machine.pool import Learnable, Pool
from apps.labeling.machine.predicted import Predicted
from apps.labeling.machine.wording import worded
from apps.labeling.machine_types import LANGUAGE_MODEL, PLATFORM
from apps.tenancy.types import Actor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

MAX_ANSWER_BYTES = 4_000_000
MAX_SECONDS = 60.0
#: A language model is asked so often about a text; its confidence is the share of equal answers.
VOTES = 3
#: What is believed of a label that comes without any probability, until people's labels say more.
UNSTATED = 0.8
_CHARACTERS = 2_000


class BadPredictions(DomainError):
    """A source answered something else than predictions."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_predictions", message)


class Source(Protocol):
    """Something that has an opinion about texts."""

    @property
    def name(self) -> str:
        """What predicts, for the dataset's card."""
        ...

    @property
    def version_id(self) -> UUID | None:
        """The registered model version, if it is one."""
        ...

    @property
    def batch(self) -> int:
        """Texts a call."""
        ...

    def rows(self, texts: Sequence[str]) -> Floats:
        """A row of numbers for each text, shape (n, d). Raises DomainError: retryable, or BadPredictions."""
        ...

    def pool(self, rows: Floats, texts: Sequence[str]) -> Learnable:
        """All rows, and the texts they are of, as something that a course can go over."""
        ...


@dataclass(frozen=True)
class Platform:
    """The runner's embeddings, the wording, a linear head and a graph of neighbours that learn from people's labels."""

    name: str = f"{BASE_EMBEDDING_MODEL} + linear head and neighbours, learned in the order"
    version_id: UUID | None = None
    batch: int = 256

    def rows(self, texts: Sequence[str]) -> Floats:
        """Embeddings."""
        import numpy as np

        return np.array(runner.embed(texts), dtype=np.float32)

    def pool(self, rows: Floats, texts: Sequence[str]) -> Learnable:
        """With their wording and neighbours."""
        return Pool.of(worded(rows, texts))


@dataclass(frozen=True)
class Registered:
    """A registered model version that classifies: a head or an adapter, run by the runner."""

    model: ModelRef
    classes: tuple[str, ...]
    name: str
    version_id: UUID | None
    batch: int = 128

    def rows(self, texts: Sequence[str]) -> Floats:
        """The model's probabilities; what it gives to classes that the order does not have is left out."""
        found = runner.classify(self.model, texts)
        return _table([one.probabilities for one in found], self.classes)

    def pool(self, rows: Floats, texts: Sequence[str]) -> Learnable:
        """As predicted."""
        return Predicted(rows)


@dataclass(frozen=True)
class LanguageModel:
    """The platform's language model; its output is constrained to the names of the classes."""

    instruction: str
    classes: tuple[str, ...]
    name: str = f"{BASE_CHAT_MODEL}, output constrained to the classes"
    version_id: UUID | None = None
    batch: int = 16

    def rows(self, texts: Sequence[str]) -> Floats:
        """Shares of equal answers."""
        with httpx.Client(
            base_url=runner.runner_base_url(),
            headers={"Authorization": f"Bearer {runner.runner_token()}"},
            timeout=runner.DEFAULT_TIMEOUT_S,
            trust_env=False,
        ) as client:
            return _table([self._shares(client, text) for text in texts], self.classes)

    def pool(self, rows: Floats, texts: Sequence[str]) -> Learnable:
        """As predicted."""
        return Predicted(rows)

    def _shares(self, client: httpx.Client, text: str) -> dict[str, float]:
        found = dict.fromkeys(self.classes, 0.0)
        for seed in range(VOTES):
            found[self._label(client, text, seed)] += 1
        # A label that was never given is unlikely, not impossible.
        return {name: (count + 1 / len(found)) / (VOTES + 1) for name, count in found.items()}

    def _label(self, client: httpx.Client, text: str, seed: int) -> str:
        schema = {"type": "object", "properties": {"label": {"enum": list(self.classes)}}, "required": ["label"]}
        body = {
            "model": BASE_CHAT_MODEL,
            "messages": [
                {"role": "system", "content": f"{self.instruction} Answer with one of: {', '.join(self.classes)}."},
                {"role": "user", "content": text[:_CHARACTERS]},
            ],
            "temperature": 0.0 if seed == 0 else 0.7,
            "seed": seed,
            "max_tokens": 100,
            "response_format": {"type": "json_schema", "json_schema": {"name": "label", "schema": schema}},
        }
        try:
            answer = client.post("/chat/completions", json=body)
            answer.raise_for_status()
            label = json.loads(answer.json()["choices"][0]["message"]["content"])["label"]
        except httpx.HTTPError as error:
            raise RunnerUnavailable(f"{type(error).__name__}: {error}") from error
        except (ValueError, LookupError, TypeError) as error:
            raise BadPredictions("The language model's answer names no class.") from error
        if label not in self.classes:
            raise BadPredictions(f"The language model answered “{str(label)[:80]}”, which is none of the classes.")
        return str(label)


@dataclass(frozen=True)
class Endpoint:
    """An address that takes {"texts", "classes"} and answers {"predictions": [{"label", "confidence"}, …]}.

    Instead of a label and a confidence, a prediction may have `probabilities`: {class: probability}.
    """

    url: str
    classes: tuple[str, ...]
    version_id: UUID | None = None
    batch: int = 64
    allow_loopback: bool = False

    @property
    def name(self) -> str:
        """The host, which is all that a card tells of an address."""
        return f"external endpoint {urlsplit(self.url).hostname}"

    def rows(self, texts: Sequence[str]) -> Floats:
        """What the endpoint says. Raises FetchFailed, BadPredictions."""
        target = io.BytesIO()
        body = {"texts": list(texts), "classes": list(self.classes)}
        with session(allow_loopback=self.allow_loopback) as opened:
            post_json(opened, self.url, body, target, max_bytes=MAX_ANSWER_BYTES, max_seconds=MAX_SECONDS)
        try:
            answer = json.loads(target.getvalue())
        except ValueError as error:
            raise BadPredictions(f"{self.name} did not answer with JSON.") from error
        found = answer.get("predictions") if isinstance(answer, Mapping) else None
        if not isinstance(found, list) or len(found) != len(texts):
            got = f"{len(found)}" if isinstance(found, list) else "no list"
            raise BadPredictions(f"{self.name} must answer {len(texts)} predictions, one for each text; it gave {got}.")
        return _table([self._probabilities(one, place) for place, one in enumerate(found)], self.classes)

    def pool(self, rows: Floats, texts: Sequence[str]) -> Learnable:
        """As predicted."""
        return Predicted(rows)

    def _probabilities(self, one: Any, place: int) -> dict[str, float]:
        where = f"{self.name}: predictions[{place}]"
        if isinstance(one, Mapping) and isinstance(one.get("probabilities"), Mapping):
            return {str(name): _share(value, where) for name, value in one["probabilities"].items()}
        label = one.get("label") if isinstance(one, Mapping) else None
        if not isinstance(label, str):
            raise BadPredictions(f"{where} has neither a label nor probabilities.")
        return {label: _share(one.get("confidence", UNSTATED), where)}


def _share(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= 1:
        raise BadPredictions(f"{where}: {str(value)[:40]} is no probability from 0 to 1.")
    return float(value)


def _table(found: Sequence[Mapping[str, float]], classes: Sequence[str]) -> Floats:
    import numpy as np

    table = np.array([[one.get(name, 0.0) for name in classes] for one in found], dtype=np.float32)
    sums = table.sum(axis=1, keepdims=True)
    checked: Floats = table / np.maximum(sums, 1)
    return checked


@dataclass(frozen=True)
class KnownModel:
    """A model version that an organisation may use."""

    ref: ModelRef
    name: str
    classes: tuple[str, ...]


ModelFinder = Callable[[Actor, UUID], KnownModel]
_finders: list[ModelFinder] = []


def finds_models(function: ModelFinder) -> ModelFinder:
    """Register how a higher app finds a model version that the actor may use; raises a DomainError where it may not."""
    _finders.append(function)
    return function


def source_of(actor: Actor, source: str, classes: Sequence[str], instruction: str) -> Source:
    """The source that an order names.

    Raises:
        InvalidInput: there is no such source, or it knows fewer than two of the order's classes.
        DomainError: the actor may not use the model.
    """
    names = tuple(classes)
    if source == PLATFORM:
        return Platform()
    if source == LANGUAGE_MODEL:
        return LanguageModel(instruction, names)
    if source.startswith(("https://", "http://")):
        return Endpoint(source, names)
    try:
        version_id = UUID(source)
    except ValueError:
        message = f"“{source[:80]}” is none of {PLATFORM}, {LANGUAGE_MODEL}, a model version's id, an https:// address."
        raise _refused(message) from None
    known = next((finder(actor, version_id) for finder in _finders), None)
    if known is None or len(set(known.classes) & set(names)) < 2:
        has = ", ".join(known.classes[:8]) if known is not None else "none"
        raise _refused(f"The model knows fewer than two of the order's choices; its classes are: {has}.")
    return Registered(known.ref, names, known.name, version_id)


def _refused(message: str) -> InvalidInput:
    return InvalidInput("invalid_order", message, errors=[{"field": "machine.source", "message": message}])
