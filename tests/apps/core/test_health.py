"""Health: each part by name, never more than its name and a word to the outside."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.core import health

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _only_registered_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_checks", {})
    monkeypatch.setattr(health, "_last_report", None)


def test_every_part_that_an_app_registers_is_reported() -> None:
    names = {"beat", "cache", "chain", "database", "payments", "runner", "storage", "vault", "worker"}
    from apps.billing.checks import payments
    from apps.compute.checks import runner
    from apps.core.checks import vault
    from apps.onchain.checks import chain

    for name, function in {"payments": payments, "runner": runner, "chain": chain, "vault": vault}.items():
        health.check(name)(function)
    for name in names - {"payments", "runner", "chain", "vault"}:
        health.check(name)({"cache": health.cache_and_broker}.get(name) or getattr(health, name))
    body = Client().get("/readyz").json()
    assert set(body["parts"]) == names
    assert all(part["latency_ms"] >= 0 for part in body["parts"].values())


def test_ready_needs_every_part() -> None:
    health.check("good")(lambda: "fine")
    assert Client().get("/readyz").status_code == 200
    health._last_report = None

    def broken() -> str:
        raise health.PartDown("the disk is full")

    health.check("bad")(broken)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["good"]["status"] == "ok"
    assert answer.json()["parts"]["bad"] == {
        "status": "down",
        "latency_ms": pytest.approx(0, abs=500),
        "detail": "the disk is full",
    }


def test_a_driver_s_message_with_its_address_is_not_shown() -> None:
    def leaking() -> str:
        raise ConnectionError("postgresql://user:password@host")

    health.check("leaking")(leaking)
    assert Client().get("/readyz").json()["parts"]["leaking"]["detail"] == "ConnectionError"


def test_the_parts_are_not_asked_more_often_than_once_a_second() -> None:
    asked: list[int] = []

    def counted() -> str:
        asked.append(1)
        return ""

    health.check("counted")(counted)
    for _ in range(5):
        Client().get("/readyz")
    assert len(asked) == 1


def test_database_cache_and_storage_work_here() -> None:
    assert (health.database(), health.cache_and_broker(), health.storage()) == ("", "", "")


def test_liveness_asks_nobody() -> None:
    assert Client().get("/healthz").json() == {"status": "ok"}
