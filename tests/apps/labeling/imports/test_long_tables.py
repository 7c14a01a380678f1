"""A table of a million rows with bad ones spread in: progress, cancel, `kill -9`, and then exactly the right result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from apps.core import outbox
from apps.core.errors import Conflict, InvalidInput
from apps.labeling import services
from apps.labeling.import_models import Import, ImportedItem
from apps.labeling.selectors import imports as selectors
from apps.labeling.services import import_run
from apps.labeling.services.import_store import store_chunk
from apps.labeling.uploads import MAX_ITEMS
from sahara_platform.embedded.configuration import BASE_DIR
from tests.apps.labeling.imports import long_tables
from tests.apps.labeling.imports.conftest import RIGHTS

ROWS = int(os.environ.get("ROWS", "1000000"))
MOST_MB = 150
DESIGN = {
    "inputs": [{"name": "text", "type": "text", "title": "Text"}],
    "controls": [{"type": "choice", "name": "label", "input": "text", "classes": ["good", "bad"]}],
}
#: One worker's process on one import; says what it took. The peak is its own, without what it started from.
WORKER = """
import json, resource, sys, time
import django
django.setup()
from uuid import UUID
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.imports.masking import Masker
Masker().mask("Dear John Smith, call +49 30 901820")  # loads its lists
before = resource.getrusage(resource.RUSAGE_SELF)
with tenant_scope(UUID(sys.argv[2])):
    services.run_import(UUID(sys.argv[1]))
after = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    "start_mb": before.ru_maxrss / 1024,
    "peak_mb": after.ru_maxrss / 1024,
}))
"""


def start(actor: Any, path: Path) -> Import:
    with path.open("rb") as file:
        return services.create_import(actor=actor, file=file, filename=path.name, **RIGHTS)


def require_exact(batch: Import, kind: str, count: int) -> None:
    """The items and the quarantine are what they must be, row for row."""
    assert (batch.state, batch.problem, batch.permille) == ("ready", "", 1000)
    stored = ImportedItem.objects.filter(batch=batch).order_by("ordinal")
    found = stored.values_list("ordinal", "row", "external_id", "data__text", "known__label").iterator(5_000)
    total = 0
    for total, (one, wanted) in enumerate(zip_longest(found, long_tables.items(kind, count)), start=1):
        assert one == (total - 1, *(wanted or ()))
    assert (total, batch.masked_count) == (batch.item_count, long_tables.masked(count))
    listed = list(selectors.quarantine(batch).values_list("row", "field", "reason"))
    wanted_faults = list(long_tables.faults(kind, count))
    assert [one[:2] for one in listed] == [one[:2] for one in wanted_faults]
    assert [
        reason for (_, _, reason), (_, _, part) in zip(listed, wanted_faults, strict=True) if part not in reason
    ] == []
    assert batch.quarantined == len(wanted_faults)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_bad_rows_of_every_kind_are_named_and_all_others_imported(actor, tmp_path, kind):
    path = tmp_path / f"items.{kind}"
    long_tables.write_table(path, kind, 4_000)
    batch = start(actor, path)
    outbox.drain()
    batch.refresh_from_db()
    require_exact(batch, kind, 4_000)


@pytest.mark.django_db
def test_long_rows_are_stored_in_small_chunks(actor, tmp_path, monkeypatch):
    sizes = []

    def noted(batch: Import, chunk: Any, **options: Any) -> None:
        sizes.append(len(chunk))
        store_chunk(batch, chunk, **options)

    monkeypatch.setattr(import_run, "store_chunk", noted)
    monkeypatch.setattr(import_run, "CHUNK_CHARACTERS", 100_000)
    path = tmp_path / "long.jsonl"
    path.write_text("".join(json.dumps({"text": "a" * 19_000, "n": n}) + "\n" for n in range(60)))
    batch = start(actor, path)
    outbox.drain()
    batch.refresh_from_db()
    assert (batch.state, batch.item_count, max(sizes)) == ("ready", 60, 5)


class _Worker:
    """A process that works on an import."""

    def __init__(self, batch: Import) -> None:
        self.batch = batch
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WORKER, str(batch.id), str(batch.tenant_id)],
            cwd=BASE_DIR,
            stdout=subprocess.PIPE,
        )

    def wait_for(self, permille: int) -> None:
        """Until so much has been read; progress never goes back meanwhile."""
        seen = self.batch.permille
        while self.batch.permille < permille:
            assert self.process.poll() is None, "the worker ended early"
            time.sleep(0.05)
            self.batch.refresh_from_db()
            assert self.batch.permille >= seen
            seen = self.batch.permille
        assert (self.batch.state, self.batch.eta_s is not None) == ("running", True)

    def end(self) -> dict[str, float]:
        """Wait for its end; what it took."""
        output, _ = self.process.communicate()
        assert self.process.returncode == 0
        self.batch.refresh_from_db()
        figures: dict[str, float] = json.loads(output.splitlines()[-1])
        return figures


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_million_rows_survive_cancel_and_kill(actor, tmp_path, kind):
    """Prints its figures; ROWS=100000 makes it shorter."""
    path = tmp_path / f"million.{kind}"
    long_tables.write_table(path, kind, ROWS)
    batch = start(actor, path)

    cancelled = _Worker(batch)
    cancelled.wait_for(50)
    services.cancel_import(actor=actor, import_id=batch.id)
    cancelled.end()
    assert (batch.state, batch.item_count, batch.permille) == ("cancelled", 0, 0)
    assert not ImportedItem.objects.filter(batch=batch).exists()

    services.retry_import(actor=actor, import_id=batch.id)
    batch.refresh_from_db()
    killed = _Worker(batch)
    killed.wait_for(400)
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait()
    batch.refresh_from_db()
    stored = batch.item_count
    assert (batch.state, 0 < stored < ROWS) == ("running", True)
    assert not selectors.items(batch).exists()
    with pytest.raises(Conflict) as unfinished:
        _order(actor, batch)
    assert unfinished.value.code == "wrong_import_state"

    began = time.perf_counter()
    figures = _Worker(batch).end()
    seconds = time.perf_counter() - began
    require_exact(batch, kind, ROWS)
    if batch.item_count > MAX_ITEMS:
        with pytest.raises(InvalidInput, match="Import it in parts") as refused:
            _order(actor, batch)
        assert refused.value.code == "too_many_items"
    rows = ROWS - stored
    print(  # noqa: T201  # the figures
        f"\n{kind}: {path.stat().st_size / 1e6:,.0f} MB, {ROWS:,} rows; resumed behind {stored:,} items; "
        f"{rows / figures['cpu_s']:,.0f} rows/s of the worker's processor time, {rows / seconds:,.0f} by the clock; "
        f"{batch.quarantined:,} quarantined; "
        f"memory {figures['start_mb']:.0f} -> {figures['peak_mb']:.0f} MB at its peak"
    )
    assert figures["peak_mb"] - figures["start_mb"] < MOST_MB


def _order(actor: Any, batch: Import) -> Any:
    return services.create_order_from_import(
        actor=actor,
        import_id=batch.id,
        design=DESIGN,
        title="A million",
        instruction="Good or bad?",
        price_minor=1,
        redundancy=1,
    )
