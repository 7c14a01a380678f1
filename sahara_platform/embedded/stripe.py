"""Payments for development: localstripe behind the Checkout stand-in, each a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from sahara_platform.embedded.process import (
    LOOPBACK,
    PartFailedError,
    free_port,
    stop_process,
    tail,
    wait_until,
    wrapped,
)

_SHIM = Path(__file__).with_name("loopback")


@dataclass(frozen=True)
class StripeSettings:
    """Ports, keys and the receiver of webhooks."""

    state_dir: Path
    processor_port: int
    checkout_port: int
    api_key: str
    webhook_secret: str
    webhook_url: str

    @property
    def api_base(self) -> str:
        """STRIPE_API_BASE: the stand-in, which passes on to localstripe what it does not know itself."""
        return f"http://{LOOPBACK}:{self.checkout_port}"

    @property
    def processor_url(self) -> str:
        """localstripe itself."""
        return f"http://{LOOPBACK}:{self.processor_port}"


def processor_command(settings: StripeSettings) -> list[str]:
    """localstripe, unchanged, on its own interpreter."""
    return [sys.executable, "-m", "localstripe", "--port", str(settings.processor_port)]


def processor_environment(settings: StripeSettings) -> dict[str, str]:
    """Keeps localstripe on loopback and its state in our directory (see loopback/sitecustomize.py)."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    return {"PYTHONPATH": str(_SHIM), "LOCALSTRIPE_STATE": str(settings.state_dir / "localstripe.pickle")}


def checkout_command() -> list[str]:
    """The Checkout stand-in."""
    return [sys.executable, "-m", "sahara_platform.embedded.checkout"]


def checkout_environment(settings: StripeSettings) -> dict[str, str]:
    """Everything the stand-in needs to know."""
    return {
        "CHECKOUT_PORT": str(settings.checkout_port),
        "CHECKOUT_STATE_DIR": str(settings.state_dir),
        "CHECKOUT_WEBHOOK_URL": settings.webhook_url,
        "LOCALSTRIPE_URL": settings.processor_url,
        "STRIPE_API_KEY": settings.api_key,
        "STRIPE_WEBHOOK_SECRET": settings.webhook_secret,
    }


def processor_answers(settings: StripeSettings) -> bool:
    """Whether localstripe takes requests (401 without a key is an answer)."""
    return _status(f"{settings.processor_url}/v1/charges") == 401


def checkout_answers(settings: StripeSettings) -> bool:
    """Whether the stand-in takes requests."""
    return _status(f"{settings.api_base}/healthcheck") == 200


@dataclass
class StripeHandle:
    """Both processes, for tests; they also end when this process does."""

    settings: StripeSettings
    _processes: list[subprocess.Popen[bytes]] = field(repr=False)

    @property
    def api_base(self) -> str:
        """What `stripe.StripeClient` takes as its API base address."""
        return self.settings.api_base

    def stop(self) -> None:
        """Stop both."""
        for process in reversed(self._processes):
            with contextlib.suppress(ProcessLookupError):
                stop_process(process.pid)
            process.poll()


def start(
    state_dir: Path,
    *,
    webhook_url: str,
    webhook_secret: str = "whsec_test_0123456789abcdef",  # noqa: S107  # a test server's default
    api_key: str = "sk_test_0123456789abcdef",
) -> StripeHandle:
    """Start both for tests, on free ports."""
    settings = StripeSettings(
        state_dir=state_dir,
        processor_port=free_port(),
        checkout_port=free_port(),
        api_key=api_key,
        webhook_secret=webhook_secret,
        webhook_url=webhook_url,
    )
    plan = [
        ("localstripe", processor_command(settings), processor_environment(settings), processor_answers),
        ("checkout", checkout_command(), checkout_environment(settings), checkout_answers),
    ]
    processes = []
    for name, command, environment, _ in plan:
        with (state_dir / f"{name}.log").open("ab") as output:
            processes.append(
                subprocess.Popen(
                    wrapped(command),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env={**os.environ, **environment},
                )
            )
    handle = StripeHandle(settings, processes)
    try:
        for name, _, _, answers in plan:
            what = f"{name} does not answer (see {state_dir / f'{name}.log'}: {tail(state_dir / f'{name}.log', 3)})"
            wait_until(lambda probe=answers: probe(settings), timeout_s=30, what=what)  # type: ignore[misc]
    except PartFailedError:
        handle.stop()
        raise
    return handle


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  # our own loopback address
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
