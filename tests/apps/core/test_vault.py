"""Stored objects are noise without their keys; keys are wrapped, rotated, and destroyed for good."""

from __future__ import annotations

import base64
import io
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, cast
from uuid import UUID, uuid4

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from apps.core import checks, clock, vault
from apps.core.health import PartDown
from apps.core.models import ObjectKey, OrganisationKey
from apps.core.storage import ObjectStorage, S3Storage, get_storage
from apps.core.tenant import all_tenants, tenant_scope
from apps.core.types import ObjectState
from apps.core.vault import Altered, Shredded, VaultLocked, objects, tending
from apps.core.vault.master import BadMasterKey, master, raw_key
from apps.tenancy.types import Actor

SECRET = b"The treasure lies under the third palm. " * 40
Place = tuple[UUID, str]


@pytest.fixture(scope="module")
def bucket() -> Iterator[S3Storage]:
    """A store that speaks S3."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    keys = {"access_key": "test", "secret_key": "test", "region_name": "us-east-1"}
    store = S3Storage({"bucket_name": "originals", "endpoint_url": host, "max_memory_size": 1 << 24, **keys})
    store.files.connection.create_bucket(Bucket="originals")
    yield store
    server.stop()


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ObjectStorage:
    """Each of the two stores."""
    if request.param == "local":
        return get_storage()
    found: S3Storage = request.getfixturevalue("bucket")
    for module in (objects, tending):
        monkeypatch.setattr(module, "get_storage", lambda: found)
    return found


def put(actor: Actor, content: bytes = SECRET) -> Place:
    name = f"{actor.organisation_id}/test/{uuid4()}"
    assert vault.put(actor.organisation_id, name, io.BytesIO(content)).size == len(content)
    with transaction.atomic():
        vault.keep(actor.organisation_id, name)
    return actor.organisation_id, name


def stored(place: Place, store: ObjectStorage | None = None) -> bytes:
    with (store or get_storage()).open(place[1]) as file:
        return file.read()


def opened(place: Place) -> bytes:
    with vault.open_object(*place) as file:
        return file.read()


def rows(place: Place) -> list[str]:
    with tenant_scope(place[0]):
        return list(ObjectKey.objects.filter(name=place[1]).values_list("state", flat=True))


@pytest.mark.django_db
def test_what_is_stored_is_noise_and_comes_back(actor: Actor, store: ObjectStorage) -> None:
    place = put(actor)
    assert b"treasure" not in stored(place, store)
    assert opened(place) == SECRET


@pytest.mark.django_db
@pytest.mark.parametrize("size", [0, 1, 4095, 1 << 20, (1 << 20) + 1, 5 * (1 << 20) + 7])
def test_every_size_comes_back(actor: Actor, size: int) -> None:
    content = secrets.token_bytes(size)
    place = put(actor, content)
    assert opened(place) == content
    with vault.open_object(*place) as file:
        assert file.size == size
        assert file.read(1000) == content[:1000]
        file.seek(0)
        assert file.read() == content


@pytest.mark.django_db
def test_a_shredded_object_cannot_be_read_even_from_a_copy(
    actor: Actor, store: ObjectStorage, django_capture_on_commit_callbacks: Any
) -> None:
    place, other = put(actor), put(actor)
    copy = stored(place, store)
    with django_capture_on_commit_callbacks(execute=True):
        vault.delete(*place)
    assert not store.exists(place[1])
    assert rows(place) == []
    store.put(place[1], copy)  # somebody kept one
    with pytest.raises(Shredded):
        opened(place)
    assert opened(other) == SECRET


@pytest.mark.django_db
def test_deleting_is_undone_with_its_transaction(actor: Actor) -> None:
    place = put(actor)
    with transaction.atomic():
        vault.delete(*place)
        transaction.set_rollback(True)
    assert opened(place) == SECRET


@pytest.mark.django_db
def test_an_organisation_is_shredded_whole(actor: Actor, other_actor: Actor) -> None:
    place = put(actor)
    with tenant_scope(other_actor.organisation_id):
        theirs = put(other_actor)
    kept = ObjectKey.objects.get(name=place[1])
    assert vault.shred_organisation(actor.organisation_id) == 1
    ObjectKey.objects.filter(name=place[1]).delete()
    kept.save(force_insert=True)  # an object's key from a backup, without the organisation's
    ObjectKey.objects.update(created_at=kept.created_at)
    with pytest.raises(Shredded):
        opened(place)
    put(actor)  # the organisation goes on with a new key, which does not open the old
    OrganisationKey.objects.update(created_at=clock.now() + timedelta(seconds=1))
    with pytest.raises(Shredded):
        opened(place)
    assert opened(theirs) == SECRET


@pytest.mark.django_db
def test_an_object_does_not_open_in_anothers_place(actor: Actor, other_actor: Actor) -> None:
    place, other, foreign = put(actor), put(actor), put(other_actor)
    for wrong in (other, foreign):
        get_storage().put(wrong[1], stored(place))
        with pytest.raises(Altered):
            opened(wrong)


@pytest.mark.django_db
def test_neither_bytes_nor_keys_open_for_another_organisation_or_document(actor: Actor, other_actor: Actor) -> None:
    """Also where somebody moves the bytes with their wrapped key, or takes the other's whole hierarchy."""
    place, other, foreign = put(actor), put(actor), put(other_actor)
    key = bytes(ObjectKey.objects.get(name=place[1]).wrapped)
    for wrong in (other, foreign):
        get_storage().put(wrong[1], stored(place))
        with tenant_scope(wrong[0]):
            ObjectKey.objects.filter(name=wrong[1]).update(wrapped=key)
        with pytest.raises(Altered):
            opened(wrong)
    holder = bytes(OrganisationKey.objects.get().wrapped)
    with tenant_scope(foreign[0]):
        OrganisationKey.objects.update(wrapped=holder)
    with pytest.raises(VaultLocked):
        opened(foreign)
    assert opened(place) == SECRET


