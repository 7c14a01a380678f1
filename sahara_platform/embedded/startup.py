"""Brings everything up in dependency order, in parallel where the parts allow it, and takes it down again."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg

from sahara_platform.embedded import anvil, leftovers, postgres, probes
from sahara_platform.embedded.configuration import BASE_DIR, INSTANCE_MARK
from sahara_platform.embedded.console import elapsed_s, say
from sahara_platform.embedded.plan import CONFIRMATIONS, DATABASE, Plan
from sahara_platform.embedded.process import PartFailedError, read_if_there, write_private
from sahara_platform.embedded.supervisor import RunningService, Service, run_once

Step = Callable[[], Awaitable[None]]
READY_TIMEOUT_S = 180.0
# Processes that use the others go first, the ones that keep data last.
_STOP_ORDER = (
    ("web", "worker", "beat", "bridge", "runner"),
    ("checkout",),
    ("localstripe", "anvil", "valkey", "postgres"),
)


class Platform:
    """One running installation."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._running: dict[str, RunningService] = {}
        self._background: list[asyncio.Task[None]] = []

    async def start(self, *, demo: bool) -> None:
        """Start all parts, then load the demo workspace behind them if asked to.

        PartFailedError (in an ExceptionGroup) names the part that did not come up.
        """
        await asyncio.to_thread(leftovers.end, self._plan.secrets.instance_id, self._plan.postgres_dir)
        async with asyncio.TaskGroup() as group:

            def begin(step: Step, *after: asyncio.Task[None]) -> asyncio.Task[None]:
                return group.create_task(_in_order(step, after))

            plan = self._plan
            database, cache = begin(self._database), begin(self._cache)
            contracts = begin(self._contracts)
            front_end = begin(self._front_end)
            begin(self._runner)
            schema = begin(self._schema, database)
            chain = begin(self._chain, contracts)
            deployed = begin(self._deployment, chain, schema)
            # Services are made when their turn has come: their environment holds what the steps before found out.
            begin(lambda: self._run(plan.bridge_service()), deployed)
            begin(lambda: self._run(plan.worker_service()), schema, cache)
            begin(lambda: self._run(plan.beat_service()), schema, cache)
            begin(lambda: self._run(plan.web_service()), schema, cache, front_end)
            begin(self._payments)
        await self._report_readiness()
        if demo:
            self._background.append(asyncio.create_task(self._demonstration()))

    async def stop(self) -> None:
        """Stop everything, users before what they use."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        for names in _STOP_ORDER:
            await asyncio.gather(*(self._running[name].stop() for name in names if name in self._running))
        self._write_state()

    # Parts ----------------------------------------------------------------------------------------------------------

    async def _database(self) -> None:
        plan = self._plan
        if not plan.own_database:
            say("postgres", "DATABASE_URL is set: not started here")
            return
        await asyncio.to_thread(postgres.initialise, plan.postgres_dir)
        await self._run(plan.postgres_service())
        await asyncio.to_thread(plan.postgres.ensure_roles)
        await asyncio.to_thread(plan.postgres.create_database, DATABASE)

    async def _cache(self) -> None:
        if self._plan.own_cache:
            await self._run(self._plan.valkey_service())
        else:
            say("valkey", "REDIS_URL is set: not started here")

    async def _payments(self) -> None:
        if not self._plan.own_payments:
            say("payments", "STRIPE_API_KEY is set: not started here")
            return
        await asyncio.gather(*(self._run(service) for service in self._plan.payment_services()))

    async def _front_end(self) -> None:
        await self._job("frontend", "sahara_platform.frontend", "build", environment=self._plan.build_environment())

    async def _contracts(self) -> None:
        await self._job("contracts", "chain_bridge.foundry", "build", environment=self._plan.build_environment())

    async def _chain(self) -> None:
        plan = self._plan
        if not plan.own_chain:
            say("anvil", "CHAIN_RPC_URL is set: not started here")
            return
        # Imported late: the binary comes with the npm packages that the step before installs.
        from chain_bridge.foundry import anvil_binary

        await self._run(plan.anvil_service(anvil_binary()))
        for address in (plan.secrets.chain_signer_address, plan.secrets.chain_payouts_signer_address):
            await anvil.fund(plan.chain_url, address)
        self._background.append(asyncio.create_task(anvil.settle_forever(plan.chain_url, CONFIRMATIONS + 2)))

    async def _deployment(self) -> None:
        if not self._plan.own_chain:
            if "CHAIN_SIGNER_KEY" in os.environ:
                await self._manage("deploy", "deploy_contracts", environment=self._plan.signer_environment())
            return
        if not self._is_stamped("deploy", await self._deployment_identity()):
            await self._manage("deploy", "deploy_contracts", environment=self._plan.signer_environment())
            self._stamp("deploy", await self._deployment_identity())

    async def _runner(self) -> None:
        if not self._plan.own_runner:
            say("runner", "RUNNER_URL is set: not started here")
            return
        await self._job("models", "gpu_runner.prepare", environment=self._plan.runner_environment())
        await self._run(self._plan.runner_service())

    async def _schema(self) -> None:
        environment = self._plan.migration_environment()
        if environment is None:
            say("migrate", "DATABASE_OWNER_URL is not set: the schema is taken as it is", "warn")
            return
        identity = await asyncio.to_thread(self._schema_identity)
        if not self._is_stamped("migrate", identity):
            command = ["migrate", "--database", "owner", "--no-input", "--skip-checks"]
            await self._manage("migrate", *command, environment=environment)
            self._stamp("migrate", identity)

    async def _demonstration(self) -> None:
        """Load the demo workspace once, through the public API; only where every part is the embedded one."""
        plan = self._plan
        if not (plan.own_database and plan.own_payments and plan.own_chain and plan.own_runner):
            return
        identity = await asyncio.to_thread(self._database_identity)
        if self._is_stamped("demo", identity):
            return
        say("demo", "loading the demo workspace behind the scenes (about a minute)")
        try:
            await self._job("demo", "examples.demo", "--url", plan.web_url, environment=plan.environment())
        except PartFailedError as error:
            say("demo", f"not complete, the next start goes on with it: {error}", "warn")
            return
        self._stamp("demo", identity)
        say("demo", "sign in as demo@sahara.example (password sahara-demo) and switch to Duneline (demo)", "ok")

    # Means ----------------------------------------------------------------------------------------------------------

    async def _run(self, service: Service) -> None:
        started = elapsed_s()
        running = self._running[service.name] = RunningService(service, self._write_state)
        await running.start()
        say(service.name, f"runs ({elapsed_s() - started:.1f} s)", "ok")

    async def _job(self, name: str, module: str, *arguments: str, environment: Mapping[str, str]) -> None:
        await self._run_once(name, [sys.executable, "-m", module, *arguments], environment)

    async def _manage(self, name: str, *arguments: str, environment: Mapping[str, str]) -> None:
        await self._run_once(name, [sys.executable, "manage.py", *arguments], environment)

    async def _run_once(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        started = elapsed_s()
        await run_once(name, command, environment, self._plan.places.log(name))
        say(name, f"done ({elapsed_s() - started:.1f} s)", "ok")

    def _database_identity(self) -> str:
        """Tells this database from any other, so that a stamp does not outlive a reset."""
        if not self._plan.own_database:
            return ""
        with psycopg.connect(self._plan.postgres.superuser_url) as connection:
            query = (
                "SELECT c.system_identifier || ':' || d.oid FROM pg_control_system() c, pg_database d "
                "WHERE d.datname = %s"
            )
            row = connection.execute(query, [DATABASE]).fetchone()
        return str(row[0]) if row else ""

    def _schema_identity(self) -> str:
        digest = hashlib.sha256(self._database_identity().encode())
        sources = sorted(BASE_DIR.glob("apps/*/migrations/*.py"))
        for path in (*sources, BASE_DIR / "requirements.txt", BASE_DIR / "sahara_platform" / "settings.py"):
            digest.update(f"{path.relative_to(BASE_DIR)}\0".encode() + path.read_bytes())
        return digest.hexdigest() if self._plan.own_database else ""

    async def _deployment_identity(self) -> str:
        """Tells this deployment on this chain for this database; empty where a contract is not on the chain."""
        written = read_if_there(Path(self._plan.environment()["CHAIN_ADDRESSES_FILE"]))
        addresses = re.findall(r"0x[0-9a-fA-F]{40}\b", written)
        if not addresses:
            return ""
        for address in addresses:
            if await probes.rpc(self._plan.chain_url, "eth_getCode", address, "latest") == "0x":
                return ""
        digest = hashlib.sha256(written.encode())
        digest.update((await asyncio.to_thread(self._database_identity)).encode())
        for source in sorted((BASE_DIR / "chain_bridge" / "contracts" / "src").rglob("*.sol")):
            digest.update(source.read_bytes())
        return digest.hexdigest()

    def _is_stamped(self, job: str, identity: str) -> bool:
        path = self._plan.places.stamp(job)
        return bool(identity) and path.exists() and path.read_text() == identity

    def _stamp(self, job: str, identity: str) -> None:
        self._plan.places.stamp(job).write_text(identity)

    def _write_state(self) -> None:
        environment = {name: value for name, value in self._plan.environment().items() if name != INSTANCE_MARK}
        known = set(os.environ.items())
        state = {
            "supervisor": os.getpid(),
            "url": self._plan.public_url,
            "readiness": f"{self._plan.web_url}/readyz",
            "parts": {
                name: {"state": running.state, "pid": running.pid, "restarts": running.restarts}
                for name, running in self._running.items()
            },
            "environment": dict(item for item in environment.items() if item not in known),
        }
        write_private(self._plan.places.state_file, json.dumps(state, indent=2))

    async def _report_readiness(self) -> None:
        deadline = elapsed_s() + READY_TIMEOUT_S
        waiting_for = ""
        while elapsed_s() < deadline:
            status, body = await probes.http(f"{self._plan.web_url}/readyz", timeout_s=15)
            if status == 200:
                say(
                    "ready", f"{self._plan.public_url}  (all parts green after {elapsed_s():.1f} s; Ctrl-C stops)", "ok"
                )
                return
            pending = unready_parts(body)
            if pending != waiting_for:
                waiting_for = pending
                say("waiting", f"for {pending}")
            await asyncio.sleep(0.5)
        say("waiting", f"{self._plan.public_url} answers, but not everything is ready: {waiting_for}", "bad")


def unready_parts(body: bytes) -> str:
    """The parts that /readyz calls down, by name."""
    try:
        parts: dict[str, dict[str, Any]] = json.loads(body)["parts"]
    except (ValueError, KeyError):
        return "an answer from /readyz"
    return ", ".join(name for name, part in parts.items() if part.get("status") != "ok")


async def run(plan: Plan, *, demo: bool) -> int:
    """Run the platform until SIGINT or SIGTERM; returns the exit status."""
    stop_asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop_asked.set)
    platform = Platform(plan)
    starting = asyncio.create_task(platform.start(demo=demo))
    stopping = asyncio.create_task(stop_asked.wait())
    status = 0
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and starting.exception() is None:
            await stopping
    finally:
        starting.cancel()
        stopping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await starting
            except* Exception as failures:
                status = 1
                for failure in _leaves(failures):
                    say("failed", str(failure), "bad")
        say("stopping", "all parts")
        await platform.stop()
        say("stopped", "everything; a next start finds it as it was", "ok")
    return status


async def _in_order(step: Step, after: tuple[asyncio.Task[None], ...]) -> None:
    for task in after:
        await asyncio.shield(task)
    await step()


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        nested = _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
        found += [leaf for leaf in nested if str(leaf) not in {str(known) for known in found}]
    return found
