"""Media files told by their content, and the parent's side of looking into them.

Images, sounds and films are parsed in a child process with limits of memory and time, for their parsers are written in
C and the files are anybody's. One child serves a whole import; a file that kills it costs that file only.
"""

from __future__ import annotations

import json
import resource
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from apps.labeling.import_types import MediaFacts, MediaKind, UnusableMedia

SNIFF_BYTES = 64
FILE_SECONDS = 60.0
MEMORY_BYTES = 3 * 1024**3
#: Most that a cleaned file may take; a small animation can unpack to a full disk.
WRITTEN_BYTES = 1024**3
_ROOT = Path(__file__).resolve().parents[3]

#: Content type by what a file starts with (offset, bytes), and the parser's name for it.
_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png", "PNG"),
    (0, b"\xff\xd8\xff", "image/jpeg", "JPEG"),
    (0, b"GIF87a", "image/gif", "GIF"),
    (0, b"GIF89a", "image/gif", "GIF"),
    (8, b"WEBP", "image/webp", "WEBP"),
    (8, b"WAVE", "audio/wav", "wav"),
    (0, b"fLaC", "audio/flac", "flac"),
    (0, b"OggS", "audio/ogg", "ogg"),
    (0, b"ID3", "audio/mpeg", "mp3"),
    (0, b"\xff\xfb", "audio/mpeg", "mp3"),
    (0, b"\xff\xf3", "audio/mpeg", "mp3"),
    (0, b"\xff\xf2", "audio/mpeg", "mp3"),
    (4, b"ftyp", "video/mp4", "mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm", "webm"),
)
#: Types that look like media to people and are not taken, with what to do.
_REFUSED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"BM", "It is a bitmap (BMP). Save it as PNG or JPEG."),
    (0, b"II*\x00", "It is a TIFF image. Save it as PNG or JPEG."),
    (0, b"MM\x00*", "It is a TIFF image. Save it as PNG or JPEG."),
    (0, b"<svg", "It is an SVG drawing, which can hold scripts. Save it as PNG."),
    (0, b"<?xml", "It is an XML file. Images are taken as PNG, JPEG, GIF or WebP."),
    (0, b"%PDF", "It is a PDF. Save its pages as PNG or JPEG."),
    (0, b"PK\x03\x04", "It is a zip file inside of the import. Unpack it first."),
    (0, b"\x1f\x8b", "It is a gzip file. Unpack it first."),
    (0, b"Rar!", "It is a RAR archive. Use zip."),
    (0, b"7z\xbc\xaf", "It is a 7-Zip archive. Use zip."),
    (8, b"AVI ", "It is an AVI film. Save it as MP4 or WebM."),
    (0, b"MZ", "It is a program."),
    (0, b"\x7fELF", "It is a program."),
)


def sniff(head: bytes) -> tuple[str, str] | None:
    """The content type that the first bytes of a file show and its parser, or None where it is no media file.

    Raises:
        UnusableMedia: it is something that is never taken.
    """
    for offset, magic, reason in _REFUSED:
        if head[offset:].startswith(magic):
            what, _, remedy = reason.partition(". ")
            raise UnusableMedia(f"{what}.".replace("..", "."), remedy or "Leave it out.")
    for offset, magic, content_type, parser in _MAGIC:
        if head[offset:].startswith(magic):
            return content_type, parser
    return None


@dataclass(frozen=True)
class Inspected:
    """A media file that can be used: its facts and where its cleaned content lies."""

    facts: MediaFacts
    path: Path


class Inspector:
    """Looks into media files in a child process; a context manager."""

    def __init__(self, seconds: float = FILE_SECONDS) -> None:
        self.seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
            child.wait()

    def inspect(self, source: Path, target: Path) -> Inspected:
        """Check a file and write what annotators get to `target`: images turned upright and without metadata.

        Raises:
            UnusableMedia
        """
        with source.open("rb") as file:
            known = sniff(file.read(SNIFF_BYTES))
        if known is None:
            raise UnusableMedia(
                "Its content is no image, sound or film that is known here.",
                "Images are PNG, JPEG, GIF or WebP; sounds WAV, MP3, OGG or FLAC; films MP4 or WebM.",
            )
        content_type, parser = known
        answer = self._ask({"source": str(source), "target": str(target), "type": content_type, "parser": parser})
        if "reason" in answer:
            raise UnusableMedia(answer["reason"], answer["remedy"])
        facts = MediaFacts(
            kind=MediaKind(answer["kind"]),
            content_type=answer["content_type"],
            width=answer.get("width"),
            height=answer.get("height"),
            duration_ms=answer.get("duration_ms"),
        )
        return Inspected(facts, target if answer["written"] else source)

    def _ask(self, question: dict[str, str]) -> dict[str, Any]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = _start()
        stdin, stdout = _pipes(self._child)
        try:
            stdin.write(json.dumps(question).encode() + b"\n")
            stdin.flush()
            ready, _, _ = select.select([stdout], [], [], self.seconds)
            line = stdout.readline() if ready else b""
        except BrokenPipeError:
            line, ready = b"", [stdout]
        if not line:
            self.close()
            why = "within the limits of memory" if ready else f"within {self.seconds:.0f} seconds"
            raise UnusableMedia(f"The file could not be read {why}.", "Make it smaller or save it again.")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _pipes(child: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("the child has no pipes")
    return child.stdin, child.stdout


def _start() -> subprocess.Popen[bytes]:
    def apply_limits() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN_BYTES, WRITTEN_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return subprocess.Popen(
        [sys.executable, "-m", "apps.labeling.imports.media_child"],
        cwd=_ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "LANG": "C.UTF-8"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=apply_limits,
    )
