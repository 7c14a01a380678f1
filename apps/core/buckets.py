"""Objects in S3 buckets of others, through the one safe client.

boto3 only signs the addresses, so that a bucket's endpoint cannot lead into a private network.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import requests

from apps.core.errors import InvalidInput
from apps.core.fetching import FetchFailed, fetch

_LIST_BYTES = 8 * 1024**2
_PAGE = 1_000
_SIGNED_S = 900
_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@dataclass(frozen=True)
class S3Place:
    """A prefix of a bucket and how to reach it; without keys the bucket must be public."""

    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    endpoint: str = ""
    access_key: str = ""
    secret_key: str = ""
    session_token: str = ""


@dataclass(frozen=True)
class S3Object:
    """An object: its size in bytes, and what the server calls this version of it."""

    key: str
    size: int
    etag: str


class S3Reader:
    """Lists the objects under a prefix, and signs their addresses.

    Args:
        most: with more objects than this the prefix is refused.
    """

    def __init__(self, place: S3Place, opened: requests.Session, *, most: int) -> None:
        self.place, self.opened, self.most = place, opened, most
        self._client = _client(place)

    def objects(self) -> list[S3Object]:
        """All of them, in the order of their keys. Raises InvalidInput `s3_unreadable`."""
        found = [one for page in self._pages() for one in page]
        if not found:
            raise self._unreadable("There is nothing under this prefix.")
        return found

    def address(self, key: str) -> Callable[[], str]:
        """Makes an address that anybody may read for a quarter of an hour."""
        parameters = {"Bucket": self.place.bucket, "Key": key}
        return lambda: str(self._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=_SIGNED_S))

    def _pages(self) -> Iterator[list[S3Object]]:
        token, count = "", 0
        while True:
            root = self._page(token)
            page = [
                S3Object(
                    unquote(found.findtext(f"{_NAMESPACE}Key") or ""),
                    int(found.findtext(f"{_NAMESPACE}Size") or 0),
                    found.findtext(f"{_NAMESPACE}ETag") or "",
                )
                for found in root.iter(f"{_NAMESPACE}Contents")
            ]
            page = [one for one in page if one.key and not one.key.endswith("/")]
            count += len(page)
            if count > self.most:
                raise self._unreadable(f"There are more than {self.most:,} objects. Use a longer prefix.")
            yield page
            token = root.findtext(f"{_NAMESPACE}NextContinuationToken") or ""
            if not token:
                return

    def _page(self, token: str) -> Any:
        from defusedxml import DefusedXmlException
        from defusedxml.ElementTree import ParseError, fromstring

        parameters = {"Bucket": self.place.bucket, "Prefix": self.place.prefix, "MaxKeys": _PAGE, "EncodingType": "url"}
        if token:
            parameters["ContinuationToken"] = token
        try:
            address = self._client.generate_presigned_url("list_objects_v2", Params=parameters, ExpiresIn=_SIGNED_S)
            with tempfile.SpooledTemporaryFile(_LIST_BYTES) as target:
                fetch(self.opened, address, target, max_bytes=_LIST_BYTES)
                target.seek(0)
                return fromstring(target.read())
        except FetchFailed as error:
            raise self._unreadable(f"{error.message} Check bucket, region, prefix and keys.") from None
        except (ParseError, DefusedXmlException):
            raise self._unreadable("The server's answer is no list of objects.") from None
        except ValueError as error:  # botocore refuses names of buckets and endpoints with kinds of it
            raise self._unreadable(f"{error}") from None

    def _unreadable(self, message: str) -> InvalidInput:
        name = f"s3://{self.place.bucket}/{self.place.prefix}"
        return InvalidInput("s3_unreadable", f"“{name}”: {message}", errors=[{"field": "prefix", "message": message}])


def _client(place: S3Place) -> Any:
    # Imported here: most processes never need it.
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    style = "path" if place.endpoint else "virtual"
    signature = "s3v4" if place.access_key else UNSIGNED
    return boto3.client(
        "s3",
        region_name=place.region,
        endpoint_url=place.endpoint or None,
        # Never the platform's own keys: what they may read is not the requester's to read.
        aws_access_key_id=place.access_key or "none",
        aws_secret_access_key=place.secret_key or "none",
        aws_session_token=place.session_token or None,
        config=Config(signature_version=signature, s3={"addressing_style": style}),
    )
