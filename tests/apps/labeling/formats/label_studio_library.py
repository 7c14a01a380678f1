"""Label Studio's own library as judge of our files."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from apps.labeling.formats.items import Design
from apps.labeling.formats.label_studio_config import label_config
from tests.apps.labeling.formats.label_studio_environment import label_studio_python

_SCRIPT = Path(__file__).with_name("label_studio_judge.py")


def checked_by_label_studio(exports: dict[str, tuple[Design, bytes]]) -> dict[str, Any]:
    """Name -> {"problems", "tasks", "converted"} as the library finds them."""
    python = label_studio_python()
    with tempfile.TemporaryDirectory() as folder:
        for name, (design, content) in exports.items():
            (Path(folder) / f"{name}.xml").write_text(label_config(design))
            (Path(folder) / f"{name}.json").write_bytes(content)
        run = subprocess.run([str(python), str(_SCRIPT), folder], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
        return found
