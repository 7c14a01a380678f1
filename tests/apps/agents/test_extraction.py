"""An asker who wants all of a document gets a bounded part of it, whatever the model writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings

from apps.agents.services.extraction import FORMS, RECOVERED_RUN, Haul, evaluate_extraction

PART = 900
#: A word put in this often leaves no piece that is long enough to be told from chance: the guide says so.
KNOWN_GAP = "obeying_model_every_third_word_put_in"


def test_what_counts_as_recovered() -> None:
    document = "The keeper climbs two hundred steps. " + "Nobody may enter the lantern room at night."
    assert Haul([document.upper()]).figures(document)["recovered"] == 1.0
    assert Haul(["The keeper.", "two hundred"]).figures(document) == {"recovered": 0.0, "longest_run": 10}
    half = Haul([document[:36]]).figures(document)
    assert 0.35 < half["recovered"] < 0.5
    assert half["longest_run"] >= RECOVERED_RUN


@pytest.mark.django_db
def test_the_limits_hold_against_a_model_that_copies_in_any_form(runner: object, tmp_path: Path) -> None:
    document = tmp_path / "guide.md"
    document.write_text((settings.BASE_DIR / "docs" / "guides" / "citations.md").read_text()[:PART])
    found = evaluate_extraction(document, (60, 25))
    print(json.dumps(found))  # noqa: T201  # the figures
    assert found["without_filter"]["recovered"] > 0.9
    held = {name: value for name, value in found.items() if name.startswith(("obeying", "quoting"))}
    assert len(held) == len(FORMS) + 1
    del held[KNOWN_GAP]
    for name, figures in held.items():
        assert figures["longest_run"] <= found["longest_quote"] + RECOVERED_RUN, name
        # Pieces that are too short to be told from chance are let through.
        assert figures["recovered"] <= found["allowed"] + 0.1, name
