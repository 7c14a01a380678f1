"""Import and export beside the least that PostgreSQL needs for the same rows, in processor time.

The least is a COPY of the same texts into a bare table of one JSON column, and a streamed SELECT of the order's items
and answers that this process writes as JSON lines. What the platform adds (HTTP, checking each row, looking for
personal data, tenants, indexes, progress) is the rest. Both are measured in the same run, so that a busy machine
changes both.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import psycopg

from benchmarks.processes import Processes
from sahara_platform.embedded.plan import DATABASE

if TYPE_CHECKING:
    from benchmarks.annotation_platform import Site

_SELECT = """
SELECT t.external_id, t.data, t.result, a.annotator_id::text, a.answer, a.elapsed_ms, a.state
  FROM labeling_task t JOIN labeling_annotation a ON a.task_id = t.id WHERE t.order_id = %s ORDER BY t.row
"""
#: What bare PostgreSQL takes: the other servers do other things meanwhile.
BARE = ("postgres", "client")


def rates(site: Site, order_id: str, texts: Sequence[str]) -> dict[str, Any]:
    """Figures of an import of these texts with and without a look for personal data, of an export, and of the least."""
    found: dict[str, Any] = {"items": len(texts)}
    for name, masking in (("import", "true"), ("import_unmasked", "false")):
        found[name] = _measured(site.processes, len(texts), lambda masking=masking: site.upload(texts, masking=masking))  # type: ignore[misc]  # a bound default
    found["copy"] = _measured(site.processes, len(texts), lambda: _copy(site, texts), only=BARE)
    answers = site.fill(order_id)
    for name in ("export_first", "export"):
        found[name] = _measured(site.processes, answers, lambda: site.export(order_id))
    found["select"] = _measured(site.processes, answers, lambda: _select(site, order_id), only=BARE)
    found["import_times_copy"] = round(found["import"]["cpu_us"] / found["copy"]["cpu_us"], 1)
    found["export_times_select"] = round(found["export"]["cpu_us"] / found["select"]["cpu_us"], 2)
    return found


def _measured(processes: Processes, rows: int, work: Callable[[], Any], only: Sequence[str] = ()) -> dict[str, Any]:
    before, own, began = processes.cpu_s(), time.process_time(), time.perf_counter()
    work()
    took = time.perf_counter() - began
    cost = {name: used - before.get(name, 0.0) for name, used in processes.cpu_s().items()}
    cost["client"] = time.process_time() - own
    cost = {name: used for name, used in cost.items() if not only or name in only}
    return {
        "per_s": round(rows / took),
        "cpu_us": round(sum(cost.values()) * 1e6 / rows, 1),
        "cpu_us_by_process": {name: round(used * 1e6 / rows, 1) for name, used in cost.items()},
    }


def _copy(site: Site, texts: Sequence[str]) -> None:
    with psycopg.connect(site.plan.postgres.owner_url(DATABASE)) as connection:
        connection.execute("CREATE TEMP TABLE bare (id int, data jsonb)")
        with connection.cursor().copy("COPY bare FROM STDIN") as copy:
            for number, text in enumerate(texts):
                copy.write_row((number, json.dumps({"text": text})))


def _select(site: Site, order_id: str) -> int:
    size = 0
    with psycopg.connect(site.plan.postgres.owner_url(DATABASE)) as connection:
        # The owner sees every organisation's rows only where it says so, as the platform's own code must.
        connection.execute("SELECT set_config('app.all_tenants', 'on', false)")
        # The answers were written in bulk a moment ago: what the planner knows of them is out of date.
        connection.execute("SET enable_nestloop = off")
        with connection.cursor("rows") as cursor:
            cursor.itersize = 1_000
            for item, data, result, annotator, answer, elapsed_ms, state in cursor.execute(_SELECT, (order_id,)):
                answered = {"annotator": annotator, "answer": answer, "elapsed_ms": elapsed_ms, "state": state}
                line = {"id": item, "data": data, "result": result, "answers": [answered]}
                size += len(json.dumps(line, ensure_ascii=False).encode())
    return size