@pytest.mark.django_db
def test_every_altered_byte_is_noticed_before_the_first_is_given(
    actor: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    place = put(actor, b"short and sweet")
    whole = stored(place)
    for at in range(len(whole)):
        get_storage().put(place[1], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(Altered):
            vault.open_object(*place)
    for bad in (whole[:-1], whole[:-16], whole[: len(objects.MAGIC)], b"", whole + b"x", b"short and sweet"):
        get_storage().put(place[1], bad)
        with pytest.raises(Altered):
            vault.open_object(*place)
    assert place[1] in caplog.text
    long = put(actor, bytes(3 << 20))
    whole = stored(long)
    get_storage().put(long[1], whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
    with pytest.raises(Altered):
        vault.open_object(*long)


@pytest.mark.django_db
def test_the_wrapped_keys_are_nobody_elses_to_see(actor: Actor, other_actor: Actor) -> None:
    put(actor)
    with tenant_scope(other_actor.organisation_id):
        assert not ObjectKey.objects.exists()
        assert not OrganisationKey.objects.exists()


@pytest.mark.django_db
def test_a_name_is_used_once(actor: Actor) -> None:
    place = put(actor)
    with pytest.raises(ValueError, match="already"):
        vault.put(*place, io.BytesIO(b"other"))
    assert opened(place) == SECRET


# What was stored before there were keys ------------------------------------------------------------------------------


class _Held:
    """Stands for a model whose rows name these objects."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, places: list[Place]) -> None:
        monkeypatch.setattr(tending, "_plain", lambda: iter(places))


@pytest.mark.django_db
def test_plain_objects_are_read_and_then_sealed_in_their_places(
    actor: Actor, store: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = (SECRET, b"", b"short", bytes(3 << 20))
    places = [(actor.organisation_id, f"{actor.organisation_id}/test/{uuid4()}") for _ in contents]
    for place, content in zip(places, contents, strict=True):
        store.put(place[1], content)
        assert opened(place) == content
    gone = (actor.organisation_id, f"{actor.organisation_id}/test/{uuid4()}")
    _Held(monkeypatch, [*places, gone])
    assert vault.seal_plain(limit=1) == (1, 0)
    assert vault.seal_plain() == (3, 1)
    for place, content in zip(places, contents, strict=True):
        assert stored(place, store).startswith(objects.MAGIC)
        assert opened(place) == content
        assert rows(place) == [ObjectState.KEPT]
    assert rows(gone) == []
    assert vault.seal_plain() == (0, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("killed", ["before", "after"])
def test_sealing_goes_on_where_it_was_killed(actor: Actor, monkeypatch: pytest.MonkeyPatch, killed: str) -> None:
    place = (actor.organisation_id, f"{actor.organisation_id}/test/{uuid4()}")
    get_storage().put(place[1], SECRET)
    _Held(monkeypatch, [place])
    real = objects.store_sealed

    def stopped(*arguments: Any) -> Any:
        if killed == "after":
            real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(tending, "store_sealed", stopped)
    with pytest.raises(KeyboardInterrupt):
        vault.seal_plain()
    assert rows(place) == [ObjectState.SEALING]
    assert opened(place) == SECRET
    monkeypatch.setattr(tending, "store_sealed", real)
    assert vault.seal_plain() == (1, 0)
    assert rows(place) == [ObjectState.KEPT]
    assert opened(place) == SECRET


@pytest.mark.django_db
def test_a_plain_object_is_deleted_as_others_are(actor: Actor, django_capture_on_commit_callbacks: Any) -> None:
    place = (actor.organisation_id, f"{actor.organisation_id}/test/{uuid4()}")
    get_storage().put(place[1], SECRET)
    with django_capture_on_commit_callbacks(execute=True):
        vault.delete(*place)
    assert not get_storage().exists(place[1])
    assert rows(place) == []


# What killed processes leave -----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_upload_that_is_killed_leaves_nothing_for_long(
    actor: Actor, store: ObjectStorage, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while storing, and killed between storing and the row that refers to it."""

    class Killed(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise KeyboardInterrupt

    names = [f"{actor.organisation_id}/test/{uuid4()}" for _ in range(2)]
    with pytest.raises(KeyboardInterrupt):
        vault.put(actor.organisation_id, names[0], Killed())
    vault.put(actor.organisation_id, names[1], io.BytesIO(SECRET))
    kept = put(actor)
    places = [(actor.organisation_id, name) for name in names]
    with django_capture_on_commit_callbacks(execute=True):
        vault.collect_leftovers()
    assert [rows(place) for place in places] == [[ObjectState.NEW]] * 2  # they may be on their way
    later = clock.now() + tending.UNKEPT + timedelta(minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    with django_capture_on_commit_callbacks(execute=True):
        vault.collect_leftovers()
    assert [rows(place) for place in places] == [[], []]
    assert not any(store.exists(name) for name in names)
    assert opened(kept) == SECRET
    with pytest.raises(Shredded), transaction.atomic():
        vault.keep(*places[1])  # who comes too late is told, and stores no row


@pytest.mark.django_db
def test_bytes_whose_deletion_was_killed_are_collected(actor: Actor, store: ObjectStorage) -> None:
    place = put(actor)
    vault.delete(*place)  # what follows the commit never happens here
    assert store.exists(place[1])
    assert rows(place) == [ObjectState.SHREDDED]
    with pytest.raises(Shredded):
        opened(place)
    vault.collect_leftovers()
    assert not store.exists(place[1])
    assert rows(place) == []


@pytest.mark.django_db
def test_opened_files_of_killed_workers_are_collected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, busy = vault.working_folder(), vault.working_folder()
    for folder in (left, busy):
        (Path(folder.name) / "document").write_bytes(SECRET)
    os.utime(left.name, (time.time() - 2 * tending.LEFT_S,) * 2)
    vault.collect_leftovers()
    assert not Path(left.name).exists()
    assert (Path(busy.name) / "document").exists()
    for folder in (left, busy):
        folder.cleanup()


# The master key ------------------------------------------------------------------------------------------------------


def fresh_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.mark.django_db
def test_a_new_master_key_takes_over_and_the_old_one_can_go(actor: Actor, settings: Any) -> None:
    with all_tenants(reason="test"):
        OrganisationKey.objects.all().delete()  # other tests' rows, which other keys wrap
    derived = put(actor)
    old, new = fresh_key(), fresh_key()
    settings.VAULT = {"keys": [old]}
    assert opened(derived) == SECRET
    call_command("rotate_vault_keys")
    settings.SECRET_KEY = secrets.token_hex(32)  # what had derived the first key is gone
    assert opened(derived) == SECRET
    settings.VAULT = {"keys": [new]}
    with pytest.raises(CommandError, match="1 organisations"):
        call_command("rotate_vault_keys")  # the old one was taken out too early: said, and nothing is lost
    settings.VAULT = {"keys": [new, old]}
    call_command("rotate_vault_keys")
    settings.VAULT = {"keys": [new]}
    assert opened(derived) == SECRET
    settings.VAULT = {"keys": [old]}
    with pytest.raises(VaultLocked):
        opened(derived)


@pytest.mark.django_db
def test_a_missing_or_wrong_master_key_is_said_and_loses_nothing(
    actor: Actor, settings: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAULT = {"keys": [fresh_key()]}
    place, right = put(actor), settings.VAULT
    url = vault.object_url(*place, "a.txt")
    settings.PRODUCTION = True
    for wrong in ([], [fresh_key()], ["c2hvcnQ="], ["not Base64!"]):
        settings.VAULT = {"keys": wrong}
        with pytest.raises(VaultLocked):
            opened(place)
        with pytest.raises(VaultLocked):
            put(actor)
        with pytest.raises(PartDown):
            checks.vault()
        answer = client.get("/" + url.split("/", 3)[3])
        assert answer.status_code == 503
        assert b"Nothing is lost" in answer.content
    settings.VAULT = right
    checks.vault()
    assert opened(place) == SECRET
    assert ObjectKey.objects.count() == 1


@pytest.mark.parametrize(
    ("keys", "problems"),
    [([], ["sahara.E001"]), ([fresh_key()], []), ([fresh_key(), "A" * 43], ["sahara.E002"])],
)
def test_production_is_not_deployed_without_a_good_master_key(
    settings: Any, keys: list[str], problems: list[str]
) -> None:
    settings.VAULT = {"keys": keys}
    found = [one.id for one in run_checks(include_deployment_checks=True) if str(one.id).startswith("sahara.")]
    assert found == problems


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda key: base64.b64encode(key).decode()))
@hypothesis_settings(max_examples=60)
def test_a_bad_master_key_is_named_and_never_used(text: str) -> None:
    try:
        key = raw_key(text)
    except BadMasterKey:
        return
    assert len(key) == 32
    assert len(set(key)) >= 16


def test_the_master_key_is_made_once_and_read_in_either_alphabet() -> None:
    assert master() is master()
    raw = bytes(range(224, 256))
    assert raw_key(base64.b64encode(raw).decode()) == raw_key(base64.urlsafe_b64encode(raw).decode().rstrip("=")) == raw


# Many and large ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_workers_that_start_together_share_one_key(actor: Actor) -> None:
    places: list[Place] = []
    problems: list[BaseException] = []
    start = threading.Barrier(6)

    def work() -> None:
        try:
            start.wait()
            places.extend(put(actor) for _ in range(3))
        except BaseException as error:
            problems.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert [opened(place) == SECRET for place in places] == [True] * 18
    assert OrganisationKey.objects.count() == 1


class Endless(io.RawIOBase):
    """So many bytes that are nowhere kept."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1) -> bytes:
        part = bytes(min(size, self.left))
        self.left -= len(part)
        return part


def grown(work: Callable[[], object]) -> int:
    """By how many bytes the process's memory peaks above what it had before."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    work()
    return _memory("VmHWM") - before


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


@pytest.mark.django_db
def test_a_large_file_takes_no_memory_of_its_size(actor: Actor, client: Client) -> None:
    size = 100 << 20
    opened(put(actor))  # what is loaded and allocated once
    name = f"{actor.organisation_id}/test/{uuid4()}"
    storing = grown(lambda: vault.put(actor.organisation_id, name, cast("IO[bytes]", Endless(size))))
    read = 0

    def download() -> None:
        nonlocal read
        url = vault.object_url(actor.organisation_id, name, "large.bin")
        answer: Any = client.get("/" + url.split("/", 3)[3])
        assert answer["Content-Length"] == str(size)
        for part in answer.streaming_content:
            read += len(part)

    loading = grown(download)
    assert read == size
    assert storing < size / 2, f"{storing / 2**20:.1f} MB"
    assert loading < size / 4, f"{loading / 2**20:.1f} MB"
