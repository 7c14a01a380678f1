"""Where the embedded platform keeps its things, its secrets, its ports, and the environment it hands to processes."""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from sahara_platform.embedded.process import free_port, write_private

BASE_DIR = Path(__file__).resolve().parents[2]
DEFAULT_WEB_PORT = 8000
_PREFERRED_PORTS = {
    "web": DEFAULT_WEB_PORT,
    "postgres": 54320,
    "valkey": 63790,
    "anvil": 8545,
    "localstripe": 8420,
    "checkout": 8421,
    "runner": 8500,
}
# What only some processes may know; removed from everyone's environment and given back by name.
_PRIVILEGED = ("DATABASE_OWNER_URL", "CHAIN_SIGNER_KEY")


@dataclass(frozen=True)
class Places:
    """Paths below one data directory."""

    root: Path

    @classmethod
    def default(cls) -> Places:
        """`var/` in the repository, or SAHARA_VAR_DIR."""
        return cls(Path(os.environ.get("SAHARA_VAR_DIR", BASE_DIR / "var")).absolute())

    @property
    def state_file(self) -> Path:
        """What runs now: process ids, ports, environment. Private: the environment holds secrets."""
        return self.root / "run" / "state.json"

    @property
    def lock_file(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.root / "run" / "supervisor.lock"

    def log(self, part: str) -> Path:
        """A part's log."""
        return self.root / "log" / f"{part}.log"

    def stamp(self, job: str) -> Path:
        """What a start-up job was last done for."""
        return self.root / "run" / f"{job}.stamp"


@dataclass(frozen=True)
class Secrets:
    """Made once per data directory."""

    instance_id: str
    secret_key: str
    runner_token: str
    valkey_password: str
    stripe_api_key: str
    stripe_webhook_secret: str
    chain_signer_key: str

    @classmethod
    def load(cls, places: Places) -> Secrets:
        """Read `secrets.json`, or make it; keys that a newer version added are filled in."""
        path = places.root / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        fresh = {
            "instance_id": secrets.token_hex(8),
            "secret_key": secrets.token_urlsafe(48),
            "runner_token": secrets.token_urlsafe(32),
            "valkey_password": secrets.token_urlsafe(24),
            "stripe_api_key": f"sk_test_{secrets.token_hex(16)}",
            "stripe_webhook_secret": f"whsec_{secrets.token_hex(24)}",
            "chain_signer_key": f"0x{secrets.token_hex(32)}",
        }
        complete = {key: known.get(key, value) for key, value in fresh.items()}
        if complete != known:
            write_private(path, json.dumps(complete, indent=2))
        return cls(**complete)


def choose_ports(places: Places) -> dict[str, int]:
    """A free loopback port per part: the one of last time, else the usual one, else any."""
    remembered = places.root / "run" / "ports.json"
    last: dict[str, int] = json.loads(remembered.read_text()) if remembered.exists() else {}
    wanted = _PREFERRED_PORTS | last
    if "PORT" in os.environ:
        wanted["web"] = int(os.environ["PORT"])
    ports: dict[str, int] = {}
    for part in _PREFERRED_PORTS:
        port = free_port(wanted[part])
        while port in ports.values():
            port = free_port()
        ports[part] = port
    # The web address is what people bookmark: a port taken once must not move it for ever.
    kept = {**ports, "web": wanted["web"]}
    remembered.parent.mkdir(parents=True, exist_ok=True)
    remembered.write_text(json.dumps(kept, indent=2))
    return ports


def base_environment(instance_id: str, places: Places) -> dict[str, str]:
    """What every process gets: the caller's environment without privileged values, and this Python first on PATH."""
    environment = {key: value for key, value in os.environ.items() if key not in _PRIVILEGED}
    scripts = Path(sys.executable).parent
    environment |= {
        "SAHARA_MODE": environment.get("SAHARA_MODE", "development"),
        "SAHARA_INSTANCE": instance_id,
        "SAHARA_VAR_DIR": str(places.root),
        "PATH": f"{scripts}{os.pathsep}{environment.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
    }
    return environment
