"""Sources of predictions: endpoints, the runner's models, a language model; and what a fixed source can prove."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest

from apps.compute import runner
from apps.compute.types import Classification, ModelKind, ModelRef
from apps.core.errors import InvalidInput
from apps.core.fetching import FetchFailed
from apps.labeling.machine import sources
from apps.labeling.machine.predicted import Predicted
from apps.labeling.machine.sources import BadPredictions, Endpoint, KnownModel, LanguageModel, Registered, source_of
from apps.labeling.machine.steps import Labels, make_proposal
from apps.tenancy.types import Actor

CLASSES = ("ham", "spam")


class Answering(HTTPServer):
    """A predictor on this machine; `answer` makes the body from the request."""

    answer: Any = None
    asked: dict[str, Any] | None = None


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Answering)
        self.server.asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = self.server.answer(self.server.asked)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Answering]:
    found = Answering(("127.0.0.1", 0), Handler)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


def endpoint(server: Answering) -> Endpoint:
    return Endpoint(f"http://127.0.0.1:{server.server_port}/predict", CLASSES, allow_loopback=True)


def test_an_endpoint_gives_labels_or_probabilities(server: Answering) -> None:
    server.answer = lambda _: {
        "predictions": [{"label": "spam", "confidence": 0.75}, {"probabilities": {"ham": 0.25, "other": 0.75}}]
    }
    rows = endpoint(server).rows(["win money", "hello"])
    assert server.asked == {"texts": ["win money", "hello"], "classes": ["ham", "spam"]}
    assert rows.tolist() == [[0.0, 0.75], [0.25, 0.0]]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"<html>", "did not answer with JSON"),
        ([], "no list"),
        ({"predictions": [{"label": "spam"}]}, "must answer 2 predictions, one for each text; it gave 1"),
        ({"predictions": [{"label": "spam"}, {"class": "ham"}]}, r"predictions\[1\] has neither a label nor"),
        ({"predictions": [{"label": "spam", "confidence": 3}, {"label": "ham"}]}, r"predictions\[0\]: 3 is no prob"),
        ({"predictions": [{"probabilities": {"ham": "x"}}, {"label": "ham"}]}, r"predictions\[0\]: x is no prob"),
    ],
)
def test_an_endpoints_wrong_answer_is_told(server: Answering, answer: Any, told: str) -> None:
    server.answer = lambda _: answer
    with pytest.raises(BadPredictions, match=told):
        endpoint(server).rows(["a", "b"])


def test_an_endpoint_in_a_private_network_is_refused(server: Answering) -> None:
    with pytest.raises(FetchFailed, match="private network"):
        Endpoint(f"http://127.0.0.1:{server.server_port}/", CLASSES).rows(["a"])
    assert server.asked is None


def test_a_registered_model_is_asked_through_the_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def classify(model: ModelRef, texts: list[str]) -> list[Classification]:
        asked.append(model.name)
        return [Classification(label="spam", probability=0.6, probabilities={"spam": 0.6, "ad": 0.4}) for _ in texts]

    monkeypatch.setattr(runner, "classify", classify)
    ref = ModelRef("m1", ModelKind.CLASSIFIER, "base", ("spam", "ad"))
    rows = Registered(ref, CLASSES, "Spam filter, version 1", uuid4()).rows(["a", "b"])
    assert asked == ["m1"]
    assert np.allclose(rows, [[0, 0.6], [0, 0.6]])


def test_only_models_that_know_two_of_the_classes_may_predict(monkeypatch: pytest.MonkeyPatch) -> None:
    actor, version = Actor.system(uuid4()), uuid4()
    ref = ModelRef("m1", ModelKind.CLASSIFIER, "base", ("spam", "ad"))
    monkeypatch.setattr(sources, "_finders", [lambda *_: KnownModel(ref, "Ads, version 2", ref.classes)])
    with pytest.raises(InvalidInput, match="fewer than two"):
        source_of(actor, str(version), CLASSES, "")
    assert source_of(actor, str(version), ("spam", "ad", "ham"), "").version_id == version


def test_a_language_models_confidence_is_the_share_of_equal_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter(["spam", "spam", "ham"])

    def answer(request: httpx.Request) -> httpx.Response:
        schema = json.loads(request.content)["response_format"]["json_schema"]["schema"]
        assert schema["properties"]["label"]["enum"] == list(CLASSES)
        content = json.dumps({"label": next(said)})
        return httpx.Response(200, json={"choices": [{"message": {"content": content}}]})

    class Client(httpx.Client):
        def __init__(self, **options: Any) -> None:
            super().__init__(transport=httpx.MockTransport(answer), base_url=options["base_url"])

    monkeypatch.setattr("apps.labeling.machine.sources.httpx.Client", Client)
    rows = LanguageModel("Is it spam?", CLASSES).rows(["win"])
    assert np.allclose(rows, [[1.5 / 4, 2.5 / 4]])


@pytest.mark.parametrize(("right", "accepts"), [(0.99, True), (0.85, False)])
def test_a_fixed_source_is_believed_as_far_as_people_confirm_it(right: float, accepts: bool) -> None:
    random = np.random.default_rng(3)
    truth = random.integers(0, 2, 1200)
    given = np.where(random.random(1200) < right, truth, 1 - truth)
    table = np.full((1200, 2), 0.05, dtype=np.float32)
    table[np.arange(1200), given] = 0.95
    pool = Predicted(table)
    places = np.arange(200)
    known = Labels(places, truth[places], np.ones(200, dtype=np.bool_))
    _, proposal = make_proposal(
        pool,
        pool.fit(known.places, known.labels, 2),
        known,
        np.arange(200, 1200),
        classes=2,
        promised=0.95,
        never=np.array([], dtype=np.int64),
        number=1,
        seed=0,
    )
    assert (proposal is not None) == accepts
    if proposal is not None:
        assert len(proposal.places) > 900
