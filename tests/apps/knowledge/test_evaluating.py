"""`manage.py evaluate_ingestion` goes through the real pipeline, names what is missing and leaves nothing behind."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.core.tenant import all_tenants
from apps.knowledge.models import Chunk, Document, KnowledgeBase
from tests.apps.knowledge import files, formats

pytestmark = pytest.mark.django_db


def run(folder: Path) -> tuple[dict[str, object], str]:
    output = io.StringIO()
    call_command("evaluate_ingestion", str(folder), stdout=output, stderr=io.StringIO())
    return json.loads(output.getvalue().splitlines()[-1]), output.getvalue()


def written(folder: Path, expected: list[dict[str, object]], **contents: bytes) -> Path:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    lines = [json.dumps(row) for row in expected]
    if lines:
        (folder / "expected.jsonl").write_text("\n".join(lines))
    return folder


def test_every_outcome_is_compared_with_what_was_expected(tmp_path: Path, runner: object) -> None:
    words: dict[str, object] = {"must_include": ["The Harbour fee"], "table_rows": [list(formats.ROW)]}
    expected: list[dict[str, object]] = [
        {"file": "page", "outcome": "ok", **words},
        {"file": "deck", "outcome": "ok", "slides": 2, "table_rows": [list(formats.ROW)]},
        {"file": "secret", "outcome": "ok_password", "password": "a-password", "must_include": ["Secret text."]},
        {"file": "scan", "outcome": "no_text"},
        {"file": "cut", "outcome": "error", "timeout_s": 60},
        {"file": "any", "outcome": "ok_or_error"},
    ]
    folder = written(
        tmp_path,
        expected,
        page=formats.HTML.encode(),
        deck=formats.slides(),
        secret=files.encrypted_pdf(),
        scan=files.pdf(""),
        cut=files.word()[:2000],
        any=b"",
    )
    with all_tenants(reason="what the command leaves behind"):
        before = [model.objects.count() for model in (KnowledgeBase, Document, Chunk)]
    figures, _ = run(folder)
    assert figures["unexpected"] == []
    assert (figures["files"], figures["ok"], figures["ok_password"], figures["no_text"]) == (6, 2, 1, 1)
    assert figures["embedded"] is True
    with all_tenants(reason="what the command leaves behind"):
        assert [model.objects.count() for model in (KnowledgeBase, Document, Chunk)] == before


def test_what_is_missing_is_named(tmp_path: Path, settings: object) -> None:
    settings.RUNNER = {"url": "http://127.0.0.1:9", "token": "nobody-listens-there"}  # type: ignore[attr-defined]
    expected: list[dict[str, object]] = [
        {"file": "page", "outcome": "ok", "must_include": ["Not there"], "must_not_include": ["Harbour"]},
        {"file": "gone", "outcome": "ok"},
    ]
    figures, said = run(written(tmp_path, expected, page=formats.HTML.encode()))
    assert figures["unexpected"] == ["page", "gone"]
    assert figures["embedded"] is False
    assert "missing: text “Not there”" in said
    assert "missing: text without “Harbour”" in said


def test_a_folder_without_expectations_is_ingested_all_the_same(tmp_path: Path, runner: object) -> None:
    figures, said = run(written(tmp_path, [], page=formats.HTML.encode(), cut=files.word()[:2000]))
    assert (figures["files"], figures["ok"], figures["error"], figures["unexpected"]) == (2, 1, 1, [])
    assert "Save it again" in said


def test_no_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no folder"):
        run(tmp_path / "nothing")
