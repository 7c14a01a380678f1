"""`python -m examples.golden_path`: drive the whole platform through its public API and check what must hold."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from pathlib import Path
from typing import NoReturn

import httpx

from examples.golden_path import ROOT, story
from examples.golden_path.report import Report
from examples.golden_path.texts import UnusableData, default_path, load

STARTED = "GOLDEN_PATH_STARTED"


def main() -> int:
    """Run the path; 0 only if every step is done and every invariant holds."""
    options = _options()
    if not _answers(options.url):
        if os.environ.get(STARTED) or "--url" in sys.argv:
            print(f"{options.url} does not answer.")
            return 2
        _start_and_repeat(options.url)
    try:
        texts = load(options.data, limit=options.limit, gold_share=options.gold, seed=options.seed)
    except UnusableData as error:
        print(error)
        return 2
    run = secrets.token_hex(3)
    report = Report(run=run, url=options.url, data=str(texts.path), items=len(texts.items), gold=len(texts.gold))
    print(
        f"Golden path {run} on {options.url}: {len(texts.items)} items and {len(texts.gold)} check questions", end=" "
    )
    print(f"in {len(texts.classes)} classes from {texts.path}")
    try:
        story.tell(report, options.url, texts, run=run, seed=options.seed, rpc_url=options.rpc)
    except Exception as error:  # the report says where; the exit status says that
        print(f"\nStopped: {error}")
    report.write(options.report)
    print(f"\nReport: {options.report}")
    for problem in report.broken:
        print(f"BROKEN  {problem}")
    print("Golden path: " + ("everything holds." if not report.broken else f"{len(report.broken)} broken."))
    return 1 if report.broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.golden_path", description=__doc__)
    parser.add_argument("--url", default=os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000"))
    parser.add_argument("--data", type=Path, default=default_path(), help="CSV with the columns text,label")
    parser.add_argument("--report", type=Path, default=ROOT / "var" / "golden-path.json")
    parser.add_argument("--limit", type=int, default=240, help="rows to use")
    parser.add_argument("--gold", type=float, default=0.1, help="share of them that become hidden check questions")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--rpc", default=os.environ.get("CHAIN_RPC_URL"), help="JSON-RPC of the chain, to look there too"
    )
    return parser.parse_args()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=10).is_success
    except httpx.TransportError:
        return False


def _start_and_repeat(url: str) -> NoReturn:
    """Nothing answers: become this same command inside a platform that is started for the time."""
    print(f"{url} does not answer; starting a platform.", flush=True)
    os.environ[STARTED] = "1"
    os.chdir(ROOT)
    inner = [sys.executable, "-m", "examples.golden_path", *sys.argv[1:]]
    outer = [sys.executable, "-m", "sahara_platform.embedded", "exec", "--start", "--", *inner]
    os.execv(sys.executable, outer)  # noqa: S606  # no shell


if __name__ == "__main__":
    sys.exit(main())
