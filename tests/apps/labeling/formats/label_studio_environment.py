"""An environment of its own for Label Studio's library, which needs an older numpy than ours.

`make` runs this file before the tests, so that none of them waits for a download.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

_PACKAGE = "label-studio-sdk==2.1.2"


def label_studio_python() -> Path:
    """Its Python; the environment is made where it is not there."""
    environment = Path(sys.prefix) / "label-studio"
    python = environment / "bin" / "python"
    with (environment.parent / ".label-studio-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (environment / "bin" / "label-studio-sdk").exists():
            subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "-qq", _PACKAGE], check=True)
    return python


if __name__ == "__main__":
    label_studio_python()
