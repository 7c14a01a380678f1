"""Ends what an earlier supervisor of the same installation left running."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

from sahara_platform.embedded import postgres
from sahara_platform.embedded.configuration import INSTANCE_MARK
from sahara_platform.embedded.console import say

_GRACE_S = 5


def end(instance_id: str, postgres_dir: Path) -> None:
    """Stop marked processes, then a PostgreSQL on our data: it overwrites its environment and so the mark."""
    found = _marked(instance_id)
    if found:
        names = ", ".join(sorted({process.name() for process in found if process.is_running()}))
        say("leftovers", f"{len(found)} processes of an earlier start still run and are stopped: {names}", "warn")
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(found, timeout=_GRACE_S)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=_GRACE_S)
    if postgres.running_server(postgres_dir) is not None:
        say("leftovers", "PostgreSQL of an earlier start still runs and is stopped", "warn")
        postgres.stop_server(postgres_dir)


def _marked(instance_id: str) -> list[psutil.Process]:
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    marked = []
    for process in psutil.process_iter():
        if process.pid in ours:
            continue
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(INSTANCE_MARK) == instance_id:
                marked.append(process)
    return marked
