"""Whether the platform works, part by part.

An app with a part of its own has a module `checks.py` with functions registered here by `check`; it is imported at
start-up. A check returns a word of detail, or raises: then its part is down.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.core import clock
from apps.core.storage import get_storage

logger = logging.getLogger(__name__)

Check = Callable[[], str]
CHECK_TIMEOUT_S = 5.0
# /readyz is open to everyone: however often it is asked, the parts are asked this often at most.
REMEMBERED_S = 1.0
BEAT_KEY = "heartbeat:beat"
BEAT_LIMIT_S = 30.0
WORKER_PING_S = 3.0
_PROBE_KEY = "health/probe"

_checks: dict[str, Check] = {}
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")
_report_lock = threading.Lock()
_last_report: tuple[float, list[PartHealth]] | None = None


class PartDown(Exception):
    """A part does not do its work; the message is for the operator."""


@dataclass(frozen=True)
class PartHealth:
    """One part's answer."""

    name: str
    ok: bool
    latency_ms: float
    detail: str

    def as_json(self) -> dict[str, Any]:
        """As /readyz shows it."""
        status = "ok" if self.ok else "down"
        return {"status": status, "latency_ms": round(self.latency_ms, 1), "detail": self.detail}


def check(name: str) -> Callable[[Check], Check]:
    """Register a part's check under the name that /readyz shows."""

    def register(function: Check) -> Check:
        _checks[name] = function
        return function

    return register


def report() -> list[PartHealth]:
    """Ask every part at once; a part that does not answer in time is down."""
    global _last_report  # the answer is kept for all requests of this process
    with _report_lock:
        if _last_report is None or time.monotonic() - _last_report[0] > REMEMBERED_S:
            started = [(name, time.monotonic(), _threads.submit(_ask, name)) for name in sorted(_checks)]
            _last_report = (time.monotonic(), [_collect(*one) for one in started])
        return _last_report[1]


def _ask(name: str) -> PartHealth:
    started = time.monotonic()
    try:
        detail, ok = _checks[name](), True
    except PartDown as problem:
        detail, ok = str(problem), False
    except Exception as error:  # a check that fails in any way is a part that is down
        logger.warning("health check %s failed", name, exc_info=True)
        # The type alone: messages of drivers may hold addresses and credentials, and this page is public.
        detail, ok = type(error).__name__, False
    finally:
        connection.close()
    return PartHealth(name, ok, (time.monotonic() - started) * 1000, detail)


def _collect(name: str, started: float, answer: Future[PartHealth]) -> PartHealth:
    try:
        return answer.result(timeout=max(0.0, started + CHECK_TIMEOUT_S - time.monotonic()))
    except FutureTimeoutError:
        answer.cancel()
        return PartHealth(name, ok=False, latency_ms=CHECK_TIMEOUT_S * 1000, detail="no answer in time")


@check("database")
def database() -> str:
    """A query is answered, by a role that row-level security binds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        row = cursor.fetchone()
    if row is None or row[0]:
        raise PartDown("the application's role may bypass row-level security")
    return ""


@check("cache")
def cache_and_broker() -> str:
    """What is written can be read."""
    token = str(time.monotonic_ns())
    cache.set("health:probe", token, timeout=30)
    if cache.get("health:probe") is None:
        raise PartDown("what was written cannot be read")
    return ""


@check("storage")
def storage() -> str:
    """An object can be stored and read."""
    store = get_storage()
    store.put(_PROBE_KEY, b"ready", "text/plain")
    with store.open(_PROBE_KEY) as stored:
        if stored.read() != b"ready":
            raise PartDown("what was stored cannot be read")
    return ""


@check("worker")
def worker() -> str:
    """A Celery worker answers."""
    replies = current_app.control.broadcast("ping", reply=True, limit=1, timeout=WORKER_PING_S)
    if not replies:
        raise PartDown("no Celery worker answers")
    return ""


@check("beat")
def beat() -> str:
    """Celery beat has scheduled something lately."""
    last = cache.get(BEAT_KEY)
    if last is None or clock.now().timestamp() - last > BEAT_LIMIT_S:
        raise PartDown(f"Celery beat has scheduled nothing for {BEAT_LIMIT_S:.0f} s")
    return ""


@require_safe
@never_cache
def live(_request: HttpRequest) -> HttpResponse:
    """This process answers requests; says nothing about other parts."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def ready(_request: HttpRequest) -> HttpResponse:
    """Every part by name; 503 if one is down."""
    parts = report()
    ok = all(part.ok for part in parts)
    body = {"status": "ok" if ok else "down", "parts": {part.name: part.as_json() for part in parts}}
    return JsonResponse(body, status=200 if ok else 503)
