"""Sources bring what is new, renew what has changed, drop what is gone, and never reach into private networks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from apps.core import clock, outbox
from apps.core.errors import Conflict, InvalidInput, NotFound
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors, services
from apps.knowledge.connectors import web
from apps.knowledge.models import Document, Source
from apps.knowledge.services import taking
from apps.knowledge.types import DocumentState, KnowledgeBaseInfo, SourceInfo, SourceKind, SourceState, SyncSchedule
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db


class Site:
    """A web site on this machine; `pages` can be changed, `asked` notes each request."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.asked: list[tuple[str, int]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = site.pages.get(self.path)
                etag = f'"{hash(body)}"'
                status = 404 if body is None else 304 if self.headers.get("If-None-Match") == etag else 200
                status = 302 if self.path in site.redirects else status
                site.asked.append((self.path, status))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", site.redirects[self.path])
                self.send_header("ETag", etag)
                self.send_header("Content-Length", str(len(body or b"") if status == 200 else 0))
                self.end_headers()
                if status == 200:
                    self.wfile.write(body or b"")

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def page(self, path: str, words: str, extra: str = "") -> None:
        """Put a page there."""
        self.pages[path] = f"<html><!-- {extra} --><body><p>{words}</p></body></html>".encode()

    def sitemap(self, *paths: str) -> None:
        """Put a sitemap there."""
        places = "".join(f"<url><loc>{self.url}{path}</loc></url>" for path in paths)
        self.pages["/sitemap.xml"] = f'<?xml version="1.0"?><urlset>{places}</urlset>'.encode()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(taking, "ALLOW_LOOPBACK", True)
    monkeypatch.setattr(web, "_PAUSE_S", 0.0)
    made = Site()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def base(actor: Actor) -> KnowledgeBaseInfo:
    return services.create_knowledge_base(actor=actor, name="Site")


