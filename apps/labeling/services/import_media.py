"""Keeping media files: looked into, cleaned, stored once an organisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.core.ids import uuid7
from apps.core.storage import get_storage
from apps.labeling.import_models import Media
from apps.labeling.import_types import MAX_MEDIA_BYTES, UnusableMedia
from apps.labeling.imports.media import SNIFF_BYTES, Inspector, sniff
from apps.labeling.imports.preparing import MAX_TEXT, sha256_of
from apps.labeling.imports.reading import MediaFile
from apps.tenancy import limits
from apps.tenancy.limits import Limit


def keep_media(tenant_id: UUID, media: MediaFile, inspector: Inspector, folder: Path) -> dict[str, Any]:
    """Store a media file, or find it where the organisation has it already.

    Returns:
        `{kind, media, content_type, bytes, width?, height?, duration_ms?}`; of a text file `{kind: "text", text}`.

    Raises:
        UnusableMedia
    """
    source, target = folder / "source", folder / "cleaned"
    try:
        media.write(source)
        size = source.stat().st_size
        if not size or size > MAX_MEDIA_BYTES:
            raise UnusableMedia("The file is empty." if not size else f"It has more than {MAX_MEDIA_BYTES >> 20} MB.")
        if (text := _text_of(source, media.name)) is not None:
            return {"kind": "text", "text": text}
        original = sha256_of(source)
        known = Media.objects.filter(original_sha256=original).first()
        return value_of(known or _added(tenant_id, original, source, target, inspector))
    finally:
        source.unlink(missing_ok=True)
        target.unlink(missing_ok=True)


def value_of(media: Media) -> dict[str, Any]:
    """How an item refers to a media file."""
    facts = {"width": media.width, "height": media.height, "duration_ms": media.duration_ms}
    return {
        "kind": media.kind,
        "media": str(media.id),
        "content_type": media.content_type,
        "bytes": media.bytes,
        **{name: value for name, value in facts.items() if value is not None},
    }


def _text_of(source: Path, name: str) -> str | None:
    """The text of a file that is a text and calls itself one, or None."""
    with source.open("rb") as file:
        head = file.read(SNIFF_BYTES)
        if not name.lower().endswith((".txt", ".text", ".md")) or sniff(head) is not None:
            return None
        data = head + file.read(4 * MAX_TEXT)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnusableMedia("The text is not UTF-8.", "Save it as UTF-8.") from None
    if len(text) > MAX_TEXT or "\x00" in text:
        raise UnusableMedia(f"The text has more than {MAX_TEXT:,} characters, or holds NUL.", "Shorten or split it.")
    return text


def _added(tenant_id: UUID, original: str, source: Path, target: Path, inspector: Inspector) -> Media:
    found = inspector.inspect(source, target)
    sha256 = sha256_of(found.path)
    media_id = uuid7()
    size = found.path.stat().st_size
    limits.require_room(organisation_id=tenant_id, limit=Limit.STORAGE_BYTES, wanted=size)
    key = f"{tenant_id}/media/{sha256[:2]}/{sha256}"
    with found.path.open("rb") as content:
        get_storage().put(key, content, found.facts.content_type)
    with transaction.atomic():
        row, is_new = Media.objects.get_or_create(
            tenant_id=tenant_id,
            original_sha256=original,
            defaults={
                "id": media_id,
                "sha256": sha256,
                "kind": found.facts.kind,
                "content_type": found.facts.content_type,
                "bytes": size,
                "width": found.facts.width,
                "height": found.facts.height,
                "duration_ms": found.facts.duration_ms,
                "storage_key": key,
            },
        )
        if is_new:
            limits.note_usage(
                organisation_id=tenant_id, limit=Limit.STORAGE_BYTES, amount=size, key=f"media-added:{row.id}"
            )
    return row
