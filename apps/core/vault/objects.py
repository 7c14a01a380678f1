"""Objects in storage that only their keys open."""

from __future__ import annotations

import hashlib
import io
import logging
import tempfile
from typing import IO, BinaryIO, cast
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from tink import TinkError, streaming_aead

from apps.core.models import ObjectKey, OrganisationKey
from apps.core.storage import CHUNK, SIGNING_SALT, StoredObject, get_storage
from apps.core.tenant import tenant_scope
from apps.core.types import ObjectState
from apps.core.vault.errors import Altered, Shredded
from apps.core.vault.keys import bound_to, new_object_key, unwrapped

logger = logging.getLogger(__name__)

MAGIC = b"\x00sahara-sealed-1\x00"
"""How a sealed object begins; tells it from one that was stored before there were keys."""


def put(tenant_id: UUID, name: str, content: IO[bytes]) -> StoredObject:
    """Store a new object, encrypted by a key of its own. Size and SHA-256 are the content's.

    The key's row comes first, so that whatever a killed process leaves behind is known and collected (`tending`).
    Whoever stores the name in a row of theirs says so by `keep`, in the same transaction.

    Raises:
        VaultLocked: there is no master key; nothing is stored.
        ValueError: the name was used before.
    """
    with tenant_scope(tenant_id), transaction.atomic():
        primitive = new_object_key(tenant_id, name, ObjectState.NEW)
    if primitive is None:
        raise ValueError(f"there is an object {name} already")
    return store_sealed(primitive, tenant_id, name, content)


def store_sealed(
    primitive: streaming_aead.StreamingAead, tenant_id: UUID, name: str, content: IO[bytes]
) -> StoredObject:
    """Encrypt what can be read and store it under the name. What lies on the disk meanwhile is encrypted already."""
    digest, size = hashlib.sha256(), 0
    with tempfile.SpooledTemporaryFile(max_size=CHUNK) as spool:
        spool.write(MAGIC)
        # Closing Tink's stream writes its last piece and closes what it writes to.
        with primitive.new_encrypting_stream(cast("BinaryIO", _Kept(spool)), bound_to(tenant_id, name)) as sealed:
            while part := content.read(CHUNK):
                digest.update(part)
                size += len(part)
                sealed.write(part)
        spool.seek(0)
        get_storage().put(name, cast("IO[bytes]", spool))
    return StoredObject(name, size, digest.hexdigest())


def keep(tenant_id: UUID, name: str) -> None:
    """Say in the caller's transaction that a row refers to the object: it stays until it is deleted.

    Raises:
        Shredded: it was collected because nobody had said so for long.
    """
    with tenant_scope(tenant_id):
        rows = ObjectKey.objects.filter(tenant_id=tenant_id, name=name, state=ObjectState.NEW)
        if not rows.update(state=ObjectState.KEPT):
            raise Shredded("the object was collected before it was kept")


def open_object(tenant_id: UUID, name: str) -> OpenedObject:
    """The content of an object. All of it is checked before the first byte is given.

    Raises:
        FileNotFoundError: nothing is stored there.
        Shredded: its key was destroyed.
        Altered: its bytes are not what was stored.
        VaultLocked: the master key is missing or wrong.
    """
    with tenant_scope(tenant_id), transaction.atomic():
        row = ObjectKey.objects.filter(tenant_id=tenant_id, name=name).first()
        primitive = unwrapped(row) if row is not None else None
    source = get_storage().open(name)
    try:
        if row is not None and primitive is not None and not _is_plain(row, source):
            return _opened(primitive, tenant_id, name, source)
        if row is None:
            _require_plain(source)
        return OpenedObject(cast("io.RawIOBase", source), source.seek(0, io.SEEK_END))
    except BaseException:
        source.close()
        raise


def delete(tenant_id: UUID, name: str) -> None:
    """Destroy an object's key with the caller's transaction, and its bytes when that has ended well."""
    with tenant_scope(tenant_id), transaction.atomic():
        ObjectKey.objects.update_or_create(
            tenant_id=tenant_id, name=name, defaults={"state": ObjectState.SHREDDED, "wrapped": b""}
        )
        transaction.on_commit(lambda: bury(tenant_id, name), robust=True)


