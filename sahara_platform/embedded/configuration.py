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
# In the environment of every process of one installation: how a later start finds what an earlier one left running.
INSTANCE_MARK = "SAHARA_INSTANCE"
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
_PRIVILEGED = ("DATABASE_OWNER_URL", "CHAIN_SIGNER_KEY", "CHAIN_PAYOUTS_SIGNER_KEY")
# Not passed on either: without compiled bytecode every start of every process compiles the platform anew.
_SLOWING = ("PYTHONDONTWRITEBYTECODE",)
_LOOPBACK_NAMES = "127.0.0.1,localhost"
# All that servers and the runner, which must not see the platform's credentials, inherit from the caller.
_HARMLESS = ("HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME", "XDG_CACHE_HOME", "SSL_CERT_FILE")


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
    chain_signer_address: str
    chain_payouts_signer_key: str
    chain_payouts_signer_address: str

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
            "chain_payouts_signer_key": f"0x{secrets.token_hex(32)}",
        }
        complete = {key: known.get(key, value) for key, value in fresh.items()}
        for signer in ("chain_signer", "chain_payouts_signer"):
            name = f"{signer}_address"
            complete[name] = known.get(name) or _address_of(complete[f"{signer}_key"])
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


def bare_environment(instance_id: str, **values: str) -> dict[str, str]:
    """What servers and the runner get: nothing of the caller's but a few harmless names, this Python first on PATH."""
    inherited = {name: os.environ[name] for name in _HARMLESS if name in os.environ}
    scripts = Path(sys.executable).parent
    path = f"{scripts}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # A proxy of the caller's must not come between parts on one machine.
    direct = {
        name: ",".join(filter(None, (os.environ.get(name), _LOOPBACK_NAMES))) for name in ("no_proxy", "NO_PROXY")
    }
    return {**inherited, **direct, "PATH": path, INSTANCE_MARK: instance_id, "PYTHONUNBUFFERED": "1", **values}


def platform_environment(instance_id: str, places: Places) -> dict[str, str]:
    """What the platform's processes get: the caller's environment too, without its privileged values."""
    inherited = {name: value for name, value in os.environ.items() if name not in _PRIVILEGED + _SLOWING}
    mode = inherited.get("SAHARA_MODE", "development")
    return {**inherited, **bare_environment(instance_id), "SAHARA_MODE": mode, "SAHARA_VAR_DIR": str(places.root)}


def _address_of(key: str) -> str:
    # Imported only when a key is made: it costs more than all the rest of the supervisor.
    from eth_account import Account

    return str(Account.from_key(key).address)
