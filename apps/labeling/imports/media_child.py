"""The child that parses media files: a question a line on its input, an answer a line on its output (JSON)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

MAX_PIXELS = 100_000_000
MAX_SIDE = 20_000
MAX_FRAMES = 2_000
MAX_DURATION_MS = 4 * 3_600_000
#: A file whose last sound or picture comes this much before its stated end is cut off.
CUT_OFF_MS = 1_500
_REMEDY = "Save it again in another program and import it once more."


class _Unusable(Exception):
    def __init__(self, reason: str, remedy: str = _REMEDY) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


def _image(source: Path, target: Path, parser: str, content_type: str) -> dict[str, Any]:
    """Decode an image wholly and write it upright, without EXIF, GPS, comments or anything behind its end."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    with Image.open(source, formats=[parser]) as opened:
        width, height = opened.size
        if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
            raise _Unusable(
                f"The image has {width:,} x {height:,} pixels; at most {MAX_PIXELS:,} in all and {MAX_SIDE:,} a side.",
                "Make it smaller.",
            )
        if min(width, height) < 1 or getattr(opened, "n_frames", 1) > MAX_FRAMES:
            raise _Unusable(f"The image has no pixels, or more than {MAX_FRAMES:,} frames.")
        if getattr(opened, "is_animated", False):
            opened.load()
            opened.save(target, format=parser, save_all=True, exif=b"", xmp=b"", comment=b"")
            return {"content_type": content_type, "width": width, "height": height}
        upright = ImageOps.exif_transpose(opened)
        upright.load()
        # `info` holds what the file said about itself; colours keep their profile.
        profile = upright.info.get("icc_profile")
        transparency = upright.info.get("transparency")
        upright.info = {} if transparency is None else {"transparency": transparency}
        options: dict[str, Any] = {"icc_profile": profile} if profile else {}
        if parser in ("JPEG", "WEBP"):
            options["quality"] = 95
        upright.save(target, format=parser, **options)
        return {"content_type": content_type, "width": upright.width, "height": upright.height}


def _recording(source: Path, target: Path, parser: str, content_type: str) -> dict[str, Any]:
    """Duration and size of a sound or film, decoded at its start and followed to its end.

    Films are packed anew into `target`: phones write the place where they were taken beside the pictures.
    """
    import av

    if parser == "wav":
        _check_wav(source)
    demuxer = {"mp4": "mov", "webm": "matroska"}.get(parser, parser)
    # A named demuxer: FFmpeg never guesses, so no playlist that names other files or addresses is ever read.
    with av.open(str(source), format=demuxer, options={"protocol_whitelist": "file"}) as opened:
        film = next((stream for stream in opened.streams.video if not _is_cover(stream)), None)
        sound = next(iter(opened.streams.audio), None)
        stream = film or sound
        if stream is None:
            raise _Unusable("It holds neither sound nor pictures.")
        if next(opened.decode(stream), None) is None:
            raise _Unusable("Its first sound or picture cannot be decoded.")
        width, height = (film.width, film.height) if film is not None else (None, None)
        stated_ms = opened.duration // 1000 if opened.duration else 0
        opened.seek(0)
        end_ms = _follow(opened, stream, target if film is not None and parser in ("mp4", "webm") else None, parser)
    duration_ms = end_ms or stated_ms
    if not 0 < duration_ms <= MAX_DURATION_MS:
        raise _Unusable(f"It lasts {duration_ms / 1000:,.1f} s; more than 0 s and at most 4 hours can be.", "Cut it.")
    if stated_ms and end_ms and stated_ms - end_ms > CUT_OFF_MS:
        raise _Unusable(f"It is cut off: it ends after {end_ms / 1000:.1f} of {stated_ms / 1000:.1f} s.")
    is_film = film is not None
    if not is_film and parser in ("mp4", "webm", "ogg"):
        content_type = f"audio/{parser}"
    return {
        "kind": "video" if is_film else "audio",
        "content_type": "video/ogg" if is_film and parser == "ogg" else content_type,
        "width": width,
        "height": height,
        "duration_ms": int(duration_ms),
    }


def _check_wav(source: Path) -> None:
    """FFmpeg plays what is there of a sound that was cut off; its heading says how much there should be."""
    with source.open("rb") as file:
        stated = int.from_bytes(file.read(8)[4:], "little")
    if 0 < stated < 0xFFFFFFFF - 8 and stated + 8 > source.stat().st_size + 1:
        raise _Unusable("It is cut off: it is shorter than its heading says.")


def _is_cover(stream: Any) -> bool:
    """Whether a video stream is a picture on a sound file's cover."""
    return bool(int(stream.disposition) & 0x400)


def _follow(opened: Any, stream: Any, target: Path | None, packing: str) -> int:
    """When the last packet of a stream ends, in ms; packets are copied to `target`, where there is one, not decoded."""
    import av

    kept = [one for one in (*opened.streams.video, *opened.streams.audio) if not _is_cover(one)]
    output = av.open(str(target), "w", format=packing) if target is not None else None
    try:
        copies = {one.index: output.add_stream_from_template(one) for one in kept} if output is not None else {}
        end = 0.0
        for packet in opened.demux(kept):
            if packet.dts is None:
                continue
            if packet.stream.index == stream.index and packet.pts is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if output is not None:
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
    finally:
        if output is not None:
            output.close()
    start = float((stream.start_time or 0) * (stream.time_base or 0))
    return int((end - start) * 1000)


def answer(question: dict[str, str]) -> dict[str, Any]:
    """What a file is, or why it cannot be used."""
    source, target = Path(question["source"]), Path(question["target"])
    try:
        if question["type"].startswith("image/"):
            found = _image(source, target, question["parser"], question["type"])
            return found | {"kind": "image", "written": True}
        found = _recording(source, target, question["parser"], question["type"])
        return found | {"written": target.exists()}
    except _Unusable as error:
        return {"reason": error.reason, "remedy": error.remedy}
    except MemoryError:
        return {"reason": "The file needs more memory than a file may.", "remedy": "Make it smaller."}
    except Exception as error:  # parsers of broken files raise anything
        detail = (str(error).splitlines() or [""])[0].replace(str(source), "the file").replace(str(target), "the copy")
        return {"reason": f"The file is broken: {detail[:160] or type(error).__name__}.", "remedy": _REMEDY}


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
