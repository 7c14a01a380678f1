"""A short run of `make chaos-annotation` on the database of the tests, with processes and a Valkey of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from sahara_platform.embedded.configuration import bare_environment
from tests.chaos.annotation import Plan, run
from tests.chaos.ground import Ground, ends_of_logs, platform_environment, valkey_as_in_production
from tests.chaos.keeper import Keeper
from tests.parts import DATABASE, POSTGRES

SIZE = Plan(annotators=12, second_tabs=2, items=30, kills=2, window_s=5, limit_s=600, seed=7)


@pytest.fixture
def ground(tmp_path: Path, transactional_db: None) -> Iterator[Ground]:
    """Valkey and what processes need to work on the tests' database."""
    keeper = Keeper()
    keeper.start()
    bare = bare_environment(secrets.token_hex(8))
    valkey_url, valkey = valkey_as_in_production(tmp_path, bare)
    keeper.add(valkey)
    environment = platform_environment(bare, tmp_path, database_url=POSTGRES.app_url(DATABASE), redis_url=valkey_url)
    yield Ground(tmp_path, keeper, environment, POSTGRES.owner_url(DATABASE))
    keeper.stop()


@pytest.mark.timeout(660)
def test_annotators_lose_and_gain_nothing_while_processes_are_killed(ground: Ground) -> None:
    outcome = run(SIZE, ground)
    found = {rule: outcome.wrong[rule][:5] for rule in outcome.broken}
    assert not found, f"{found}\n{outcome.figures}\n{ends_of_logs(ground.root)}"
