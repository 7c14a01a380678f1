"""`manage.py replay_answers`: the platform asks, the records answer, nothing is left."""

from __future__ import annotations

import json
import random
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.core.tenant import all_tenants
from apps.labeling.models import Annotation, BoardListing, Order
from apps.labeling.services import replaying
from tests.apps.labeling.quality.test_model import crowd

KEYS = {
    "accuracy",
    "labels_per_item",
    "full_accuracy",
    "majority_accuracy",
    "dawid_skene_accuracy",
    "sure95_share",
    "sure95_right",
    "repeated_pairs",
}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Forty items, six workers, integers for ids; one answer comes twice."""
    answers, truth = crowd([0.95, 0.9, 0.9, 0.85, 0.8, 0.6], items=40)
    rows = [{"item": int(item[1:]), "worker": worker, "label": int(label[1:])} for item, worker, label in answers]
    random.Random(3).shuffle(rows)
    recorded, known = tmp_path / "answers.jsonl", tmp_path / "gold.csv"
    recorded.write_text("".join(f"{json.dumps(row)}\n" for row in [*rows, rows[0]]))
    known.write_text("item,label\n" + "".join(f"{int(item[1:])},{label[1:]}\n" for item, label in truth.items()))
    return recorded, known


def replay(*arguments: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("replay_answers", *map(str, arguments), stdout=out, stderr=StringIO())
    found: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return found


def rows_left() -> tuple[int, int, int]:
    with all_tenants(reason="a test counts what is left"):
        return Order.objects.count(), Annotation.objects.count(), BoardListing.objects.count()


@pytest.mark.django_db
def test_it_buys_a_part_and_leaves_nothing(files):
    before = rows_left()
    result = replay("--answers", files[0], "--gold", files[1], "--target", "0.9")
    assert result.keys() >= KEYS
    assert result["repeated_pairs"] == 1
    assert 1 <= result["labels_per_item"] < 6
    # Thirty crowds of this kind reach .93 on average, and .80 at least: forty items are few.
    assert result["accuracy"] >= 0.8
    assert rows_left() == before


@pytest.mark.django_db
def test_the_last_line_is_the_same_whatever_the_order_of_rows_and_columns(files, tmp_path):
    rows = [json.loads(line) for line in files[0].read_text().splitlines()]
    random.Random(8).shuffle(rows)
    shuffled = tmp_path / "shuffled.csv"
    shuffled.write_text("label,item,worker\n" + "".join(f"{r['label']},{r['item']},{r['worker']}\n" for r in rows))
    assert replay("--answers", shuffled) == replay("--answers", files[0])


@pytest.mark.django_db
def test_a_failure_leaves_nothing_either(files, monkeypatch):
    before = rows_left()
    monkeypatch.setattr(replaying, "submit_annotation", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        replay("--answers", files[0])
    assert rows_left() == before


def test_bad_rows_are_named(tmp_path):
    bad = tmp_path / "answers.csv"
    bad.write_text("item,worker,label\n1,a,x\n2,,y\n3,b\n")
    with pytest.raises(CommandError, match=r"(?s)row 3: worker.*row 4: label"):
        replay("--answers", bad)
