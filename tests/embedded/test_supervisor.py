"""The supervisor: readiness, restart, orderly stop, no orphans."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sahara_platform.embedded import anvil, leftovers
from sahara_platform.embedded.configuration import (
    INSTANCE_MARK,
    Places,
    Secrets,
    bare_environment,
    choose_ports,
    platform_environment,
)
from sahara_platform.embedded.process import PartFailedError, free_port, is_alive, wait_until, wrapped
from sahara_platform.embedded.supervisor import RunningService, Service, run_once

SLEEP = "import time; time.sleep(600)"


def service(tmp_path: Path, code: str, **options: object) -> Service:
    command = [sys.executable, "-c", code]
    return Service("part", command, bare_environment("test"), tmp_path / "part.log", **options)  # type: ignore[arg-type]


async def until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, condition, timeout_s=60, what="It did not happen")


async def test_a_crashed_part_is_started_again_and_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running = RunningService(service(tmp_path, SLEEP))
    await running.start()
    first = running.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: running.pid not in (first, None))
    assert running.restarts == 1
    assert "was ended by SIGKILL; starts again" in capsys.readouterr().out
    await running.stop()
    assert running.state == "stopped"


async def test_a_part_that_keeps_crashing_fails_the_start_with_the_end_of_its_log(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    running = RunningService(service(tmp_path, "raise SystemExit('no such file: x')", ready=never))
    with pytest.raises(PartFailedError, match="no such file: x"):
        await running.start()
    await running.stop()


async def test_a_part_that_ignores_the_request_to_stop_is_killed_with_its_children(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
        "open(sys.argv[0] if False else r'%s', 'w').write(str(child.pid)); time.sleep(600)"
    )
    note = tmp_path / "child"
    running = RunningService(service(tmp_path, code % note, grace_s=0.3))
    await running.start()
    await until(lambda: note.exists() and bool(note.read_text()))
    await running.stop()
    wait_until(lambda: not is_alive(int(note.read_text())), timeout_s=60, what="The child still runs")


async def test_a_failing_start_up_job_shows_its_output(tmp_path: Path) -> None:
    with pytest.raises(PartFailedError, match="table is missing"):
        await run_once("job", [sys.executable, "-c", "raise SystemExit('table is missing')"], {}, tmp_path / "job.log")


def test_a_part_dies_with_a_supervisor_that_is_killed() -> None:
    code = """
import os, subprocess, sys
from sahara_platform.embedded.process import wrapped
sleeper = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"]
child = subprocess.Popen(wrapped(sleeper), stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    wait_until(lambda: not is_alive(int(done.stdout)), timeout_s=60, what="The part still runs")


def test_a_part_whose_supervisor_died_before_it_began_does_not_begin(tmp_path: Path) -> None:
    command = wrapped([sys.executable, "-c", f"open(r'{tmp_path / 'ran'}', 'w')"])
    command[4] = "1"  # as if the parent had gone and init had taken its place
    assert command[3].endswith("spawn.py")
    assert subprocess.run(command, check=False).returncode == 1
    assert not (tmp_path / "ran").exists()


def test_leftovers_of_the_same_installation_are_ended_and_no_others(tmp_path: Path) -> None:
    mine, other = (
        subprocess.Popen([sys.executable, "-c", SLEEP], env={**os.environ, INSTANCE_MARK: mark})
        for mark in ("mine", "other")
    )
    try:
        deadline = time.monotonic() + 60
        while Path(f"/proc/{mine.pid}/environ").read_bytes().find(b"mine") < 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        leftovers.end("mine", tmp_path)
        mine.wait(timeout=60)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    places = Places(tmp_path)
    first = Secrets.load(places)
    assert Secrets.load(places) == first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
    assert first.chain_signer_address.startswith("0x")


def test_a_secret_that_a_newer_version_needs_is_added(tmp_path: Path) -> None:
    places = Places(tmp_path)
    first = Secrets.load(places)
    known = json.loads((tmp_path / "secrets.json").read_text())
    del known["runner_token"]
    (tmp_path / "secrets.json").write_text(json.dumps(known))
    again = Secrets.load(places)
    assert again.secret_key == first.secret_key
    assert again.runner_token != first.runner_token


def test_no_port_is_offered_twice_and_none_that_somebody_listens_on() -> None:
    offered = [free_port() for _ in range(50)]
    assert len(set(offered)) == 50
    assert max(offered) < 32_768, "Linux gives these to outgoing connections"
    with socket.create_server(("127.0.0.1", offered[-1] + 1)):
        assert free_port() > offered[-1] + 1


def test_a_taken_port_is_evaded_without_forgetting_the_web_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = free_port()
    monkeypatch.setenv("PORT", str(wanted))
    with socket.create_server(("127.0.0.1", wanted)):
        ports = choose_ports(Places(tmp_path))
        assert ports["web"] != wanted
        assert len(set(ports.values())) == len(ports)
    monkeypatch.delenv("PORT")
    assert choose_ports(Places(tmp_path))["web"] == wanted


def test_no_process_inherits_what_only_some_may_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAIN_SIGNER_KEY", "0x1")
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://owner")
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live")
    platform = platform_environment("id", Places(tmp_path))
    assert "CHAIN_SIGNER_KEY" not in platform
    assert "DATABASE_OWNER_URL" not in platform
    assert "STRIPE_API_KEY" not in bare_environment("id")


def test_a_chain_state_that_was_cut_off_is_replaced_by_the_last_good_one(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text('{"block": 1}')
    anvil.restore_state(state)
    state.write_text('{"block": 2, "acc')
    anvil.restore_state(state)
    assert json.loads(state.read_text()) == {"block": 1}
