"""`python -m sahara_platform.embedded run|status|exec`."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

from sahara_platform.embedded.configuration import BASE_DIR, Places
from sahara_platform.embedded.console import say
from sahara_platform.embedded.process import PartFailedError, is_alive, stop_process, wait_until, wrapped


def main(arguments: list[str]) -> int:
    """Parse the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sahara_platform.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("run", help="start all parts that no environment variable points elsewhere")
    start.add_argument("--no-demo", action="store_true", help="do not load the demo workspace")
    commands.add_parser("status", help="say what runs and whether it is ready")
    execute = commands.add_parser("exec", help="run a command with the environment of the running platform")
    execute.add_argument("--start", action="store_true", help="start the platform for the time, if it does not run")
    execute.add_argument("words", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    places = Places.default()
    if options.command == "exec":
        return execute_in(places, options.words, start=options.start)
    return run(places, demo=not options.no_demo) if options.command == "run" else status(places)


def run(places: Places, *, demo: bool) -> int:
    """Supervise the platform in the foreground."""
    from sahara_platform.embedded import startup
    from sahara_platform.embedded.plan import Plan

    os.chdir(BASE_DIR)
    places.lock_file.parent.mkdir(parents=True, exist_ok=True)
    with places.lock_file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("running", f"the platform already runs on {places.root}; `status` shows it", "warn")
            return status(places)
        return asyncio.run(startup.run(Plan.make(places), demo=demo))


def status(places: Places) -> int:
    """Print one line per part; 0 only if everything is ready."""
    state = _state(places)
    if state is None:
        print("Not running. `make run` starts the platform.")
        return 1
    print(f"{state['url']}  (supervisor {state['supervisor']})")
    for name, part in state["parts"].items():
        print(f"  {name:<12} {part['state']:<11} pid {part['pid'] or '-':<8} restarts {part['restarts']}")
    code, body = _readiness(state["readiness"])
    for name, part in body.get("parts", {}).items():
        print(f"  ready: {name:<12} {part['status']:<6} {part.get('latency_ms', 0):8.1f} ms  {part.get('detail', '')}")
    return 0 if code == 200 else 1


def execute_in(places: Places, words: list[str], *, start: bool) -> int:
    """Run a command with the platform's environment (without the signer's and the owner's secrets)."""
    command = words[1:] if words[:1] == ["--"] else words
    if not command:
        print("Give a command, as in: exec -- python manage.py shell")
        return 2
    if _state(places) is not None:
        return _execute(places, command)
    if not start:
        print("The platform does not run; `make run` starts it.")
        return 1
    supervisor = subprocess.Popen(
        wrapped([sys.executable, "-m", "sahara_platform.embedded", "run", "--no-demo"]), cwd=BASE_DIR
    )
    try:
        wait_until(
            lambda: _came_up(places, supervisor), timeout_s=900, what="The platform is not ready", interval_s=0.5
        )
        return _execute(places, command)
    finally:
        stop_process(supervisor.pid, timeout_s=60)


def _came_up(places: Places, supervisor: subprocess.Popen[bytes]) -> bool:
    if supervisor.poll() is not None:
        raise PartFailedError("The platform did not start.")
    state = _state(places)
    return state is not None and _readiness(state["readiness"])[0] == 200


def _execute(places: Places, command: list[str]) -> int:
    state = _state(places)
    if state is None:
        raise PartFailedError("The platform stopped.")
    return subprocess.run(command, env={**os.environ, **state["environment"]}, check=False).returncode


def _state(places: Places) -> dict[str, Any] | None:
    if not places.state_file.exists():
        return None
    state: dict[str, Any] = json.loads(places.state_file.read_text())
    return state if is_alive(int(state["supervisor"])) else None


def _readiness(url: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(url, timeout=15) as response:  # noqa: S310  # our own loopback address
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except (OSError, ValueError):
        return 0, {}


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except PartFailedError as error:
        say("failed", str(error), "bad")
        sys.exit(1)
