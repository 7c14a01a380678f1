"""Bytes into text, in whatever encoding they are."""

from __future__ import annotations

import re
import unicodedata

from apps.knowledge.errors import UnreadableFile

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_FORBIDDEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_SAMPLE_BYTES = 200_000
_SURE = 0.1
_WIDE = ("utf-16", "utf-32")
_WIDE_SURE = 0.9
_USUAL_SIGNS = frozenset("«»\u2018\u2019“”„\u2013—…°§€£¥¿¡·©®™№")


def clean(text: str) -> str:
    """Text that PostgreSQL stores and people read: no U+0000 or other controls, one kind of line end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").replace("\x0b", "\n")
    return _SURROGATES.sub("\ufffd", _FORBIDDEN.sub("", text))


def wide_encoding(sample: bytes) -> str:
    """`utf-16-le` or another encoding of two or four bytes a sign that came without its mark, or nothing."""
    import chardet

    guess = chardet.detect(sample[: len(sample) // 4 * 4])
    name = str(guess["encoding"] or "").lower()
    return name if name.startswith(_WIDE) and (guess["confidence"] or 0) >= _WIDE_SURE else ""


def decode(data: bytes, declared: str = "") -> str:
    """The text of `data`: by its mark, as declared (by a web page), as UTF-8, or by what reads like text.

    Raises:
        UnreadableFile: no known encoding makes text of it.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    wide = wide_encoding(data[:8192]) if b"\x00" in data[:8192] else ""
    for encoding in (wide, declared, "utf-8"):
        text = _strictly(data, encoding) if encoding else None
        if text is not None and not (encoding == "utf-8" and b"\x1b$" in data[:_SAMPLE_BYTES]):
            return text
    return _guessed(data)


def _guessed(data: bytes) -> str:
    import chardet
    from charset_normalizer import from_bytes

    sample = data[:_SAMPLE_BYTES]
    guess = chardet.detect(sample)
    found = str(guess["encoding"] or "")
    if found and (guess["confidence"] or 0) >= _SURE:
        text = _strictly(data, found)
        if text is not None:
            return text
    other = from_bytes(sample).best()
    # Too short to be sure: of what decodes at all, the one with the fewest odd signs, the most common encoding first.
    names = ["cp1252", found, other.encoding if other is not None else ""]
    texts = [text for name in names if name and (text := _strictly(data, name)) is not None]
    if texts:
        return min(texts, key=_oddness)
    if found:
        # One byte is wrong in a long file: better a sign lost than a document.
        return data.decode(found, errors="replace")
    raise UnreadableFile("unknown_encoding", "The text encoding is not known. Save the file as UTF-8.")


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError, ValueError):
        return None


def _oddness(text: str) -> int:
    """How many signs stand where people write none: symbols, controls, capitals within words, two scripts in one."""
    odd = 0
    before = ""
    for sign in text[:20_000]:
        if sign > "\x7f":
            category = unicodedata.category(sign)
            if category[0] not in "LMNZ" and sign not in _USUAL_SIGNS:
                odd += 2 if category == "Cc" else 1
            if sign.isupper() and before.islower():
                odd += 1
        before = sign
    return odd
