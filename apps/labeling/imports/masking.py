"""Personal data in texts, found and replaced by typed placeholders before an annotator sees them.

`[EMAIL 1]` stands for the same address wherever it appears in one item. What has a form of its own (addresses, numbers
with a checksum) is found by form and checksum, names by lists and by the words around them; no list is complete, so a
requester with sensitive texts should look through the first items all the same.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from apps.labeling.imports.names import find_addresses, find_names

#: Countries whose way of writing phone numbers without a country code is known; more would find more than there is.
DEFAULT_PHONE_REGIONS = ("US", "GB", "DE")


class PersonalData(StrEnum):
    """Kinds of personal data, as their placeholders call them."""

    EMAIL = "EMAIL"
    URL = "URL"
    IBAN = "IBAN"
    CARD = "CARD"
    ID = "ID"
    IP = "IP"
    PHONE = "PHONE"
    ADDRESS = "ADDRESS"
    NAME = "NAME"


@dataclass(frozen=True, slots=True)
class Found:
    """Personal data in a text, by character offsets, end exclusive."""

    start: int
    end: int
    kind: PersonalData


_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+%'-]{1,64}(?:@|\s?[(\[]at[)\]]\s?)(?:[\w-]{1,63}(?:\.|\s?[(\[]dot[)\]]\s?)){1,6}[A-Za-z]{2,24}\b"
)
_URL = re.compile(r"\bhttps?://[^\s<>\"'\])]+", re.IGNORECASE)
_SECRET_PARAMETERS = re.compile(
    r"(?:^|[-_])(?:token|key|apikey|secret|sig|signature|passw(?:or)?d|pwd|auth|session|sid|jwt|otp|code)$",
    re.IGNORECASE,
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_CARD = re.compile(r"(?<![\d.-])[3-6](?:[ -]?\d){12,18}(?![\d-])")
_IP4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)")
_IP6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
_VERSION = re.compile(r"(?:version|release|v|firmware)\s*$", re.IGNORECASE)
_SSN = re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])")
_NINO = re.compile(r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b")
_DNI = re.compile(r"\b(?:\d{8}|[XYZ]\d{7})-?[A-Z]\b")
_NIR = re.compile(r"(?<!\d)[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}(?!\d)")
_PHONE_LIKE = re.compile(r"(?:\+|\(?\d)(?:[\s().\-/]{0,2}\d){6}")
_HAS_DIGITS = re.compile(r"\d")
#: Six digits near each other: cards, phones and national ids have them. Most texts do not, and need no closer look.
_NUMBER_LIKE = re.compile(r"\d(?:[\s().\-/]{0,2}\d){5}")
_IP4_DOTS, _IP6_COLONS = 3, 2


def find_personal_data(text: str, phone_regions: tuple[str, ...] = DEFAULT_PHONE_REGIONS) -> list[Found]:
    """Personal data in a text, in its order, without overlaps; where two kinds overlap, the stricter form wins.

    Args:
        phone_regions: two-letter codes of the countries whose national phone numbers are looked for.
    """
    spans: list[Found] = []
    has_digits = _HAS_DIGITS.search(text) is not None
    has_numbers = has_digits and _NUMBER_LIKE.search(text) is not None
    for found in _with_own_form(text, has_digits=has_digits, has_numbers=has_numbers):
        _add(spans, found)
    if has_numbers:
        for found in _phones(_blanked(text, spans), phone_regions):
            _add(spans, found)
    if has_digits:
        for start, end in find_addresses(text):
            _add(spans, Found(start, end, PersonalData.ADDRESS))
    for start, end in find_names(text):
        _add(spans, Found(start, end, PersonalData.NAME))
    return sorted(spans, key=lambda span: span.start) if spans else spans


def _add(spans: list[Found], found: Found) -> None:
    if all(found.end <= other.start or found.start >= other.end for other in spans):
        spans.append(found)


def _blanked(text: str, spans: list[Found]) -> str:
    """The text of the same length, without what was found already."""
    for span in spans:
        text = f"{text[: span.start]}{'x' * (span.end - span.start)}{text[span.end :]}"
    return text


def _with_own_form(text: str, *, has_digits: bool, has_numbers: bool) -> Iterator[Found]:
    """What has a form or a checksum of its own, strictest first."""
    if "@" in text or "(at)" in text or "[at]" in text:
        yield from _matches(_EMAIL, text, PersonalData.EMAIL)
    if "://" in text:
        yield from _matches(_URL, text, PersonalData.URL, _carries_secret)
    if has_digits:
        yield from _ibans(text)
    if has_numbers:
        yield from _matches(_CARD, text, PersonalData.CARD, _passes_luhn)
        yield from _national_ids(text)
    if has_digits and text.count(".") >= _IP4_DOTS:
        yield from _addresses_of_machines(_IP4, text)
    if text.count(":") >= _IP6_COLONS:
        yield from _addresses_of_machines(_IP6, text)


def _matches(
    pattern: re.Pattern[str], text: str, kind: PersonalData, holds: Callable[[str], bool] = lambda _: True
) -> Iterator[Found]:
    for match in pattern.finditer(text):
        if holds(match.group()):
            yield Found(match.start(), match.end(), kind)


def _carries_secret(url: str) -> bool:
    try:
        parts = urlsplit(url)
        names = [name for name, _ in parse_qsl(f"{parts.query}&{parts.fragment}", max_num_fields=100)]
        return "@" in parts.netloc or any(_SECRET_PARAMETERS.search(name) for name in names)
    except ValueError:
        return False


def _ibans(text: str) -> Iterator[Found]:
    for match in _IBAN.finditer(text):
        # Imported here and below: only texts with such digits need the checks.
        from stdnum import iban

        # The next word may look like one more group.
        value = match.group()
        while value and not iban.is_valid(value):
            value = value.rpartition(" ")[0]
        if value:
            yield Found(match.start(), match.start() + len(value), PersonalData.IBAN)


def _passes_luhn(value: str) -> bool:
    from stdnum import luhn

    digits = re.sub(r"\D", "", value)
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn.is_valid(digits)


def _national_ids(text: str) -> Iterator[Found]:
    from stdnum.es import dni, nie
    from stdnum.fr import nir
    from stdnum.us import ssn

    yield from _matches(_SSN, text, PersonalData.ID, ssn.is_valid)
    yield from _matches(_NINO, text, PersonalData.ID)
    yield from _matches(_DNI, text, PersonalData.ID, lambda value: dni.is_valid(value) or nie.is_valid(value))
    yield from _matches(_NIR, text, PersonalData.ID, nir.is_valid)


def _addresses_of_machines(pattern: re.Pattern[str], text: str) -> Iterator[Found]:
    for match in pattern.finditer(text):
        if _is_somebodys_address(match.group()) and not _VERSION.search(text, 0, match.start()):
            yield Found(match.start(), match.end(), PersonalData.IP)


def _is_somebodys_address(value: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _phones(text: str, regions: tuple[str, ...]) -> Iterator[Found]:
    for region in regions or ("ZZ",):
        if not _PHONE_LIKE.search(text):
            return
        # Imported here: it takes a moment, and most processes never need it.
        import phonenumbers

        found = [Found(one.start, one.end, PersonalData.PHONE) for one in phonenumbers.PhoneNumberMatcher(text, region)]
        yield from found
        text = _blanked(text, found)


# -- Replacing


@dataclass
class Masker:
    """Replaces the personal data of one item, which may have several texts.

    Attributes:
        originals: placeholder -> what it stands for.
    """

    phone_regions: tuple[str, ...] = DEFAULT_PHONE_REGIONS
    originals: dict[str, str] = field(default_factory=dict)
    _placeholders: dict[tuple[PersonalData, str], str] = field(default_factory=dict)
    _counts: dict[PersonalData, int] = field(default_factory=dict)

    def mask(self, value: Any) -> Any:
        """The same JSON with the personal data of its texts replaced; names of members stay."""
        if isinstance(value, str):
            return self._mask_text(value)
        if isinstance(value, list):
            return [self.mask(one) for one in value]
        if isinstance(value, dict):
            return {name: self.mask(one) for name, one in value.items()}
        return value

    def _mask_text(self, text: str) -> str:
        found = find_personal_data(text, self.phone_regions)
        if not found:
            return text
        parts, last = [], 0
        for span in found:
            parts += [text[last : span.start], self._placeholder(span.kind, text[span.start : span.end], text)]
            last = span.end
        return "".join([*parts, text[last:]])

    def _placeholder(self, kind: PersonalData, value: str, text: str) -> str:
        key = (kind, _same(kind, value))
        while key not in self._placeholders:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            # A text may hold such words by itself; it must not be taken for ours.
            if (placeholder := f"[{kind.value} {number}]") not in text:
                self._placeholders[key] = placeholder
                self.originals[placeholder] = value
        return self._placeholders[key]


def _same(kind: PersonalData, value: str) -> str:
    """What two ways of writing the same value have in common."""
    if kind in (PersonalData.PHONE, PersonalData.CARD, PersonalData.IBAN, PersonalData.ID):
        return re.sub(r"[\s().\-/]", "", value).upper()
    return " ".join(value.casefold().split())


_PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(PersonalData)}) \d+\]")


def unmask(value: Any, originals: Mapping[str, str]) -> Any:
    """The same JSON with placeholders replaced by what they stand for."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: originals.get(match.group(), match.group()), value)
    if isinstance(value, list):
        return [unmask(one, originals) for one in value]
    if isinstance(value, dict):
        return {name: unmask(one, originals) for name, one in value.items()}
    return value
