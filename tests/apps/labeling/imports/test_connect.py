"""Addresses and buckets are read through the one safe client: nothing private is reached, nothing endless is taken."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer
from PIL import Image

from apps.core import fetching
from apps.core.buckets import S3Place
from apps.core.errors import InvalidInput
from apps.core.fetching import FetchFailed, fetch
from apps.labeling import services
from apps.labeling.import_models import Import, ImportedItem
from apps.labeling.imports.connect import S3Source
from apps.labeling.imports.reading import Place
from apps.labeling.selectors import imports as selectors
from apps.labeling.services import import_run
from tests.apps.labeling.imports.conftest import RIGHTS

KEYS = {"access_key": "testing", "secret_key": "testing", "region": "us-east-1"}


def png(colour: str = "red") -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (12, 8), colour).save(target, "PNG")
    return target.getvalue()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = self.path.strip("/").split("?")[0]
        if name == "away":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
            self.end_headers()
            return
        bodies = {"red.png": png(), "note.txt": "Grüße an a@example.org".encode(), "page.html": b"<html>no</html>"}
        self.send_response(200 if name in bodies or name == "large" else 404)
        self.end_headers()
        self.wfile.write(b"x" * 3_000_000 if name == "large" else bodies.get(name, b""))

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    client.create_bucket(Bucket="data")
    for key, body in (
        ("set/a b+ü.png", png("blue")),
        ("set/rows.csv", b"id,text\n1,first\n2,\n3,third\n"),
        ("set/broken.jpg", b"\xff\xd8\xffnot really"),
        ("other/red.png", png()),
    ):
        client.put_object(Bucket="data", Key=key, Body=body)
    yield {"bucket": "data", "prefix": "set/", "endpoint": endpoint, **KEYS}
    client.close()
    server.stop()


@pytest.fixture
def with_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers may reach this machine, where the test's servers are."""

    @contextmanager
    def opened() -> Iterator[requests.Session]:
        with fetching.session(allow_loopback=True) as session:
            yield session

    monkeypatch.setattr(import_run, "session", opened)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "http://localhost/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[fec0::1]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org/",
        "http://",
        "not an address",
        "http://exa\nmple.org/",
    ],
)
def test_private_hosts_and_other_protocols_are_never_reached(url):
    with fetching.session() as opened, pytest.raises(FetchFailed):
        fetch(opened, url, io.BytesIO(), max_bytes=1_000)


def test_a_redirect_into_a_private_network_is_refused(site):
    with fetching.session(allow_loopback=True) as opened, pytest.raises(FetchFailed, match="private network"):
        fetch(opened, f"{site}/away", io.BytesIO(), max_bytes=1_000)


def test_what_is_too_large_or_missing_is_said(site):
    with fetching.session(allow_loopback=True) as opened:
        with pytest.raises(FetchFailed, match="larger than 1 MB"):
            fetch(opened, f"{site}/large", io.BytesIO(), max_bytes=1_000_000)
        with pytest.raises(FetchFailed, match="404"):
            fetch(opened, f"{site}/none", io.BytesIO(), max_bytes=1_000)


@pytest.mark.django_db
def test_a_list_of_addresses_brings_images_and_texts_each_with_its_source(actor, site, with_loopback):
    urls = [f"{site}/red.png", f"{site}/note.txt", f"{site}/none.png", f"{site}/page.html", "http://10.0.0.1/x.png"]
    batch = services.create_import(actor=actor, urls=urls, **RIGHTS)
    services.run_import(batch.id)
    batch.refresh_from_db()
    first, second = ImportedItem.objects.filter(batch=batch).order_by("ordinal")
    assert (first.data["image"]["width"], first.source) == (12, urls[0])
    assert second.data == {"text": "Grüße an [EMAIL 1]"}
    assert [bad.row for bad in selectors.quarantine(batch)] == [3, 4, 5]


@pytest.mark.django_db
def test_a_bucket_brings_its_tables_and_files_and_its_keys_are_forgotten(actor, bucket, with_loopback):
    batch = services.create_import(actor=actor, s3=bucket, **RIGHTS)
    assert "testing" not in batch.secret
    services.run_import(batch.id)
    batch.refresh_from_db()
    assert (batch.state, batch.item_count, batch.secret) == ("ready", 3, "")
    found = list(ImportedItem.objects.filter(batch=batch).order_by("ordinal").values_list("file", "row"))
    assert found == [("set/a b+ü.png", 1), ("set/rows.csv", 2), ("set/rows.csv", 4)]
    bad = set(selectors.quarantine(batch).values_list("file", "row"))
    assert bad == {("set/broken.jpg", 1), ("set/rows.csv", 3)}


def test_reading_a_bucket_goes_on_behind_any_place(bucket):
    with fetching.session(allow_loopback=True) as opened:
        source = S3Source(S3Place(**bucket), opened)
        whole = [(one.member, one.index, one.file) for one in source.records(Place())]
        for count, (member, index, _) in enumerate(whole, start=1):
            rest = [(one.member, one.index, one.file) for one in source.records(Place(member, index))]
            assert rest == whole[count:]


@pytest.mark.django_db
def test_a_bucket_on_a_private_host_or_that_cannot_be_read_fails_with_what_to_do(actor, bucket):
    batch = services.create_import(actor=actor, s3=bucket, **RIGHTS)
    services.run_import(batch.id)
    batch.refresh_from_db()
    assert batch.state == "failed"
    assert "private network" in batch.problem


@pytest.mark.django_db
@pytest.mark.parametrize(
    "place", [{"bucket": ""}, {"bucket": "b", "access_key": "a"}, {"bucket": "b", "endpoint": "x"}]
)
def test_a_bucket_that_is_not_said_whole_is_refused(actor, place):
    with pytest.raises(InvalidInput):
        services.create_import(actor=actor, s3=place, **RIGHTS)
    assert not Import.objects.exists()
