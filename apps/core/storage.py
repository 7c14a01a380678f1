"""Object storage: one interface over a local directory and S3. Keys start with the tenant's id.

Files are never served from a path that a user chose: downloads go through signed URLs that expire.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, cast
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

SIGNING_SALT = "core.storage"
CHUNK = 1 << 20
DOWNLOAD_TYPE = "application/octet-stream"
#: What pages may show or play: types that no browser runs as a page.
SHOWN_TYPES = frozenset(
    (
        *("image/png", "image/jpeg", "image/gif", "image/webp"),
        *("audio/wav", "audio/mpeg", "audio/ogg", "audio/flac", "audio/mp4", "audio/webm"),
        *("video/mp4", "video/webm", "video/ogg"),
    )
)


@dataclass(frozen=True)
class StoredObject:
    """What was stored: its key, size in bytes and SHA-256 (hex)."""

    key: str
    size: int
    sha256: str


class ObjectStorage(Protocol):
    """What both stores offer."""

    def put(self, key: str, content: bytes | IO[bytes], content_type: str = "application/octet-stream") -> StoredObject:
        """Store an object under a key, replacing what was there, whole or not at all."""
        ...

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading. Raises FileNotFoundError."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object; absent is fine."""
        ...

    def exists(self, key: str) -> bool:
        """Whether the key holds an object."""
        ...

    def signed_url(
        self, key: str, expires_s: int = 600, filename: str | None = None, content_type: str | None = None
    ) -> str:
        """An absolute URL that serves the object as a download until it expires.

        Args:
            content_type: one of `SHOWN_TYPES`, where a page is to show or play the object.
        """
        ...


def _spool(content: bytes | IO[bytes]) -> tuple[IO[bytes], int, str]:
    """Copy to a temporary file, measuring on the way, so that memory stays flat whatever the size."""
    target = tempfile.SpooledTemporaryFile(max_size=16 * CHUNK)  # noqa: SIM115  # the caller closes it
    digest, size = hashlib.sha256(), 0
    chunks = [content] if isinstance(content, bytes) else iter(lambda: content.read(CHUNK), b"")
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        target.write(chunk)
    target.seek(0)
    return cast("IO[bytes]", target), size, digest.hexdigest()


class LocalStorage:
    """A directory. URLs are signed with the secret key and served by `apps.core.files`."""

    def __init__(self, root: Path) -> None:
        self.files = FileSystemStorage(location=root, allow_overwrite=True)

    def put(self, key: str, content: bytes | IO[bytes], content_type: str = "application/octet-stream") -> StoredObject:
        spool, size, sha256 = _spool(content)
        target = Path(self.files.path(key))
        target.parent.mkdir(parents=True, exist_ok=True)
        with spool, tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as part:
            while chunk := spool.read(CHUNK):
                part.write(chunk)
        Path(part.name).replace(target)
        return StoredObject(key, size, sha256)

    def open(self, key: str) -> BinaryIO:
        return cast("BinaryIO", self.files.open(key).file)

    def delete(self, key: str) -> None:
        self.files.delete(key)

    def exists(self, key: str) -> bool:
        return self.files.exists(key)

    def signed_url(
        self, key: str, expires_s: int = 600, filename: str | None = None, content_type: str | None = None
    ) -> str:
        claim: dict[str, Any] = {"key": key, "filename": filename, "expires_s": expires_s}
        if content_type in SHOWN_TYPES:
            claim["type"] = content_type
        token = signing.dumps(claim, salt=SIGNING_SALT)
        return f"{settings.PUBLIC_URL}/storage/?{urlencode({'token': token})}"


class S3Storage:
    """Anything that speaks S3, through django-storages and boto3; credentials come from boto3's own environment."""

    def __init__(self, options: dict[str, Any]) -> None:
        from storages.backends.s3 import S3Storage as Backend  # boto3 is loaded only where S3 is used

        self.files = Backend(**options)

    def put(self, key: str, content: bytes | IO[bytes], content_type: str = "application/octet-stream") -> StoredObject:
        spool, size, sha256 = _spool(content)
        with spool:
            upload: Any = File(spool, name=key)
            upload.content_type = content_type
            self.files.save(key, upload)
        return StoredObject(key, size, sha256)

    def open(self, key: str) -> BinaryIO:
        return cast("BinaryIO", self.files.open(key))

    def delete(self, key: str) -> None:
        self.files.delete(key)

    def exists(self, key: str) -> bool:
        return bool(self.files.exists(key))

    def signed_url(
        self, key: str, expires_s: int = 600, filename: str | None = None, content_type: str | None = None
    ) -> str:
        disposition = f'attachment; filename="{filename or Path(key).name}"'
        served = content_type if content_type in SHOWN_TYPES else DOWNLOAD_TYPE
        parameters = {"ResponseContentDisposition": disposition, "ResponseContentType": served}
        return str(self.files.url(key, parameters=parameters, expire=expires_s))


@lru_cache(maxsize=1)
def get_storage() -> ObjectStorage:
    """The configured store."""
    if settings.OBJECT_STORAGE["kind"] == "s3":
        return S3Storage(settings.OBJECT_STORAGE["options"])
    return LocalStorage(Path(settings.OBJECT_STORAGE["directory"]))
