"""Annotators of a benchmark: one thread and one kept connection each, the same for every site."""

from __future__ import annotations

import http.client
import json
import random
import select
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from benchmarks.processes import Processes, machine_cpu_s, others_share

TIMEOUT_S = 120.0


class Refused(RuntimeError):
    """The site answered with an error."""


class Browser:
    """A connection that is kept, with cookies and the CSRF header, as a browser sends them."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._origin = base_url
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        self.cookies: dict[str, str] = {}

    def ask(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send JSON (or bytes with their own Content-Type) and return the status and the read body."""
        sent = {"Accept": "application/json", "Referer": self._origin, **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if "csrftoken" in self.cookies:
            sent["X-CSRFToken"] = self.cookies["csrftoken"]
        self._reopen_if_closed()
        self._connection.request(method, path, body, sent)
        answer = self._connection.getresponse()
        content = answer.read()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                self.cookies.update({key: morsel.value for key, morsel in SimpleCookie(value).items()})
        is_json = "json" in (answer.headers.get("Content-Type") or "")
        return answer.status, json.loads(content) if is_json and content else content

    def _reopen_if_closed(self) -> None:
        """Servers close what was idle for some seconds; a browser then opens another connection."""
        sock = self._connection.sock
        if sock is not None and select.select([sock], [], [], 0)[0]:
            self._connection.close()

    def must(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Any:
        """The same, where anything but success is an error."""
        status, answer = self.ask(method, path, body, headers=headers)
        if status >= 400:
            raise Refused(f"{method} {path}: {status} {str(answer)[:500]}")
        return answer

    def form(self, path: str, **fields: str) -> int:
        """Post a form after fetching its page; returns the status."""
        self.ask("GET", path)
        fields["csrfmiddlewaretoken"] = self.cookies.get("csrftoken", "")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(fields).encode(), headers=headers)[0]

    def upload(self, path: str, filename: str, content: bytes, **fields: str) -> Any:
        """Post a file with further fields."""
        mark = f"part{random.getrandbits(64):x}"  # no secret
        lines = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        lines.append(f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n')
        body = "".join(lines).encode() + content + f"\r\n--{mark}--\r\n".encode()
        return self.must("POST", path, body, headers={"Content-Type": f"multipart/form-data; boundary={mark}"})

    def count_lines(self, path: str) -> tuple[int, int]:
        """Read a streamed answer to its end; returns its bytes and lines."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self._reopen_if_closed()
        self._connection.request("GET", path, headers={"Cookie": cookies})
        answer = self._connection.getresponse()
        if answer.status >= 400:
            raise Refused(f"GET {path}: {answer.status} {answer.read()[:500]!r}")
        size = lines = 0
        while piece := answer.read(1 << 16):
            size += len(piece)
            lines += piece.count(b"\n")
        return size, lines


class Annotator(Protocol):
    """What an annotator's client does for one label."""

    def fetch(self) -> Any:
        """A task to work on; None where there is none."""

    def submit(self, task: Any) -> Any:
        """Answer it; returns what identifies the item."""


@dataclass
class Load:
    """What annotators saw."""

    fetch_s: list[float] = field(default_factory=list)
    submit_s: list[float] = field(default_factory=list)
    items: list[Any] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def measure(
    annotators: Sequence[Annotator], processes: Processes, *, seconds: float, think_s: float = 0.0
) -> dict[str, Any]:
    """Let all annotators work at once for some seconds; figures of what they saw and what it cost the servers."""
    before, machine = processes.cpu_s(), machine_cpu_s()
    own = time.process_time()
    began = time.monotonic()
    load = _work(annotators, began + seconds, think_s)
    took = time.monotonic() - began
    # What one label sets off later (deciding it, paying for it) is part of its cost.
    processes.wait_until_idle(most_s=15)
    ended = time.monotonic()
    cost = {name: used - before.get(name, 0.0) for name, used in processes.cpu_s().items()}
    used = sum(cost.values()) + time.process_time() - own
    labels = max(1, len(load.items))
    return {
        "labels": len(load.items),
        "labels_per_s": round(len(load.items) / took, 1),
        "fetch_ms": percentiles(load.fetch_s),
        "submit_ms": percentiles(load.submit_s),
        "cpu_ms_per_label": round(sum(cost.values()) * 1000 / labels, 1),
        "cpu_ms_by_server": {name: round(value * 1000 / labels, 1) for name, value in cost.items()},
        "given_twice": len(load.items) - len(set(load.items)),
        "errors": len(load.errors),
        **({"first_error": load.errors[0][:300]} if load.errors else {}),
        "others_share": others_share(began, used, ended, machine_cpu_s() - machine),
    }


def percentiles(seconds: Sequence[float]) -> list[float]:
    """The 50th, 95th and 99th percentile in milliseconds."""
    ranked = sorted(seconds)
    if not ranked:
        return []
    return [round(ranked[min(len(ranked) - 1, int(len(ranked) * share))] * 1000, 1) for share in (0.5, 0.95, 0.99)]


def _work(annotators: Sequence[Annotator], until: float, think_s: float) -> Load:
    load, lock = Load(), threading.Lock()

    def work(annotator: Annotator, number: int) -> None:
        chance = random.Random(number)
        if think_s:  # people do not start at the same moment
            time.sleep(chance.uniform(0, think_s))
        while time.monotonic() < until:
            try:
                label = _label(annotator, chance.uniform(0.5, 1.5) * think_s, until)
            except (Refused, OSError, http.client.HTTPException) as error:
                with lock:
                    load.errors.append(f"{type(error).__name__}: {error}")
                time.sleep(0.1)
                continue
            if label is None:
                return
            with lock:
                fetched, submitted, item = label
                load.fetch_s.append(fetched)
                if submitted is not None:
                    load.submit_s.append(submitted)
                    load.items.append(item)

    threads = [threading.Thread(target=work, args=(one, number)) for number, one in enumerate(annotators)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return load


def _label(annotator: Annotator, think_s: float, until: float) -> tuple[float, float | None, Any] | None:
    fetched, task = timed(annotator.fetch)
    if task is None:
        return None
    if think_s:
        time.sleep(think_s)
        if time.monotonic() > until:
            return fetched, None, None
    submitted, item = timed(lambda: annotator.submit(task))
    return fetched, submitted, item


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """How many seconds it took, and what it returned."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found