@pytest.fixture
def bucket() -> Iterator[dict[str, Any]]:
    """A bucket with two documents under `set/` and one elsewhere."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    place = {"bucket": "papers", "endpoint": f"http://{host}:{port}", "region": "us-east-1"}
    keys = {"access_key": "testing", "secret_key": "testing"}
    client = boto3.client(
        "s3",
        endpoint_url=place["endpoint"],
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    client.create_bucket(Bucket="papers")
    for key, body in (("set/one.md", b"First object."), ("set/two ü.txt", b"Second object."), ("x.txt", b"Other.")):
        client.put_object(Bucket="papers", Key=key, Body=body)
    yield {**place, **keys, "prefix": "set/"}
    client.close()
    server.stop()


def synced(actor: Actor, source: SourceInfo, *, again: bool = False) -> SourceInfo:
    if again:
        services.sync_now(actor=actor, source_id=source.id)
    outbox.drain()
    return selectors.source_in(actor, source.knowledge_base_id, source.id)


def texts(actor: Actor, base: KnowledgeBaseInfo) -> dict[str, str]:
    ready = Document.objects.filter(knowledge_base_id=base.id, state=DocumentState.READY)
    return {row.external_id.rpartition("/")[2]: selectors.document_text(actor, row.id) for row in ready}


def test_a_sitemap_is_followed_and_what_is_new_changed_and_gone_is_told_apart(
    actor: Actor, base: KnowledgeBaseInfo, site: Site, runner: object
) -> None:
    for name in ("a", "b", "c"):
        site.page(f"/{name}", f"Page {name} speaks.")
    site.sitemap("/a", "/b", "/c", "/c")
    added = services.add_pages(
        actor=actor, knowledge_base_id=base.id, addresses=[f"{site.url}/sitemap.xml"], kind=SourceKind.SITEMAP
    )
    first = synced(actor, added)
    assert (first.state, first.result["new"], first.total) == (SourceState.SYNCED, 3, 3)
    kept = {row.external_id[-2:]: row.id for row in Document.objects.filter(source_id=added.id)}
    site.page("/b", "Page b speaks anew.")
    site.page("/a", "Page a speaks.", extra="only people who read the source see this")
    site.sitemap("/a", "/b")
    site.asked.clear()
    second = synced(actor, added, again=True)
    assert second.result == {"new": 0, "changed": 2, "unchanged": 0, "removed": 1, "failed": 0}
    assert texts(actor, base) == {"a": "Page a speaks.", "b": "Page b speaks anew."}
    assert Document.objects.get(external_id=f"{site.url}/a").id == kept["/a"]
    site.asked.clear()
    third = synced(actor, added, again=True)
    assert third.result["unchanged"] == 2
    assert [status for path, status in site.asked if path in ("/a", "/b")] == [304, 304]


def test_what_cannot_be_taken_is_listed_with_its_cause_and_the_rest_is_taken(
    actor: Actor, base: KnowledgeBaseInfo, site: Site, runner: object
) -> None:
    site.page("/good", "Good words.")
    site.page("/private/x", "Not for machines.")
    site.pages["/robots.txt"] = b"User-agent: *\nDisallow: /private/\n"
    site.redirects["/away"] = "http://169.254.169.254/latest/meta-data/"
    paths = ("/good", "/none", "/private/x", "/away")
    added = services.add_pages(
        actor=actor, knowledge_base_id=base.id, addresses=[f"{site.url}{path}" for path in paths]
    )
    found = synced(actor, added)
    causes = {one.address.removeprefix(site.url): one.cause for one in found.failures}
    assert set(causes) == {"/none", "/private/x", "/away"}
    assert "404" in causes["/none"]
    assert "robots.txt" in causes["/private/x"]
    assert "private network" in causes["/away"]
    assert texts(actor, base) == {"good": "Good words."}
    site.page("/none", "Now it is there.")
    assert synced(actor, added, again=True).result["new"] == 1


def test_a_page_that_fails_later_keeps_its_last_text(
    actor: Actor, base: KnowledgeBaseInfo, site: Site, runner: object
) -> None:
    site.page("/a", "First words.")
    added = services.add_pages(actor=actor, knowledge_base_id=base.id, addresses=[f"{site.url}/a"])
    synced(actor, added)
    site.pages["/a"] = b"%PDF-1.4 broken"
    synced(actor, added, again=True)
    assert texts(actor, base) == {"a": "First words."}
    assert Document.objects.filter(source_id=added.id, state=DocumentState.FAILED).count() == 1
    del site.pages["/a"]
    assert synced(actor, added, again=True).result["failed"] == 1
    assert texts(actor, base) == {"a": "First words."}


def test_a_sitemap_that_is_none_fails_with_its_cause(actor: Actor, base: KnowledgeBaseInfo, site: Site) -> None:
    site.page("/sitemap.xml", "Hello.")
    added = services.add_pages(
        actor=actor, knowledge_base_id=base.id, addresses=[f"{site.url}/sitemap.xml"], kind=SourceKind.SITEMAP
    )
    found = synced(actor, added)
    assert found.state is SourceState.FAILED
    assert "sitemap" in found.cause


def test_inward_addresses_are_refused(actor: Actor, base: KnowledgeBaseInfo) -> None:
    addresses = ["http://127.0.0.1:9/", "http://10.0.0.1/", "http://[::1]/"]
    found = synced(actor, services.add_pages(actor=actor, knowledge_base_id=base.id, addresses=addresses))
    assert len(found.failures) == 3
    assert all("private network" in one.cause for one in found.failures)
    with pytest.raises(InvalidInput):
        services.add_pages(actor=actor, knowledge_base_id=base.id, addresses=["file:///etc/passwd"])


def test_a_bucket_brings_its_objects_and_its_keys_stay_sealed(
    actor: Actor, base: KnowledgeBaseInfo, bucket: dict[str, Any], monkeypatch: pytest.MonkeyPatch, runner: object
) -> None:
    monkeypatch.setattr(taking, "ALLOW_LOOPBACK", True)
    added = services.add_bucket(actor=actor, knowledge_base_id=base.id, **bucket)
    assert "testing" not in Source.objects.get(id=added.id).secret
    assert synced(actor, added).result["new"] == 2
    assert texts(actor, base) == {"one.md": "First object.", "two ü.txt": "Second object."}
    assert synced(actor, added, again=True).result["unchanged"] == 2


def test_a_due_source_is_queued_once_and_a_busy_one_is_not_synced_again(
    actor: Actor, base: KnowledgeBaseInfo, site: Site, runner: object
) -> None:
    site.page("/a", "Words.")
    added = services.add_pages(
        actor=actor, knowledge_base_id=base.id, addresses=[f"{site.url}/a"], schedule=SyncSchedule.HOURLY
    )
    with pytest.raises(Conflict):
        services.sync_now(actor=actor, source_id=added.id)
    synced(actor, added)
    Source.objects.filter(id=added.id).update(next_sync_at=clock.now() - timedelta(minutes=1))
    services.queue_due_sources()
    row = Source.objects.get(id=added.id)
    assert (row.run, row.state) == (2, SourceState.QUEUED)
    assert row.next_sync_at is not None
    assert row.next_sync_at > clock.now()


def test_another_organisations_source_is_not_found(
    actor: Actor, other_actor: Actor, base: KnowledgeBaseInfo, site: Site
) -> None:
    added = services.add_pages(actor=actor, knowledge_base_id=base.id, addresses=[f"{site.url}/a"])
    with tenant_scope(other_actor.organisation_id):
        for use in (services.sync_now, services.remove_source):
            with pytest.raises(NotFound):
                use(actor=other_actor, source_id=added.id)


def test_sources_are_added_and_removed_by_forms_and_api(
    actor: Actor, base: KnowledgeBaseInfo, site: Site, client_for: Any, api_for: Any, runner: object
) -> None:
    client, api = client_for(actor), api_for(actor)
    site.page("/a", "Words.")
    page = f"/knowledge/{base.id}/sources/"
    assert "These pages" in client.get(f"{page}?add").content.decode()
    assert client.post(page, {"kind": "pages", "addresses": "nothing"}).status_code == 422
    assert client.post(page, {"kind": "pages", "addresses": f"{site.url}/a"}).status_code == 302
    outbox.drain()
    shown = client.get(f"/knowledge/{base.id}/").content.decode()
    assert "1 new, 0 changed" in shown
    listed = api.get(f"/api/v1/knowledge-bases/{base.id}/sources/").json()["results"]
    place = f"/api/v1/knowledge-bases/{base.id}/sources/{listed[0]['id']}/"
    assert api.patch(place, {"schedule": "daily"}, format="json").json()["schedule"] == "daily"
    assert api.post(f"{place}sync/", HTTP_IDEMPOTENCY_KEY="k1").json()["state"] == "queued"
    assert api.delete(place, HTTP_IDEMPOTENCY_KEY="k2").status_code == 204
    assert not Document.objects.filter(knowledge_base_id=base.id).exists()
