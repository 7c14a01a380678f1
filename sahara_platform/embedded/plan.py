"""What is started here and what is somewhere else: one environment for all processes, one `Service` per part."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from honcho.environ import parse_procfile

from sahara_platform.embedded import anvil, postgres, probes, stripe, valkey
from sahara_platform.embedded.configuration import (
    BASE_DIR,
    Places,
    Secrets,
    bare_environment,
    choose_ports,
    platform_environment,
)
from sahara_platform.embedded.process import LOOPBACK
from sahara_platform.embedded.supervisor import Service

DATABASE = "sahara"
CONFIRMATIONS = 2


@dataclass
class Plan:
    """Everything decided before the first process starts."""

    places: Places
    secrets: Secrets
    ports: dict[str, int]
    passwords: dict[str, str]

    @classmethod
    def make(cls, places: Places) -> Plan:
        """Read or make secrets and ports."""
        passwords = postgres.load_passwords(places.root / "postgres")
        return cls(places, Secrets.load(places), choose_ports(places), passwords)

    # Which parts run here -------------------------------------------------------------------------------------------

    @property
    def own_database(self) -> bool:
        """No DATABASE_URL is given."""
        return "DATABASE_URL" not in os.environ

    @property
    def own_cache(self) -> bool:
        """No REDIS_URL is given."""
        return "REDIS_URL" not in os.environ

    @property
    def own_chain(self) -> bool:
        """No CHAIN_RPC_URL is given."""
        return "CHAIN_RPC_URL" not in os.environ

    @property
    def own_payments(self) -> bool:
        """No STRIPE_API_KEY is given."""
        return "STRIPE_API_KEY" not in os.environ

    @property
    def own_runner(self) -> bool:
        """No RUNNER_URL is given."""
        return "RUNNER_URL" not in os.environ

    # Addresses ------------------------------------------------------------------------------------------------------

    @property
    def postgres_dir(self) -> Path:
        """The cluster's data."""
        return self.places.root / "postgres"

    @property
    def postgres(self) -> postgres.PostgresHandle:
        """The embedded server."""
        return postgres.PostgresHandle(self.ports["postgres"], self.passwords, self.postgres_dir)

    @property
    def valkey_url(self) -> str:
        """The embedded cache and broker."""
        return valkey.url(self.ports["valkey"], self.secrets.valkey_password)

    @property
    def chain_url(self) -> str:
        """The chain in use."""
        return os.environ.get("CHAIN_RPC_URL", f"http://{LOOPBACK}:{self.ports['anvil']}")

    @property
    def public_url(self) -> str:
        """Where people reach the platform."""
        return os.environ.get("PUBLIC_URL", f"http://{LOOPBACK}:{self.ports['web']}")

    @property
    def web_url(self) -> str:
        """Where this machine reaches the web process."""
        return f"http://{LOOPBACK}:{self.ports['web']}"

    @property
    def runner_url(self) -> str:
        """The runner in use."""
        return os.environ.get("RUNNER_URL", f"http://{LOOPBACK}:{self.ports['runner']}")

    @property
    def stripe(self) -> stripe.StripeSettings:
        """The payment stand-in."""
        return stripe.StripeSettings(
            state_dir=self.places.root / "stripe",
            processor_port=self.ports["localstripe"],
            checkout_port=self.ports["checkout"],
            api_key=self.secrets.stripe_api_key,
            webhook_secret=self.secrets.stripe_webhook_secret,
            webhook_url=f"{self.web_url}/webhooks/stripe/",
        )

    # Environments ---------------------------------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """What web, workers, and every other process of the platform get."""
        chosen = {
            "SECRET_KEY": self.secrets.secret_key,
            "REDIS_URL": self.valkey_url,
            "CHAIN_RPC_URL": self.chain_url,
            "CHAIN_CONFIRMATIONS": str(CONFIRMATIONS),
            "CHAIN_ADDRESSES_FILE": str(self.places.root / "chain" / "addresses.json"),
            "STORAGE_DIR": str(self.places.root / "storage"),
            "STRIPE_API_KEY": self.secrets.stripe_api_key,
            "STRIPE_WEBHOOK_SECRET": self.secrets.stripe_webhook_secret,
            "RUNNER_URL": self.runner_url,
            "RUNNER_TOKEN": self.secrets.runner_token,
            "PUBLIC_URL": self.public_url,
            "WALLET_CHANGE_WAIT": "0",
            "HOST": LOOPBACK,
            "WORKER_CONCURRENCY": "2",
            "BEAT_SCHEDULE": str(self.places.root / "run" / "beat-schedule"),
        }
        if self.own_chain:
            chosen["CHAIN_ID"] = str(anvil.CHAIN_ID)
        if self.own_database:
            chosen["DATABASE_URL"] = self.postgres.app_url(DATABASE)
        if self.own_payments:
            chosen |= {"STRIPE_API_BASE": self.stripe.api_base, "CHECKOUT_ORIGINS": self.stripe.api_base}
        # What the caller has set wins over what was chosen here.
        return {**chosen, **platform_environment(self.secrets.instance_id, self.places), "PORT": str(self.ports["web"])}

    def migration_environment(self) -> dict[str, str] | None:
        """The owner's role, for migrations only; None where only the application's role is known."""
        owner = self.postgres.owner_url(DATABASE) if self.own_database else os.environ.get("DATABASE_OWNER_URL")
        return {**self.environment(), "DATABASE_OWNER_URL": owner} if owner else None

    def signer_environment(self) -> dict[str, str]:
        """The signing keys, for the bridge and the deployment of contracts only."""
        names = ("CHAIN_SIGNER_KEY", "CHAIN_PAYOUTS_SIGNER_KEY")
        chosen = (self.secrets.chain_signer_key, self.secrets.chain_payouts_signer_key) if self.own_chain else ("", "")
        keys = {name: os.environ.get(name) or key for name, key in zip(names, chosen, strict=True)}
        return {**self.environment(), **keys}

    def build_environment(self) -> dict[str, str]:
        """For builds, which may download packages: the caller's proxies, certificates and caches count."""
        return platform_environment(self.secrets.instance_id, self.places)

    def bare(self, **values: str) -> dict[str, str]:
        """For servers that need nothing of the platform's."""
        return bare_environment(self.secrets.instance_id, **values)

    def runner_environment(self) -> dict[str, str]:
        """The runner sees no credential but its own token."""
        own = {name: value for name, value in os.environ.items() if name.startswith(("RUNNER_", "HF_", "CUDA_"))}
        chosen = {
            "RUNNER_TOKEN": self.secrets.runner_token,
            "RUNNER_HOST": LOOPBACK,
            "RUNNER_PORT": str(self.ports["runner"]),
            "RUNNER_MODELS_DIR": str(self.places.root / "models"),
            "RUNNER_DATA_DIR": str(self.places.root / "runner"),
        }
        return self.bare(**{**chosen, **own})

    # Services -------------------------------------------------------------------------------------------------------

    def postgres_service(self) -> Service:
        """PostgreSQL."""

        async def ready() -> bool:
            return await asyncio.to_thread(self.postgres.is_ready)

        return Service(
            name="postgres",
            command=postgres.command(self.postgres_dir, self.ports["postgres"]),
            environment=self.bare(),
            log=self.places.log("postgres"),
            ready=ready,
            stop_signal=signal.SIGINT,  # "fast": ends connections, writes a checkpoint
            death_signal=signal.SIGINT,
            grace_s=30,
            drop_root=True,
        )

    def valkey_service(self) -> Service:
        """Valkey."""
        config = valkey.write_config(self.places.root / "valkey", self.ports["valkey"], self.secrets.valkey_password)

        async def ready() -> bool:
            return await asyncio.to_thread(valkey.is_ready, self.valkey_url)

        return Service("valkey", [valkey.binary(), str(config)], self.bare(), self.places.log("valkey"), ready=ready)

    def anvil_service(self, binary: Path) -> Service:
        """The chain."""
        state_file = self.places.root / "chain" / "state.json"
        anvil.restore_state(state_file)
        return Service(
            "anvil",
            anvil.command(binary, self.ports["anvil"], state_file),
            self.bare(),
            self.places.log("anvil"),
            ready=lambda: anvil.is_ready(self.chain_url),
        )

    def payment_services(self) -> list[Service]:
        """localstripe and the Checkout stand-in."""
        settings = self.stripe
        return [
            Service(
                "localstripe",
                stripe.processor_command(settings),
                self.bare(**stripe.processor_environment(settings)),
                self.places.log("localstripe"),
                ready=lambda: probes.answers(f"{settings.processor_url}/v1/charges", status=401),
            ),
            Service(
                "checkout",
                stripe.checkout_command(),
                self.bare(**stripe.checkout_environment(settings)),
                self.places.log("checkout"),
                ready=lambda: probes.answers(f"{settings.api_base}/healthcheck"),
            ),
        ]

    def runner_service(self) -> Service:
        """The runner."""
        return self._from_procfile(
            "runner", self.runner_environment(), ready_url=f"{self.runner_url}/healthz", ready_timeout_s=180
        )

    def web_service(self) -> Service:
        """The web server."""
        return self._from_procfile("web", self.environment(), ready_url=f"{self.web_url}/healthz")

    def worker_service(self) -> Service:
        """The Celery worker."""
        # Celery's own shutdowns wait for the broker, which dies at the same moment.
        return self._from_procfile("worker", self.environment(), death_signal=signal.SIGKILL)

    def beat_service(self) -> Service:
        """The Celery scheduler."""
        return self._from_procfile("beat", self.environment())

    def bridge_service(self) -> Service:
        """The chain bridge."""
        return self._from_procfile("bridge", self.signer_environment())

    def _from_procfile(
        self,
        name: str,
        environment: Mapping[str, str],
        *,
        ready_url: str | None = None,
        ready_timeout_s: float = 90,
        death_signal: signal.Signals = signal.SIGTERM,
    ) -> Service:
        processes = parse_procfile((BASE_DIR / "Procfile").read_text()).processes
        return Service(
            name=name,
            command=shlex.split(Template(processes[name]).substitute(environment)),
            environment=environment,
            log=self.places.log(name),
            ready=(lambda: probes.answers(ready_url)) if ready_url else None,
            ready_timeout_s=ready_timeout_s,
            death_signal=death_signal,
        )
