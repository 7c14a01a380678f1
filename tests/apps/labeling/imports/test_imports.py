"""Imports are read whole, resumed, cancelled and corrected; bad rows are named and left out."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from apps.core import outbox
from apps.core.errors import Conflict, DomainError, InvalidInput, NotPermitted
from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.import_models import Import, ImportedItem, QuarantinedRow
from apps.labeling.import_types import ImportState
from apps.labeling.selectors import imports as selectors
from apps.labeling.services import import_run
from apps.labeling.services.import_store import store_chunk
from apps.tenancy.models import AuditEntry
from apps.tenancy.types import Role
from tests.apps.labeling.imports.conftest import RIGHTS

pytestmark = pytest.mark.django_db


def items(batch: Import) -> list[dict[str, Any]]:
    return list(ImportedItem.objects.filter(batch=batch).order_by("ordinal").values_list("data", flat=True))


def bad(batch: Import) -> list[tuple[int, str, str]]:
    return [(one.row, one.field, one.reason) for one in selectors.quarantine(batch)]


def table(count: int) -> bytes:
    return b"id,text\n" + b"".join(f"n{n},text {n}\n".encode() for n in range(count))


@pytest.mark.parametrize(
    ("field", "value"), [("licence", ""), ("licence", "do what you like"), ("source", " "), ("consent_text", "")]
)
def test_an_import_without_licence_source_or_consent_is_refused_with_the_reason(start, field, value):
    with pytest.raises(InvalidInput) as caught:
        start(b"text\nhello\n", **{field: value})
    assert caught.value.code == "unlicensed_import"
    assert [problem["field"] for problem in caught.value.errors] == [field]
    assert not Import.objects.exists()


def test_silence_about_consent_is_refused_and_an_own_licence_needs_its_words(start):
    with pytest.raises(InvalidInput, match="yes or no"):
        start(b"text\nhello\n", consent=None)
    with pytest.raises(InvalidInput) as caught:
        start(b"text\nhello\n", licence="own")
    assert caught.value.errors[0]["field"] == "licence_text"
    assert start(b"text\nhello\n", licence="own", licence_text="We wrote them.").licence == "own"


def test_masking_can_only_be_left_off_where_people_agreed(start):
    with pytest.raises(InvalidInput) as caught:
        start(b"text\nhello\n", masking=False, consent=False, consent_text="Public statements.")
    assert caught.value.errors[0]["field"] == "masking"


def test_good_rows_are_kept_with_their_rights_and_the_upload_is_forgotten(imported):
    rows = b"id,text,label,licence,source,consent\na,hello,ham,,,\nb,bye,spam,MIT,forum,by mail\n"
    batch = imported(rows, "my items.csv")
    assert (batch.state, batch.item_count, batch.quarantined, batch.permille) == ("ready", 2, 0, 1000)
    assert batch.columns == {"text": "text"}
    first, second = ImportedItem.objects.filter(batch=batch).order_by("ordinal")
    assert (first.data, first.known, first.row) == ({"text": "hello"}, {"label": "ham"}, 2)
    assert (first.licence, first.source, first.consent) == ("CC-BY-4.0", "Our shop's reviews", "")
    assert (second.licence, second.source, second.consent) == ("MIT", "forum", "by mail")
    assert "key" not in batch.sources[0]


def test_bad_rows_are_quarantined_by_row_and_field_and_good_ones_go_on(imported):
    rows = b"id,text\na,fine\na,again\nb,\nc,too,many\nd,caf\xe9 \xc3\xa9\xc3\xa9\ne,nul \x00\nf,last\n"
    batch = imported(rows)
    assert batch.state == "ready"
    assert [one["text"] for one in items(batch)] == ["fine", "last"]
    found = bad(batch)
    assert [(row, field) for row, field, _ in found] == [(3, "id"), (4, "text"), (5, ""), (6, "text"), (7, "text")]
    reasons = " ".join(reason for _, _, reason in found)
    for part in ("already used in row 2", "empty", "3 fields", "0xe9", "NUL"):
        assert part in reasons


def test_whatever_a_text_holds_is_stored_as_it_is(imported):
    texts = [
        'a "quoted" word',
        "back\\slash \\\\ and {braces}, (commas)",
        "NULL",
        "",
        "tab\tand \u2028",
        "\U0001f600 \\u0041",
    ]
    lines = [{"id": f'{n}\\"', "text": text, "more": "x"} for n, text in enumerate(texts)]
    batch = imported("\n".join(json.dumps(line) for line in lines).encode(), 'a "file" \\.jsonl')
    assert [one["text"] for one in items(batch)] == texts
    stored = ImportedItem.objects.filter(batch=batch).order_by("ordinal").values_list("external_id", "file", "ordinal")
    assert list(stored) == [(line["id"], batch.sources[0]["name"], n) for n, line in enumerate(lines)]


def test_an_unlicensed_row_is_left_out_where_rows_bring_their_own_licences(imported):
    batch = imported(b"text,licence\none,MIT\ntwo,\nthree,whatever\n", licence="by-row")
    assert batch.item_count == 1
    assert [(row, field) for row, field, _ in bad(batch)] == [(3, "licence"), (4, "licence")]


def test_a_strict_import_keeps_nothing_where_any_row_is_bad(imported):
    batch = imported(b'text\none\n "x"y\n\x00\n', strict=True)
    assert (batch.state, batch.item_count) == ("failed", 0)
    assert items(batch) == []
    assert "nothing was imported" in batch.problem
    assert selectors.quarantine(batch).count() == batch.quarantined > 0


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"\x1f\x8bxxxx", "gzip"),
        (b"PAR1 not really", "Parquet"),
        (b"PK\x03\x04 not really", "zip"),
        (b"text\n", "no rows"),
        (b"text,text\na,b\n", "more than once"),
        (b'[{"text": "a"}]', "JSON array"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_what_to_do(imported, content, part):
    batch = imported(content, "data.csv")
    assert batch.state == "failed"
    assert part in batch.problem


def test_jsonl_with_dialogues_candidates_and_numbers(imported):
    lines = [
        {"id": 7, "text": "😀 hi", "score": 3.5},
        {"id": "8", "dialogue": [{"role": "user", "content": "Hello"}]},
        {"id": "9", "answers_": [{"key": "a", "text": "x"}, {"key": "b", "text": "y"}]},
        {"id": "10", "text": {"no": 1}},
    ]
    batch = imported("\n".join(json.dumps(line) for line in lines).encode(), "x.bin")
    assert batch.columns == {"text": "text", "score": "text", "dialogue": "dialogue", "answers_": "candidates"}
    assert items(batch)[0] == {"text": "😀 hi", "score": "3.5"}
    assert bad(batch)[0][:2] == (4, "text")


def test_parquet_is_read_by_its_content(imported):
    import pyarrow
    import pyarrow.parquet

    target = io.BytesIO()
    rows = pyarrow.table({"id": [str(n) for n in range(2500)], "text": [f"t {n}" for n in range(2500)]})
    pyarrow.parquet.write_table(rows, target, row_group_size=500)
    batch = imported(target.getvalue(), "misnamed.csv")
    assert (batch.state, batch.item_count) == ("ready", 2500)
    assert items(batch)[-1] == {"text": "t 2499"}


def test_utf_16_and_windows_1252_are_read(imported):
    assert items(imported("text\nGrüße\n".encode("utf-16")))[0] == {"text": "Grüße"}
    assert items(imported("text\nGrüße\n".encode("cp1252")))[0] == {"text": "Grüße"}


def test_a_killed_worker_leaves_what_the_next_one_goes_on_from(start, monkeypatch):
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 10)
    batch = start(table(95))
    real, calls = store_chunk, []

    def dies_at_the_fourth(*args: Any, **kwargs: Any) -> None:
        calls.append(1)
        real(*args, **kwargs)
        if len(calls) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(import_run, "store_chunk", dies_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        services.run_import(batch.id)
    batch.refresh_from_db()
    assert (batch.state, batch.item_count, batch.at_index) == ("running", 30, 30)
    assert 0 < batch.permille < 1000
    monkeypatch.setattr(import_run, "store_chunk", real)
    services.run_import(batch.id)
    services.run_import(batch.id)
    batch.refresh_from_db()
    assert (batch.state, batch.item_count) == ("ready", 95)
    assert [one["text"] for one in items(batch)] == [f"text {n}" for n in range(95)]


def test_two_workers_at_once_store_each_row_once(start, monkeypatch):
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 10)
    batch = start(table(40))
    nested: list[int] = []

    class Overtaken(import_run._Run):
        def _store(self, chunk: Any, last: Any, *, corrects: bool) -> None:
            if not nested:
                nested.append(1)
                services.run_import(batch.id)
            super()._store(chunk, last, corrects=corrects)

    monkeypatch.setattr(import_run, "_Run", Overtaken)
    services.run_import(batch.id)
    batch.refresh_from_db()
    assert (batch.state, batch.item_count) == ("ready", 40)


def test_cancelling_stops_a_running_import_and_keeps_nothing_and_it_can_be_retried(actor, start, monkeypatch):
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 10)
    batch = start(table(50))
    real = store_chunk

    def then_cancel(current: Import, *args: Any, **kwargs: Any) -> None:
        real(current, *args, **kwargs)
        if current.item_count == 20:
            monkeypatch.setattr(import_run, "store_chunk", real)
            monkeypatch.setattr(import_run._Run, "_measure", as_if_found_cancelled)

    def as_if_found_cancelled(*_: Any) -> None:
        raise import_run._Stopped

    monkeypatch.setattr(import_run, "store_chunk", then_cancel)
    services.run_import(batch.id)
    monkeypatch.undo()
    services.cancel_import(actor=actor, import_id=batch.id)
    services.run_import(batch.id)
    batch.refresh_from_db()
    assert (batch.state, batch.item_count, items(batch)) == ("cancelled", 0, [])
    services.retry_import(actor=actor, import_id=batch.id)
    outbox.drain()
    batch.refresh_from_db()
    assert (batch.state, batch.item_count) == ("ready", 50)
    with pytest.raises(Conflict):
        services.cancel_import(actor=actor, import_id=batch.id)


def test_the_quarantine_can_be_downloaded_corrected_and_imported_again(actor, imported):
    batch = imported(b"id,text\na,fine\nb,\nc,x\x00y\n")
    assert (batch.item_count, batch.quarantined) == (1, 2)
    listed = "".join(selectors.quarantine_csv(batch))
    assert listed.splitlines()[0] == "_file,_row,_field,_reason,_what_to_do,id,text"
    corrected = listed.replace(",b,", ",b,now with text").encode()
    services.correct_import(actor=actor, import_id=batch.id, file=io.BytesIO(corrected), filename="bad.csv")
    outbox.drain()
    batch.refresh_from_db()
    assert (batch.state, batch.item_count, batch.quarantined) == ("ready", 3, 0)
    assert [one["text"] for one in items(batch)] == ["fine", "now with text", "x�y"]
    assert list(ImportedItem.objects.filter(batch=batch).order_by("ordinal").values_list("row", flat=True)) == [2, 3, 4]


def test_a_correction_that_fails_leaves_the_items_as_they_were(actor, imported):
    batch = imported(b"text\nfine\n")
    services.correct_import(actor=actor, import_id=batch.id, file=io.BytesIO(b"PK\x03\x04"), filename="bad.zip")
    outbox.drain()
    batch.refresh_from_db()
    assert (batch.state, batch.item_count) == ("ready", 1)
    assert "zip" in batch.problem


def test_an_import_can_be_removed_with_all_it_holds(actor, imported):
    batch = imported(b"text\nfine\n\x00\n")
    services.remove_import(actor=actor, import_id=batch.id)
    assert not Import.objects.exists()
    assert not ImportedItem.objects.exists()
    assert not QuarantinedRow.objects.exists()


def test_a_file_of_endless_bad_rows_is_given_up_and_one_of_endless_good_ones_too(imported, monkeypatch):
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 10)
    monkeypatch.setattr(import_run, "MAX_IMPORT_ITEMS", 30)
    batch = imported(b"id,text\n" + b"x\n" * 500)
    assert (batch.state, batch.item_count, 30 < batch.quarantined <= 40) == ("failed", 0, True)
    assert "rows cannot be used" in batch.problem
    batch = imported(table(100))
    assert (batch.state, batch.item_count, items(batch)) == ("failed", 0, [])
    assert "Split the file" in batch.problem


def test_a_lost_upload_fails_with_what_to_do(start):
    batch = start(b"text\nfine\n")
    get_storage().delete(batch.sources[0]["key"])
    outbox.drain()
    batch.refresh_from_db()
    assert batch.state == ImportState.FAILED
    assert "Start the import anew" in batch.problem


def test_personal_data_is_masked_and_shown_to_an_owner_only(actor, make_actor, imported):
    text = "Mail anna.schmidt@example.org, then anna.schmidt@example.org again, or call +49 30 901820."
    batch = imported(f'text\n"{text}"\n'.encode())
    item = ImportedItem.objects.get(batch=batch)
    assert item.data == {"text": "Mail [EMAIL 1], then [EMAIL 1] again, or call [PHONE 1]."}
    assert "schmidt" not in item.originals
    assert batch.masked_count == 1
    admin = make_actor(role=Role.ADMIN, organisation_id=actor.organisation_id)
    with pytest.raises(NotPermitted):
        services.unmask_item(actor=admin, item_id=item.id)
    assert services.unmask_item(actor=actor, item_id=item.id) == {"text": text}
    assert AuditEntry.objects.filter(action="item.unmasked", target_id=str(item.id)).count() == 1


def test_what_was_sealed_for_one_organisation_is_no_use_to_another(actor, other_actor, imported):
    batch = imported(b"text\nwrite to a@example.org\n")
    item = ImportedItem.objects.get(batch=batch)
    with tenant_scope(other_actor.organisation_id), pytest.raises(DomainError):
        services.unmask_item(actor=other_actor, item_id=item.id)
    from apps.core.sealing import Unsealable, unseal
    from apps.labeling.services.import_store import ORIGINALS_PURPOSE

    with pytest.raises(Unsealable):
        unseal(other_actor.organisation_id, ORIGINALS_PURPOSE, item.originals)


def test_masking_may_be_left_off_with_consent(imported):
    batch = imported(b"text\nwrite to a@example.org\n", masking=False)
    assert items(batch) == [{"text": "write to a@example.org"}]


def test_only_one_source_is_taken(actor):
    with pytest.raises(InvalidInput, match="Give one of"):
        services.create_import(actor=actor, **RIGHTS)
    with pytest.raises(InvalidInput, match="Give one of"):
        services.create_import(actor=actor, urls=["https://a.example"], s3={"bucket": "b"}, **RIGHTS)
