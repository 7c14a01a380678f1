"""Web pages and sitemaps: politely, within limits, as far as the site's robots.txt allows."""

from __future__ import annotations

import gzip
import io
import time
import zlib
from collections.abc import Iterator, Sequence
from typing import IO
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser
from xml.etree.ElementTree import Element

import requests

from apps.core.errors import InvalidInput
from apps.core.fetching import FetchFailed, fetch
from apps.knowledge.connectors.places import MAX_ENTRIES, NOT_MODIFIED, Entry
from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.archive import local, xml
from apps.knowledge.parsing.encoding import decode
from apps.knowledge.types import MAX_DOCUMENT_BYTES

AGENT = "sahara-import"
_ROBOTS_BYTES = 512 * 1024
_SITEMAP_BYTES = 50 * 1024 * 1024
_MAX_SITEMAPS = 50
_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_TRIES = 3


class WebPlace:
    """Pages by their addresses, or all pages that a sitemap lists on its own host.

    Args:
        addresses: of the pages, or of the one sitemap.
        is_sitemap: whether the address is a sitemap's.
    """

    def __init__(self, opened: requests.Session, addresses: Sequence[str], *, is_sitemap: bool) -> None:
        self.opened, self.addresses, self.is_sitemap = opened, addresses, is_sitemap
        self._rules: dict[str, RobotFileParser] = {}
        self._asked: dict[str, float] = {}

    def entries(self) -> Iterator[Entry]:
        """The pages, each once."""
        found = self._listed(self.addresses[0]) if self.is_sitemap else iter(self.addresses)
        for count, address in enumerate(dict.fromkeys(found), start=1):
            if count > MAX_ENTRIES:
                raise InvalidInput("too_many_pages", f"The sitemap lists more than {MAX_ENTRIES:,} pages.")
            yield Entry(address, _name(address))

    def fetch(self, entry: Entry, known: str, target: IO[bytes]) -> str | None:
        """The page's bytes, or None where it has not changed."""
        if not self._robots(entry.address).can_fetch(AGENT, entry.address):
            raise FetchFailed("The site's robots.txt does not allow it.")
        name = "If-None-Match" if known.startswith(('"', "W/")) else "If-Modified-Since"
        headers = {name: known} if known else {}
        for attempt in range(1, _TRIES + 1):
            self._pause(entry.address)
            target.seek(0)
            target.truncate()
            try:
                answer = fetch(
                    self.opened,
                    entry.address,
                    target,
                    max_bytes=MAX_DOCUMENT_BYTES,
                    headers=headers,
                    accepted=(requests.codes.ok, NOT_MODIFIED) if known else (requests.codes.ok,),
                )
            except FetchFailed as error:
                if not error.is_passing or attempt == _TRIES:
                    raise
            else:
                return None if answer.status == NOT_MODIFIED else answer.etag
        raise AssertionError("the last try returns or raises")

    def _listed(self, sitemap: str) -> Iterator[str]:
        host = urlsplit(sitemap).hostname
        waiting, seen = [sitemap], {sitemap}
        while waiting:
            root = self._sitemap(waiting.pop(0))
            is_index = local(root.tag) == "sitemapindex"
            places = [(e.text or "").strip() for e in root.iter() if local(e.tag) == "loc"]
            # A sitemap may speak for its own site only; anything else could send us anywhere.
            own = [place for place in places if urlsplit(place).hostname == host]
            if not is_index:
                yield from own
                continue
            fresh = [place for place in own if place not in seen][: _MAX_SITEMAPS - len(seen)]
            seen.update(fresh)
            waiting += fresh

    def _sitemap(self, address: str) -> Element:
        target = io.BytesIO()
        try:
            fetch(self.opened, address, target, max_bytes=_SITEMAP_BYTES)
            data = target.getvalue()
            if data.startswith(b"\x1f\x8b"):
                data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(_SITEMAP_BYTES)
            root = xml(data)
        except (FetchFailed, UnreadableFile) as error:
            raise InvalidInput("sitemap_unreadable", f"{address}: {error.message}") from None
        except (OSError, EOFError, zlib.error):
            raise InvalidInput("sitemap_unreadable", f"{address}: the compressed sitemap is damaged.") from None
        if local(root.tag) not in ("urlset", "sitemapindex"):
            raise InvalidInput("sitemap_unreadable", f"{address} is no sitemap. Give the address of a sitemap.xml.")
        return root

    def _robots(self, address: str) -> RobotFileParser:
        """The site's rules, asked once; a site without any allows everything."""
        parts = urlsplit(address)
        site = f"{parts.scheme}://{parts.netloc}"
        if site not in self._rules:
            rules = RobotFileParser()
            target = io.BytesIO()
            try:
                fetch(self.opened, f"{site}/robots.txt", target, max_bytes=_ROBOTS_BYTES)
                rules.parse(decode(target.getvalue()).splitlines())
            except (FetchFailed, UnreadableFile):
                rules.parse([])
            self._rules[site] = rules
        return self._rules[site]

    def _pause(self, address: str) -> None:
        """Let a moment pass between two requests to one site, longer where it asks for it."""
        parts = urlsplit(address)
        asked = self._robots(address).crawl_delay(AGENT)
        wait = min(float(asked or _PAUSE_S), _LONGEST_PAUSE_S)
        since = time.monotonic() - self._asked.get(parts.netloc, 0.0)
        if since < wait:
            time.sleep(wait - since)
        self._asked[parts.netloc] = time.monotonic()


def _name(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.netloc}{parts.path}".rstrip("/")[-255:]
