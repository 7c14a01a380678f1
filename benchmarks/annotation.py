"""Annotators at work over HTTP, beside Label Studio: throughput, waiting, processor time for each label.

Each cell is a number of items and of annotators. Every annotator has one thread, one kept connection and a session
of a browser; fetches a task, answers it, and fetches the next, without a pause. One process makes this load for both
sites, on the same machine, one after the other.

Processor time is read from /proc for all of a site's servers with their children: web, worker, beat, PostgreSQL and
Valkey here; nginx, uWSGI and PostgreSQL there. It counts from the first fetch until the servers are idle again, so
that what a label sets off later (settling the item, paying the annotator) is in it. It is the steadiest figure: other
load changes how long an annotator waits, not how much a label costs. `others_share` is the part of the machine that
neither the site nor the load used; with much of it, throughput and waiting say little.

Items ask for one label each and there are no check questions. The peer is measured where Debian's PostgreSQL is
installed (`label_studio.py`); `peer` says why not.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Protocol

from benchmarks.annotators import Annotator, measure, timed
from benchmarks.processes import Processes

GOAL_CPU_MS = 25.0
GOAL_TIMES_PEER = 10.0
GOAL_GROWTH = 0.20
GOAL_THINKING_MS = 100.0
GOAL_EXPORT_PER_S = 20_000
GOAL_IMPORT_PER_S = 10_000
THINK_S = 4.0
WORDS = "parcel came late well packed our support answered within a day thanks very much quite cold soup".split()  # noqa: SIM905  # a sentence


class AnnotationSite(Protocol):
    """What is measured of a site."""

    name: str
    processes: Processes

    def import_items(self, texts: Sequence[str]) -> tuple[Any, dict[str, float]]:
        """Bring items in; the project, and the seconds of each step."""

    def annotators(self, project: Any, count: int) -> list[Annotator]:
        """People at work in it."""

    def fill(self, project: Any) -> int:
        """Have many answers; how many there are."""

    def export(self, project: Any) -> tuple[int, int]:
        """Download them all."""

    def stop(self) -> None:
        """End it."""


def run(arguments: Sequence[str] = ()) -> dict[str, Any]:
    """Measure both sites; figures, and whether each goal is met."""
    options = _options(arguments)
    from benchmarks import annotation_platform, label_studio

    began = time.monotonic()
    if options.only_rates:
        found = _rates(annotation_platform.Site(1), options)
        return {"options": vars(options), "rates": found, "took_s": round(time.monotonic() - began)}
    ours = _measure(annotation_platform.Site(max(options.annotators)), options, seconds=options.seconds)
    why_not = label_studio.why_not() if options.peer else "not asked for"
    peer: Any = why_not
    if why_not is None:
        try:
            site = label_studio.Site(max(options.annotators))
            peer = _measure(site, options, seconds=options.peer_seconds)
        except (OSError, RuntimeError, subprocess.SubprocessError, http.client.HTTPException) as error:
            peer = f"not measured: {error}"
    goals = _goals(ours, peer if isinstance(peer, dict) else None)
    return {
        "options": vars(options),
        "platform": ours,
        "peer": peer,
        "goals": goals,
        "goals_met": all(goal["met"] for goal in goals.values()),
        "took_s": round(time.monotonic() - began),
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(prog="make bench NAME=annotation OPTIONS=…")
    parser.add_argument("--items", type=numbers, default=[1_000, 20_000, 100_000], help="items, as in 1000,20000")
    parser.add_argument("--annotators", type=numbers, default=[1, 8, 32], help="annotators at once, as in 1,8")
    parser.add_argument("--seconds", type=float, default=7, help="seconds of each cell")
    parser.add_argument("--peer-seconds", type=float, default=12, help="the same for the peer")
    parser.add_argument("--think-seconds", type=float, default=20, help="seconds with time to think; 0 leaves it out")
    parser.add_argument("--only-rates", action="store_true", help="import and export alone, beside bare PostgreSQL")
    parser.add_argument("--no-peer", dest="peer", action="store_false", help="measure the platform alone")
    return parser.parse_args(list(arguments))


def _rates(site: Any, options: argparse.Namespace) -> list[dict[str, Any]]:
    from benchmarks.annotation_rates import rates

    found = []
    try:
        for items in options.items:
            texts = _texts(items)
            project, _ = site.import_items(texts)
            found.append(rates(site, project, texts))
            _say(f"{site.name}: {found[-1]}")
    finally:
        site.stop()
    return found


def _measure(site: AnnotationSite, options: argparse.Namespace, *, seconds: float) -> dict[str, Any]:
    try:
        return _figures(site, options, seconds)
    finally:
        site.stop()


def _figures(site: AnnotationSite, options: argparse.Namespace, seconds: float) -> dict[str, Any]:
    cells: list[dict[str, Any]] = []
    imports: list[dict[str, Any]] = []
    found: dict[str, Any] = {"cells": cells, "imports": imports}
    project: Any = None
    for items in options.items:
        texts = _texts(items)
        _say(f"{site.name}: {items:,} items")
        project, took = site.import_items(texts)
        rates = {f"{step}_per_s": round(items / max(value, 1e-9)) for step, value in took.items()}
        imports.append({"items": items, **rates, "all_steps_per_s": round(items / sum(took.values()))})
        for count in options.annotators:
            cell = measure(site.annotators(project, count), site.processes, seconds=seconds)
            cells.append({"items": items, "annotators": count, **cell})
            _say(f"{site.name}: {cells[-1]}")
            if items < 5_000 and count != options.annotators[-1]:  # a small project is soon worked off
                project, _ = site.import_items(texts)
    if options.think_seconds:
        people = site.annotators(project, max(options.annotators))
        found["thinking"] = {
            "think_s": THINK_S,
            "annotators": len(people),
            **measure(people, site.processes, seconds=options.think_seconds, think_s=THINK_S),
        }
        _say(f"{site.name}: {found['thinking']}")
    answers = site.fill(project)
    took_s, (size, _lines) = timed(lambda: site.export(project))
    found["export"] = {"annotations": answers, "bytes": size, "annotations_per_s": round(answers / took_s)}
    _say(f"{site.name}: {found['export']} {imports}")
    return found


def _texts(count: int) -> list[str]:
    return [
        f"{number} {' '.join(WORDS[(number * step) % len(WORDS)] for step in range(1, 19))}" for number in range(count)
    ]


def _goals(ours: dict[str, Any], peer: dict[str, Any] | None) -> dict[str, Any]:
    cells = {(cell["items"], cell["annotators"]): cell for cell in ours["cells"]}
    most = max(annotators for _, annotators in cells)
    busiest = {items: cell for (items, annotators), cell in cells.items() if annotators == most}
    least, largest = busiest[min(busiest)]["cpu_ms_per_label"], busiest[max(busiest)]["cpu_ms_per_label"]
    goals = {
        "cpu_ms_per_label": _goal(max(cell["cpu_ms_per_label"] for cell in busiest.values()), most=GOAL_CPU_MS),
        "growth_with_items": _goal(round(abs(largest / least - 1), 2), most=GOAL_GROWTH),
        "import_per_s": _goal(max(one["import_per_s"] for one in ours["imports"]), least=GOAL_IMPORT_PER_S),
        "export_per_s": _goal(ours["export"]["annotations_per_s"], least=GOAL_EXPORT_PER_S),
        "errors": _goal(sum(cell["errors"] for cell in cells.values()), most=0),
        "given_twice": _goal(sum(cell["given_twice"] for cell in cells.values()), most=0),
    }
    if "thinking" in ours:
        goals["thinking_fetch_p95_ms"] = _goal(ours["thinking"]["fetch_ms"][1], most=GOAL_THINKING_MS)
    if peer is not None:
        theirs = {(cell["items"], cell["annotators"]): cell for cell in peer["cells"]}
        times = [cells[key]["labels_per_s"] / max(theirs[key]["labels_per_s"], 0.1) for key in theirs if key[1] == most]
        goals["times_peer"] = _goal(round(min(times), 1), least=GOAL_TIMES_PEER)
    return goals


def _goal(value: float, *, most: float | None = None, least: float | None = None) -> dict[str, Any]:
    met = (most is None or value <= most) and (least is None or value >= least)
    return {"value": value, **({"most": most} if most is not None else {"least": least}), "met": met}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    print(json.dumps({"benchmark": "annotation", **run(sys.argv[1:])}))
