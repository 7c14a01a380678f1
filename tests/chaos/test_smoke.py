"""A short run of `make chaos-payouts`, so that it works when it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sahara_platform.embedded.configuration import BASE_DIR

#: A kill for each part that can be killed.
SIZE = {"payouts": 12, "kills": 5, "reorgs": 3, "lost-answers": 2, "window-s": 8, "epoch-s": 4, "block-s": 0.25}


@pytest.mark.timeout(660)
def test_payouts_survive_kills_reorganisations_and_lost_answers_to_the_unit():
    options = [part for name, value in {**SIZE, "limit-s": 600}.items() for part in (f"--{name}", str(value))]
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.payouts", *options],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "BROKEN" not in done.stdout
