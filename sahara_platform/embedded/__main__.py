"""`python -m sahara_platform.embedded run|status|exec`."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any, NoReturn

from sahara_platform.embedded.configuration import BASE_DIR, Places
from sahara_platform.embedded.console import say
from sahara_platform.embedded.process import PartFailedError, is_alive


def main(arguments: list[str]) -> int:
    """Parse the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sahara_platform.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start all parts that no environment variable points elsewhere")
    commands.add_parser("status", help="say what runs and whether it is ready")
    execute = commands.add_parser("exec", help="run a command with the environment of the running platform")
    execute.add_argument("words", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    places = Places.default()
    if options.command == "run":
        return run(places)
    if options.command == "status":
        return status(places)
    execute_in(places, options.words)


def run(places: Places) -> int:
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
        try:
            return asyncio.run(startup.run(Plan.make(places)))
        except PartFailedError as error:
            say("failed", str(error), "bad")
            return 1


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


def execute_in(places: Places, words: list[str]) -> NoReturn:
    """Become the command, with the running platform's environment (without the signer's and the owner's secrets)."""
    command = words[1:] if words[:1] == ["--"] else words
    state = _state(places)
    if state is None or not command:
        sys.exit("Give a command, as in: exec -- python manage.py shell" if state else "The platform does not run.")
    environment = {**os.environ, **state["environment"]}
    os.execvpe(command[0], command, environment)  # noqa: S606  # becoming the command is the point; no shell


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
    sys.exit(main(sys.argv[1:]))
