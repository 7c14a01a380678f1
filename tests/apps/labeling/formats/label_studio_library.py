"""Label Studio's own library as judge of our files, in an environment of its own: it needs an older numpy than ours."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from apps.labeling.formats.items import Design
from apps.labeling.formats.label_studio_config import label_config

_ENVIRONMENT = Path(sys.prefix) / "label-studio"
_PACKAGE = "label-studio-sdk==2.1.2"
_SCRIPT = Path(__file__).with_name("label_studio_judge.py")


def checked_by_label_studio(exports: dict[str, tuple[Design, bytes]]) -> dict[str, Any]:
    """Name -> {"problems", "tasks", "converted"} as the library finds them."""
    python = _ENVIRONMENT / "bin" / "python"
    with (_ENVIRONMENT.parent / ".label-studio-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_ENVIRONMENT / "bin" / "label-studio-sdk").exists():
            subprocess.run([sys.executable, "-m", "venv", str(_ENVIRONMENT)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "-qq", _PACKAGE], check=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, (design, content) in exports.items():
            (Path(folder) / f"{name}.xml").write_text(label_config(design))
            (Path(folder) / f"{name}.json").write_bytes(content)
        run = subprocess.run([str(python), str(_SCRIPT), folder], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
        return found
