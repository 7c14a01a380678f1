"""Which worker runs what, and when: what takes longest first, and what shares a costly world on one worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

TESTS = Path(__file__).parent
#: Folders whose files share what takes long to start: a whole platform, a world of people and things, a model server.
SHARED = ("tests/flows", "tests/browser", "tests/gpu_runner")
#: What takes longest starts first, so that no worker is left with it alone at the end; all the rest in random order.
LONGEST = (
    "browser",
    "flows",
    "gpu_runner",
    "isolation/test_foreign_ids.py",
    "chaos/test_smoke.py",
    "apps/onchain/test_faults.py",
    "apps/labeling/machine/test_annotator.py",
    "apps/onchain/test_sending.py",
    "apps/payouts/test_epochs.py",
    "apps/onchain/test_reorganisations.py",
    "apps/ledger/test_backup.py",
    "chaos/test_annotation_smoke.py",
    "apps/labeling/controls",
)


class ByWorld(LoadFileScheduling):  # type: ignore[misc]  # untyped
    """Gives a worker one file at a time, or one folder whose files share a world."""

    def _split_scope(self, nodeid: str) -> str:
        path: str = nodeid.split("::", 1)[0]
        return next((folder for folder in SHARED if path.startswith(f"{folder}/")), path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByWorld | None:
    """Ours instead of `--dist loadfile`."""
    return ByWorld(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first; files of one folder stay together."""
    items.sort(key=lambda item: _place(item.path))


def _place(path: Path) -> int:
    return next((n for n, name in enumerate(LONGEST) if path.is_relative_to(TESTS / name)), len(LONGEST))
