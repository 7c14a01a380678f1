"""From a record as it was read to an item as it is kept, or to what is wrong with it. Without the database."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.labeling.import_types import MediaKind, Record, UnusableMedia
from apps.labeling.imports.licences import BY_ROW, spdx
from apps.labeling.imports.masking import Masker
from apps.labeling.imports.reading import MediaFile

MAX_ID = 200
MAX_PART = 2_000
MAX_TEXT = 20_000
MAX_KEPT = 20_000
#: Columns that are about an item and are not shown to annotators.
ABOUT = frozenset({"id", "label", "gold", "licence", "license", "source", "consent"})
#: Columns that a downloaded quarantine list adds.
CONTROL = frozenset({"_file", "_row", "_field", "_reason", "_what_to_do"})
_FILE_COLUMNS = frozenset({"file", "filename", "file_name", "path"})
_REQUIRED_KIND = {kind.value: kind for kind in MediaKind}

_SURROGATE = re.compile("[\ud800-\udfff]")

#: Keeps a media file and says how it is referred to: {media, content_type, bytes, …, kind}; raises UnusableMedia.
Keep = Callable[[MediaFile], dict[str, Any]]


@dataclass(slots=True)
class Prepared:
    """An item ready to be stored; `originals` are the personal data behind its placeholders."""

    row: int
    file: str
    external_id: str
    data: dict[str, Any]
    known: dict[str, str]
    licence: str
    source: str
    consent: str
    originals: dict[str, str]
    kinds: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that is left out."""

    row: int
    file: str
    field: str
    reason: str
    remedy: str
    content: dict[str, Any]


class _Fault(Exception):
    def __init__(self, column: str, reason: str, remedy: str = "Correct the row and import it again.") -> None:
        super().__init__(reason)
        self.column, self.reason, self.remedy = column, reason, remedy


@dataclass(frozen=True)
class Rules:
    """What holds for all items of an import."""

    licence: str
    source: str
    masking: bool
    phone_regions: tuple[str, ...]


def prepare(record: Record, rules: Rules, keep: Keep) -> Prepared | Bad:
    """Check and clean one record."""
    place = _place(record)
    if record.fault:
        return Bad(*place, record.field, record.fault, record.remedy, content_of(record.values))
    try:
        return _prepared(record, place, rules, keep)
    except _Fault as fault:
        return Bad(*place, fault.column, fault.reason, fault.remedy, content_of(record.values))


def _prepared(record: Record, place: tuple[int, str], rules: Rules, keep: Keep) -> Prepared:
    values = record.values
    external_id = _text(values.get("id"), "id").strip()
    if len(external_id) > MAX_ID:
        raise _Fault("id", f"The id is longer than {MAX_ID} characters.")
    licence = _licence(values, rules)
    data: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    for column, value in values.items():
        if column in ABOUT or column in CONTROL:
            continue
        name, cleaned, kind = _cleaned(column, value, keep)
        if name in data:
            raise _Fault(column, f"The row has more than one {name}.", "Name the columns image, audio and video.")
        data[name], kinds[name] = cleaned, kind
    if not any(value not in ("", [], {}) for value in data.values()):
        shown = next(iter(data), "text")
        raise _Fault(shown, "The row holds nothing to be labelled: each of its fields is empty.")
    originals: dict[str, str] = {}
    if rules.masking:
        masker = Masker(rules.phone_regions)
        data = {name: value if kinds[name] in _REQUIRED_KIND else masker.mask(value) for name, value in data.items()}
        originals = masker.originals
    return Prepared(
        *place,
        external_id=external_id,
        data=data,
        known={name: text for name in ("label", "gold") if (text := _text(values.get(name), name).strip())},
        licence=licence,
        source=_text(values.get("source"), "source").strip()[:MAX_PART] or rules.source,
        consent=_text(values.get("consent"), "consent").strip()[:MAX_PART],
        originals=originals,
        kinds=kinds,
    )


def _place(record: Record) -> tuple[int, str]:
    """Row and file of a record; those of the row that it corrects, where it does."""
    row, file = str(record.values.get("_row") or ""), record.values.get("_file")
    if row.isdecimal() and len(row) < 10 and isinstance(file, str) and file:
        return int(row), file[:500]
    return record.row, _storable(record.file)[:500]


def _licence(values: dict[str, Any], rules: Rules) -> str:
    own = _text(values.get("licence") or values.get("license"), "licence").strip()
    if not own:
        if rules.licence == BY_ROW:
            raise _Fault(
                "licence",
                "The row names no licence, and the import gives none for all.",
                "Fill in the column “licence” with an SPDX id such as CC-BY-4.0.",
            )
        return rules.licence
    normal = spdx(own)
    if normal is None:
        raise _Fault("licence", f"“{own[:60]}” is no SPDX licence.", "Use an id such as CC0-1.0, CC-BY-4.0 or MIT.")
    return normal


def _cleaned(column: str, value: Any, keep: Keep) -> tuple[str, Any, str]:
    """An input's name, value and kind."""
    if isinstance(value, MediaFile):
        try:
            kept = keep(value)
        except UnusableMedia as error:
            raise _Fault(column if column != "file" else "", error.reason, error.remedy) from None
        kind = kept.pop("kind")
        wanted = _REQUIRED_KIND.get(column)
        if wanted is not None and wanted != kind:
            raise _Fault(column, f"The file is no {wanted}: its content is {kept.get('content_type', kind)}.")
        if kind == "text":
            return "text", kept["text"], "text"
        return (kind if column in _FILE_COLUMNS else column), kept, kind
    if isinstance(value, list):
        return column, value, _kind_of_list(column, value)
    if isinstance(value, dict):
        raise _Fault(column, "Holds an object; a field must be text, a number, candidates or a dialogue.")
    return column, _text(value, column), "text"


def _kind_of_list(column: str, value: list[Any]) -> str:
    for kind, members in (("dialogue", {"role", "content"}), ("candidates", {"key", "text"})):
        if value and all(isinstance(one, dict) and set(one) == members for one in value):
            if all(isinstance(part, str) and part for one in value for part in one.values()):
                return kind
            raise _Fault(column, f"Each part of {kind} must be text that is not empty.")
    raise _Fault(
        column,
        "Holds a list that is neither a dialogue nor candidates.",
        "A dialogue is [{“role”, “content”}, …]; candidates are [{“key”, “text”}, …].",
    )


def _text(value: Any, column: str) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise _Fault(column, "Must be text, a number, or true or false.")


def content_of(values: dict[str, Any]) -> dict[str, Any]:
    """A row as a quarantine list keeps it: storable, and not endless."""
    kept: dict[str, Any] = {}
    room = MAX_KEPT
    for column, value in values.items():
        if column in CONTROL:
            continue
        text = value.name if isinstance(value, MediaFile) else value if isinstance(value, str) else _json(value)
        kept[_storable(str(column))[:200]] = _storable(text)[: max(0, room)]
        room -= len(text)
    return kept


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _storable(text: str) -> str:
    """Text without what PostgreSQL cannot hold; broken bytes show as U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "�")
    return text if text.isascii() else _SURROGATE.sub("�", text)


def sha256_of(path: Path) -> str:
    """A file's SHA-256 in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
