"""Our side of the annotation benchmark: the platform's own processes over HTTP, nothing simulated.

PostgreSQL (durable), Valkey, the web server, worker and beat run with the commands and the environment that `make run`
gives them, on a data directory of their own. Accounts, money and the answers for the export are written directly.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from benchmarks.annotators import Annotator, Browser, Refused
from benchmarks.processes import Processes
from sahara_platform.embedded import postgres, valkey
from sahara_platform.embedded.configuration import BASE_DIR, Places
from sahara_platform.embedded.plan import DATABASE, Plan
from sahara_platform.embedded.process import free_port, wait_until

DIRECTORY = BASE_DIR / "var" / "bench" / "annotation"
PASSWORD = "a-long-benchmark-password"  # noqa: S105  # of accounts that live as long as the benchmark
CENTS = 100_000_000
RIGHTS = {"licence": "CC0-1.0", "source": "made up", "consent": "true", "consent_text": "made up"}


@dataclass
class OrderAnnotator:
    """An annotator of one order, signed in with a session, as the player is."""

    browser: Browser
    order_id: str

    def fetch(self) -> Any:
        """Ask for one task."""
        batch = self.browser.must("POST", f"/api/v1/orders/{self.order_id}/leases/", {"count": 1})
        return batch["tasks"][0] if batch["tasks"] else None

    def submit(self, task: Any) -> Any:
        """Answer it; the item's text identifies it."""
        body = {"answer": {"label": "good"}, "elapsed_ms": 1000}
        self.browser.must("POST", f"/api/v1/assignments/{task['id']}/submit/", body)
        return task["data"]["text"]