def bury(tenant_id: UUID, name: str) -> None:
    """Delete the bytes of an object whose key was destroyed, and then what is left of its row."""
    get_storage().delete(name)
    with tenant_scope(tenant_id), transaction.atomic():
        ObjectKey.objects.filter(tenant_id=tenant_id, name=name, state=ObjectState.SHREDDED).delete()


def shred_organisation(tenant_id: UUID) -> int:
    """Make everything that the organisation has sealed unreadable for good; how many objects there were."""
    with tenant_scope(tenant_id), transaction.atomic():
        names = list(ObjectKey.objects.filter(tenant_id=tenant_id).values_list("name", flat=True))
        for name in names:
            delete(tenant_id, name)
        OrganisationKey.objects.filter(tenant_id=tenant_id).delete()
    return len(names)


def object_url(tenant_id: UUID, name: str, filename: str, expires_s: int = 600) -> str:
    """An absolute URL that serves the opened object as a download until it expires, whatever the store is."""
    claim = {"key": name, "filename": filename, "expires_s": expires_s, "tenant": str(tenant_id)}
    return f"{settings.PUBLIC_URL}/storage/?{urlencode({'token': signing.dumps(claim, salt=SIGNING_SALT)})}"


class _NotSealed(ValueError):
    """There are plain bytes where sealed ones were stored."""


class OpenedObject(io.BufferedReader):
    """An object's content, from its beginning; it knows its size in bytes."""

    def __init__(self, raw: io.RawIOBase, size: int) -> None:
        raw.seek(0)
        super().__init__(raw, CHUNK)
        self.size = size


def _is_plain(row: ObjectKey, source: BinaryIO) -> bool:
    """Whether the bytes wait to be sealed still; plain bytes in a sealed one's place are not that."""
    return row.state == ObjectState.SEALING and source.read(len(MAGIC)) != MAGIC


def _require_plain(source: BinaryIO) -> None:
    """Without a key only what was stored before there were keys can be read."""
    if source.read(len(MAGIC)) == MAGIC:
        raise Shredded("the key of this object was destroyed")


def _opened(primitive: streaming_aead.StreamingAead, tenant_id: UUID, name: str, source: BinaryIO) -> OpenedObject:
    size = 0
    try:
        sealed = _Sealed(primitive, bound_to(tenant_id, name), source)
        while part := sealed.read(CHUNK):
            size += len(part)
        return OpenedObject(sealed, size)
    except (TinkError, _NotSealed) as error:
        logger.error("stored object %s was altered: %s", name, error)  # noqa: TRY400  # the cause says all
        raise Altered from error


class _Sealed(io.RawIOBase):
    """Reads what another file holds encrypted. The way back leads to the beginning only."""

    def __init__(self, primitive: streaming_aead.StreamingAead, bound: bytes, source: BinaryIO) -> None:
        super().__init__()
        self._primitive, self._bound, self._source = primitive, bound, source
        self.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, target: bytearray) -> int:  # type: ignore[override]  # any writable buffer
        found = self._plain.read(len(target))
        target[: len(found)] = found
        self._at += len(found)
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if (offset, whence) != (0, io.SEEK_SET):
            raise io.UnsupportedOperation("only to the beginning")
        self._source.seek(0)
        if self._source.read(len(MAGIC)) != MAGIC:
            raise _NotSealed("it does not begin as a sealed object does")
        kept = cast("BinaryIO", _Kept(cast("IO[bytes]", self._source)))
        self._plain = self._primitive.new_decrypting_stream(kept, self._bound)
        self._at = 0
        return 0

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


class _Kept:
    """A file that stays open when what reads or writes it is closed."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """As the file's."""
        return self._file.read(size)

    def readable(self) -> bool:
        """It is where it is read."""
        return True

    def write(self, content: bytes) -> int:
        """As the file's."""
        return self._file.write(content)

    def writable(self) -> bool:
        """It is where it is written."""
        return True

    def flush(self) -> None:
        """As the file's."""
        self._file.flush()

    def close(self) -> None:
        """Left to whoever opened the file."""
