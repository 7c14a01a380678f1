"""The ways in which a text can be said without being written: hidden characters, look-alikes and common encodings."""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from urllib.parse import unquote

#: Characters that no answer needs and that carry text nobody sees: tags, variation selectors, zero widths, directions.
_HIDDEN = re.compile(
    "[\U000e0000-\U000e0fff\u200b\u2060-\u2064\ufeff\u00ad\u180e\u202a-\u202e\u2066-\u2069\u034f\ufe00-\ufe0d]"
)
#: Joiners shape Persian, Indic and emoji; two in a row, or beside plain letters, only carry bits.
_JOINERS = re.compile(
    "[\u200c\u200d\ufe0e\ufe0f]{3,}|[\u200c\u200d]{2,}|[\ufe0e\ufe0f]{2,}"
    "|(?<=[\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?=[\x00-\x7f])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

#: Letters of other scripts that look like Latin ones, and digits that stand for letters.
_LOOKALIKES = str.maketrans(
    "авсԁеһіјкӏмнорԛѕтуѡхԝуαβεικνορτυχ" + "0134578@$!i|",
    "abcdehljklmhopqstywxwyabelknoptyx" + "oleastbaslll",
)
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{24,}")
_BASE32 = re.compile(r"[A-Z2-7]{24,}")
_SPACED_CODES = re.compile(r"(?:\b(?:0x)?[0-9a-f]{2,3}\b[\s,;:]+){7,}\b(?:0x)?[0-9a-f]{2,3}\b", re.IGNORECASE)
_BITS = re.compile(r"(?:[01]{8}[\s,]*){8,}")
_ESCAPES = re.compile(r"\\(?:u\{?([0-9a-fA-F]{4,6})\}?|x([0-9a-fA-F]{2}))")


def visible(text: str) -> str:
    """The text without characters that carry what nobody sees."""
    return _JOINERS.sub("", _HIDDEN.sub("", _CONTROLS.sub("", text)))


def folded(text: str) -> str:
    """Letters and digits alone, in one case and one script where they look alike.

    Two texts that read the same to a person are equal when folded; spacing, punctuation and accents do not count.
    """
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_LOOKALIKES)
    return "".join(sign for sign in plain if sign.isalnum())


def turned(text: str) -> tuple[str, ...]:
    """A plain text as it reads backwards, by ROT13 and both, each folded."""
    rotated = codecs.encode(text, "rot13")
    return folded(text[::-1]), folded(rotated), folded(rotated[::-1])


def decoded(text: str) -> Iterator[str]:
    """What is encoded in a text: escapes, Base64, Base32, hexadecimal, codes of characters, bits."""
    for unescaped in (unquote(text), html.unescape(text), _ESCAPES.sub(_escaped, text)):
        if unescaped != text:
            yield unescaped
    joined = "".join(part for part in text.split() if _is_dense(part))
    for pattern, read in ((_ENCODED, _base64), (_HEXADECIMAL, bytes.fromhex), (_BASE32, _base32)):
        for token in dict.fromkeys([*pattern.findall(text), *pattern.findall(joined)]):
            yield from _from_token(token, read)
    for match in _SPACED_CODES.findall(text):
        yield from _from_codes(re.findall(r"[0-9a-fA-F]{2,3}", match.replace("0x", "")))
    for match in _BITS.findall(text):
        bits = re.sub(r"[^01]", "", match)
        yield bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8)).decode("latin-1")


def _escaped(match: re.Match[str]) -> str:
    code = int(match[1] or match[2], 16)
    return chr(code) if code <= 0x10FFFF else ""


def _is_dense(part: str) -> bool:
    """Whether a word is rather a piece of an encoded text: digits or capitals inside."""
    return any(sign.isdigit() or sign in "+/=" for sign in part) or any(sign.isupper() for sign in part[1:])


def _from_token(token: str, read: Callable[[str], bytes]) -> Iterator[str]:
    """A piece may start anywhere in the encoded text, or behind other words."""
    for offset in range(8):
        rest = token[offset:]
        try:
            yield read(rest[: len(rest) // 2 * 2]).decode("latin-1")
        except (ValueError, binascii.Error):
            continue


def _base64(text: str) -> bytes:
    whole = text.replace("-", "+").replace("_", "/")
    return base64.b64decode(whole[: len(whole) // 4 * 4])


def _base32(text: str) -> bytes:
    return base64.b32decode(text[: len(text) // 8 * 8])


def _from_codes(codes: list[str]) -> Iterator[str]:
    for radix in (10, 16):
        try:
            yield "".join(chr(int(code, radix)) for code in codes)
        except ValueError:
            continue
