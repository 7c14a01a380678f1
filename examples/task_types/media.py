"""A photo, a recording and a clip, made on the spot, small enough for a test."""

from __future__ import annotations

import hashlib
import io
import math
import random
import struct
import wave
from typing import Any
from uuid import UUID

from PIL import Image, ImageDraw

from apps.core.storage import get_storage
from apps.labeling.models import Media

PHOTO_SIZE = (640, 480)
CLIP_SIZE = (320, 180)
FRAMES_PER_SECOND = 10
SECONDS = 3
SAMPLE_RATE = 8_000
PAPER, RED, VIOLET = (239, 227, 211), (192, 96, 90), (122, 94, 168)


def photo(number: int = 0, size: tuple[int, int] = PHOTO_SIZE, *, grain: int = 0) -> bytes:
    """Two cells on paper, a red and a violet one, as JPEG; each number gives another file, `grain` a heavier one."""
    picture = Image.new("RGB", size, PAPER)
    drawing = ImageDraw.Draw(picture)
    scale = size[0] / PHOTO_SIZE[0]
    for (x, y, radius), colour in (((160, 140, 70), RED), ((430, 300, 90), VIOLET)):
        shift = number % 7
        box = [scale * part for part in (x - radius + shift, y - radius, x + radius + shift, y + radius)]
        drawing.ellipse(box, fill=colour, outline=(60, 40, 40))
    seeded = random.Random(number)
    for _ in range(200 + grain):
        x, y = seeded.randrange(size[0]), seeded.randrange(size[1])
        drawing.ellipse([x, y, x + 3, y + 3], fill=tuple(channel - seeded.randrange(30) for channel in PAPER))
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=80)
    return written.getvalue()


def sound() -> bytes:
    """Three seconds with a tone in the second one, as WAV."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        loud = [SAMPLE_RATE <= at < 2 * SAMPLE_RATE for at in range(SECONDS * SAMPLE_RATE)]
        samples = [int(20_000 * math.sin(at / 3)) if is_loud else 0 for at, is_loud in enumerate(loud)]
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return written.getvalue()


def clip() -> bytes:
    """Three seconds in which a ball crosses the picture, as WebM."""
    import av  # loads FFmpeg's libraries, which texts and photos do not need

    written = io.BytesIO()
    with av.open(written, "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *CLIP_SIZE, "yuv420p", 60_000
        for number in range(SECONDS * FRAMES_PER_SECOND):
            picture = Image.new("RGB", CLIP_SIZE, PAPER)
            x = 10 * number
            ImageDraw.Draw(picture).ellipse([x, 70, x + 40, 110], fill=RED)
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]  # not typed by its library
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return written.getvalue()


def stored_photo(tenant_id: UUID, content: bytes) -> dict[str, Any]:
    """A stored photo, as an item refers to it. Enter the tenant's scope first."""
    with Image.open(io.BytesIO(content)) as picture:
        width, height = picture.size
    return _stored(tenant_id, content, "image", {"content_type": "image/jpeg", "width": width, "height": height})


def stored_sound(tenant_id: UUID) -> dict[str, Any]:
    """A stored recording, as an item refers to it."""
    facts = {"content_type": "audio/wav", "duration_ms": SECONDS * 1_000}
    return _stored(tenant_id, sound(), "audio", facts)


def stored_clip(tenant_id: UUID) -> dict[str, Any]:
    """A stored clip, as an item refers to it."""
    facts = {
        "content_type": "video/webm",
        "duration_ms": SECONDS * 1_000,
        "width": CLIP_SIZE[0],
        "height": CLIP_SIZE[1],
    }
    return _stored(tenant_id, clip(), "video", facts)


def _stored(tenant_id: UUID, content: bytes, kind: str, facts: dict[str, Any]) -> dict[str, Any]:
    """As an import leaves it behind."""
    sha256 = hashlib.sha256(content).hexdigest()
    key = f"{tenant_id}/media/{sha256[:2]}/{sha256}"
    get_storage().put(key, content, facts["content_type"])
    facts = {**facts, "bytes": len(content)}
    row, _ = Media.objects.get_or_create(
        tenant_id=tenant_id,
        sha256=sha256,
        defaults={"original_sha256": sha256, "kind": kind, "storage_key": key, **facts},
    )
    return {"media": str(row.id), **facts}
