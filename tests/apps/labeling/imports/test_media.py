"""Images, sounds and films are told by their content, cleaned, and refused where they are broken or too large."""

from __future__ import annotations

import struct
import wave
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from apps.labeling.import_types import MediaKind, UnusableMedia
from apps.labeling.imports import media
from apps.labeling.imports.media import Inspected, Inspector, sniff

SIZE = (40, 20)


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    with Inspector(seconds=30) as opened:
        yield opened


def inspect(inspector: Inspector, source: Path) -> Inspected:
    return inspector.inspect(source, source.with_suffix(".cleaned"))


def film(path: Path, packing: str, codec: str) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w", format=packing) as target:
        target.metadata["location"] = "+52.5200+013.4050/"
        stream: Any = target.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(30):
            picture = np.full((48, 64, 3), number * 8, dtype="uint8")
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            target.mux(stream.encode(frame))
        target.mux(stream.encode())


def sound(path: Path, seconds: float = 2.0) -> None:
    with wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(8_000)
        target.writeframes(b"\0\0" * int(8_000 * seconds))


def picture(path: Path, form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    exif[0x010F] = "A camera"
    exif.get_ifd(0x8825)[1] = "N"  # a place
    Image.effect_noise(SIZE, 60).convert("RGB").save(path, form, exif=exif)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_images_are_turned_upright_and_lose_where_and_by_what_they_were_taken(inspector, tmp_path, form):
    path = tmp_path / "named.mp3"
    picture(path, form)
    found = inspect(inspector, path)
    assert found.facts.content_type == f"image/{form.lower()}"
    assert (found.facts.kind, found.facts.width, found.facts.height) == (MediaKind.IMAGE, 20, 40)
    with Image.open(found.path) as cleaned:
        assert (cleaned.size, dict(cleaned.getexif())) == ((20, 40), {})
    assert b"A camera" not in found.path.read_bytes()


def test_animations_stay_animations(inspector, tmp_path):
    path = tmp_path / "a.gif"
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with Image.open(inspect(inspector, path).path) as cleaned:
        assert getattr(cleaned, "n_frames", 1) == 2


@pytest.mark.parametrize(("packing", "codec"), [("mp4", "mpeg4"), ("webm", "libvpx")])
def test_films_have_size_and_duration_and_lose_their_place(inspector, tmp_path, packing, codec):
    path = tmp_path / "film.bin"
    film(path, packing, codec)
    found = inspect(inspector, path)
    assert found.facts.content_type == f"video/{packing}"
    assert (found.facts.width, found.facts.height) == (64, 48)
    assert abs((found.facts.duration_ms or 0) - 3_000) <= 200
    assert b"+52.5200" not in found.path.read_bytes()


def test_sounds_have_a_duration(inspector, tmp_path):
    path = tmp_path / "sound.png"
    sound(path)
    facts = inspect(inspector, path).facts
    assert (facts.kind, facts.content_type, facts.duration_ms) == (MediaKind.AUDIO, "audio/wav", 2_000)


@pytest.mark.parametrize("name", ["cut.jpg", "cut.png", "cut.wav", "cut.webm", "cut.mp4"])
def test_files_that_are_cut_off_are_refused(inspector, tmp_path, name):
    path = tmp_path / name
    {
        "jpg": lambda: picture(path, "JPEG"),
        "png": lambda: picture(path, "PNG"),
        "wav": lambda: sound(path),
        "webm": lambda: film(path, "webm", "libvpx"),
        "mp4": lambda: film(path, "mp4", "mpeg4"),
    }[path.suffix[1:]]()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UnusableMedia) as caught:
        inspect(inspector, path)
    assert str(tmp_path) not in caught.value.reason
    assert caught.value.remedy


def bomb(width: int, height: int) -> bytes:
    """A tiny PNG that says it is huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(50_000, 50_000), (30_000, 2)])
def test_images_that_unpack_to_too_much_are_refused(inspector, tmp_path, size):
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(*size))
    with pytest.raises(UnusableMedia, match="pixels"):
        inspect(inspector, path)


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        b"<svg onload=alert(1)>",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"\x89PNG\r\n\x1a\njunk",
        b"ID3junk",
        b"MZ",
        b"#EXTM3U",
    ],
)
def test_what_is_no_media_is_refused_with_what_to_do(inspector, tmp_path, content):
    path = tmp_path / "image.png"
    path.write_bytes(content + b"." * 100)
    with pytest.raises(UnusableMedia) as caught:
        inspect(inspector, path)
    assert caught.value.remedy


def test_a_file_that_kills_or_holds_its_reader_costs_that_file_only(inspector, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    picture(path, "PNG")
    with Inspector(seconds=0.0) as hurried, pytest.raises(UnusableMedia, match="seconds"):
        inspect(hurried, path)
    inspect(inspector, path)
    assert inspector._child is not None
    inspector._child.kill()
    inspector._child.wait()
    assert inspect(inspector, path).facts.width == 20


def test_a_file_that_unpacks_to_a_full_disk_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    picture(path, "PNG")
    monkeypatch.setattr(media, "WRITTEN_BYTES", 1_000)
    with Inspector(seconds=30) as limited, pytest.raises(UnusableMedia):
        inspect(limited, path)


def test_sniffing_goes_by_the_first_bytes():
    assert sniff(b"OggS") == ("audio/ogg", "ogg")
    assert sniff(b"RIFF....WAVEfmt ") == ("audio/wav", "wav")
    assert sniff(b"text") is None