class Site:
    """The running platform."""

    name = "platform"

    def __init__(self, annotators: int) -> None:
        shutil.rmtree(DIRECTORY, ignore_errors=True)
        DIRECTORY.mkdir(parents=True)
        self.plan = Plan.make(Places(DIRECTORY))
        # Not the usual ports: a platform may be running on this machine.
        self.plan.ports |= {name: free_port() for name in self.plan.ports}
        self.processes = Processes(DIRECTORY / "log")
        try:
            self._start()
            self.requester, *self.workers = self._people(annotators + 1)
        except BaseException:
            self.processes.stop()
            raise

    def _start(self) -> None:
        plan = self.plan
        environment = {**plan.environment(), "RUNNER_URL": "http://127.0.0.1:9", "CHAIN_RPC_URL": "http://127.0.0.1:9"}
        postgres.initialise(plan.postgres_dir)
        service = plan.postgres_service()
        self.processes.start("postgres", service.command, plan.bare(), drop_root=True, stop=signal.SIGINT)
        wait_until(plan.postgres.is_ready, timeout_s=60, what="PostgreSQL does not answer")
        plan.postgres.ensure_roles()
        plan.postgres.create_database(DATABASE)
        self.processes.start("valkey", plan.valkey_service().command, plan.bare())
        wait_until(lambda: valkey.is_ready(plan.valkey_url), timeout_s=20, what="Valkey does not answer")
        owner = {**environment, "DATABASE_OWNER_URL": plan.postgres.owner_url(DATABASE)}
        migrate = [sys.executable, "-W", "ignore", "manage.py", "migrate", "--database", "owner", "--no-input"]
        subprocess.run(migrate, cwd=BASE_DIR, env=owner, check=True, stdout=subprocess.DEVNULL)
        self.processes.start("web", plan.web_service().command, environment, cwd=BASE_DIR)
        self.processes.start("worker", plan.worker_service().command, environment, cwd=BASE_DIR)
        self.processes.start("beat", plan.beat_service().command, environment, cwd=BASE_DIR)
        wait_until(self._answers, timeout_s=120, what="The web server does not answer")
        os.environ.update({**environment, "DJANGO_SETTINGS_MODULE": "sahara_platform.settings"})
        import django  # reads the environment

        django.setup()

    def _answers(self) -> bool:
        self.processes.require_alive()
        try:
            with urllib.request.urlopen(f"{self.plan.web_url}/healthz", timeout=5) as answer:  # noqa: S310  # loopback
                return bool(answer.status == 200)
        except OSError:
            return False

    def _people(self, count: int) -> list[Browser]:
        from apps.accounts.models import User
        from apps.accounts.services import ensure_personal_organisation

        people = []
        for number in range(count):
            email = f"person{number}@example.org"
            user = User.objects.create_user(email, PASSWORD, display_name=f"Person {number}")
            ensure_personal_organisation(user=user)
            if number == 0:
                self.requester_id = _fund(user.id)
            browser = Browser(self.plan.web_url)
            _sign_in(browser, email)
            people.append(browser)
        return people

    def import_items(self, texts: Sequence[str]) -> tuple[str, dict[str, float]]:
        """Upload a table, order labels for all of it; returns the order and the seconds of each step."""
        began = time.perf_counter()
        import_id = self.upload(texts)
        ready = time.perf_counter()
        brief = {
            "title": "Good or bad",
            "instruction": "Is it **good**?",
            "classes": ["good", "bad"],
            "price_minor": 1,
            "redundancy": 1,
            "import_id": import_id,
        }
        order = self.requester.must("POST", "/api/v1/orders/", brief)
        self.requester.must("POST", f"/api/v1/orders/{order['id']}/launch/", {})
        return order["id"], {"import": ready - began, "order": time.perf_counter() - ready}

    def upload(self, texts: Sequence[str], *, masking: str = "true") -> str:
        """Upload a table and wait until all of it is imported; the import."""
        table = "text\n" + "".join(f"{text}\n" for text in texts)
        fields = RIGHTS | {"masking": masking}
        found = self.requester.upload("/api/v1/imports/", "items.csv", table.encode(), **fields)
        while found["state"] not in ("ready", "failed"):
            time.sleep(0.1)
            found = self.requester.must("GET", f"/api/v1/imports/{found['id']}/")
        if found["items"] != len(texts):
            raise Refused(f"the import brought {found['items']} items: {found['problem']}")
        return str(found["id"])

    def annotators(self, order_id: str, count: int) -> list[Annotator]:
        """Annotators of an order who have each done one label: enrolled, their connections open."""
        found = [OrderAnnotator(browser, order_id) for browser in self.workers[:count]]
        for one in found:
            one.submit(one.fetch())
        return list(found)

    def fill(self, order_id: str) -> int:
        """Answer all open items of an order at once, as if many had worked; how many answers it has then."""
        from benchmarks.annotation_answers import answer_all

        return answer_all(self.requester_id, UUID(order_id))

    def export(self, order_id: str) -> tuple[int, int]:
        """Download all items with their answers; bytes and lines."""
        return self.requester.count_lines(f"/api/v1/orders/{order_id}/export/?format=jsonl")

    def web_workers(self) -> int:
        """Processes that answer HTTP."""
        command = self.plan.web_service().command
        return int(command[command.index("--workers") + 1]) if "--workers" in command else 1

    def stop(self) -> None:
        """End all processes and remove their data."""
        from django.db import connections

        connections.close_all()
        self.processes.stop()
        shutil.rmtree(DIRECTORY / "postgres", ignore_errors=True)
        shutil.rmtree(DIRECTORY / "storage", ignore_errors=True)


def _sign_in(browser: Browser, email: str) -> None:
    """Sign in; all come from one address, which may do so thirty times a minute, so some have to wait."""
    until = time.monotonic() + 90
    while browser.form("/accounts/login/", login=email, password=PASSWORD) == 429 and time.monotonic() < until:
        time.sleep(3)
    if "sessionid" not in browser.cookies:
        raise Refused(f"{email} could not sign in")


def _fund(user_id: UUID) -> UUID:
    from apps.core.money import Money
    from apps.ledger import services as ledger
    from apps.ledger.types import AccountKind, AccountRef, SourceRef
    from apps.tenancy.selectors import personal_organisation_id
    from apps.tenancy.types import PLATFORM_ID

    organisation_id = personal_organisation_id(user_id)
    ledger.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        credit=AccountRef(organisation_id, AccountKind.CASH, "USD"),
        amount=Money(CENTS),
        idempotency_key="benchmark-fund",
        reason="Top-up",
        source=SourceRef("benchmark", "annotation"),
    )
    return organisation_id
