"""The SDK's transport: keys, repeats, refusals, pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from uuid import uuid4

import httpx
import pytest

from sahara.errors import ApiError, Conflict, InvalidInput, PaymentRequired, TimedOut, Unavailable, Unreachable
from sahara.models import Money, Task
from sahara.resources.labeling import WorkResource
from sahara.transport import Transport
from sahara.waiting import wait_for

Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)


def transport(answer: Answer, retries: int = 3) -> Transport:
    http = httpx.Client(base_url="http://platform", transport=httpx.MockTransport(answer))
    return Transport("http://platform", retries=retries, http=http)


def test_repeats_of_an_unsafe_call_carry_one_key() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx.ConnectError("down")
        return httpx.Response(503 if len(keys) == 2 else 201, json={"done": True}, headers={"Retry-After": "2"})

    assert transport(answer).post("orders/", {}) == {"done": True}
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_two_calls_carry_two_keys_and_a_given_key_is_kept() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        return httpx.Response(204)

    client = transport(answer)
    assert client.post("a/") is None
    client.post("a/")
    client.post("a/", idempotency_key="mine")
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_a_repeated_upload_sends_the_whole_file_again() -> None:
    bodies: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return httpx.Response(503 if len(bodies) == 1 else 201, json={})

    transport(answer).request("POST", "files/", files={"file": ("a.txt", BytesIO(b"content"))})
    assert all(b"content" in body for body in bodies)
    assert len(bodies) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [(402, PaymentRequired), (409, Conflict), (422, InvalidInput), (500, Unavailable), (418, ApiError)],
)
def test_a_refusal_is_raised_by_kind_with_the_problem(status: int, kind: type[ApiError]) -> None:
    problem = {"code": "x", "detail": "No.", "errors": [{"field": "f", "message": "bad"}], "missing": "3"}
    client = transport(lambda _request: httpx.Response(status, json=problem))
    with pytest.raises(kind) as caught:
        client.post("a/")
    assert (caught.value.code, caught.value.detail, caught.value.problem["missing"]) == ("x", "No.", "3")
    assert "f: bad" in str(caught.value)


def test_an_answer_that_is_no_problem_document_is_still_an_error() -> None:
    client = transport(lambda _request: httpx.Response(502, text="<html>"), retries=0)
    with pytest.raises(Unavailable):
        client.get("a/")


def test_a_platform_that_stays_down_is_unreachable() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down")

    with pytest.raises(Unreachable):
        transport(answer).get("a/")


def test_pages_are_followed_to_the_end() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if "cursor" in request.url.params:
            return httpx.Response(200, json={"results": [{"n": 3}], "next": None})
        assert request.url.params["limit"] == "100"
        assert "empty" not in request.url.params
        return httpx.Response(200, json={"results": [{"n": 1}, {"n": 2}], "next": "http://platform/api/v1/a/?cursor=c"})

    assert [row["n"] for row in transport(answer).pages("a/", empty=None)] == [1, 2, 3]


def test_waiting_ends_with_the_wanted_answer_or_says_what_did_not_happen() -> None:
    answers = iter([1, 2, 3])
    changes: list[int] = []
    found = wait_for(lambda: next(answers), lambda n: n == 3, timeout_s=5, what="three", on_change=changes.append)
    assert (found, changes) == (3, [1, 2, 3])
    with pytest.raises(TimedOut, match="four did not happen"):
        wait_for(lambda: 3, lambda n: n == 4, timeout_s=0, what="four")


def test_money_is_read_from_strings_and_written_for_people() -> None:
    money = Money.model_validate({"amount_minor": "-123456", "currency": "USD"})
    assert str(money) == "-1,234.56 USD"


def test_an_answer_that_is_given_again_is_a_new_call() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        return httpx.Response(409, json={"code": "lease_expired"})

    task = Task(id=uuid4(), data={"text": "a"}, expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    for _ in range(2):
        with pytest.raises(Conflict):
            WorkResource(transport(answer)).submit(task, {"label": "a"})
    assert len(set(keys)) == 2
