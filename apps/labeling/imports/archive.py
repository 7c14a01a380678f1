"""Zip files of media, with or without a manifest: every entry is looked at before anything is unpacked.

Nothing is ever written by an entry's name, so a name that climbs out of its folder could do no harm; such entries are
refused all the same, for they are nobody's honest data.
"""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from apps.core.errors import InvalidInput
from apps.labeling.import_types import MAX_MEDIA_BYTES, Record, UnusableMedia
from apps.labeling.imports.reading import TABLE_ENDINGS, MediaFile, Place, table_records

MAX_ENTRIES = 200_000
#: The list of an archive's files, which is read at once before anything else is known of it.
MAX_LIST_BYTES = 32 * 1024**2
MAX_TOTAL_BYTES = 50 * 1024**3
MAX_TABLE_BYTES = 4 * 1024**3
#: Honest files are seldom packed better than 1:100; a bomb is 1:1000 and more.
MAX_RATIO = 300
RATIO_FROM_BYTES = 1_000_000
#: Columns of a manifest that name a file of the archive.
FILE_COLUMNS = ("file", "filename", "file_name", "path", "image", "audio", "video")
MANIFESTS = ("manifest", "metadata")
_HIDDEN = re.compile(r"(?:^|/)(?:__MACOSX|\.(?!\.?(?:/|$))[^/]*|Thumbs\.db|desktop\.ini)(?:/|$)", re.IGNORECASE)
_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 0x1
#: LZMA is left out: how much memory unpacking takes stands in the file.
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)


@dataclass(frozen=True)
class _Entry:
    info: zipfile.ZipInfo
    name: str
    fault: str = ""
    remedy: str = ""

    @property
    def is_table(self) -> bool:
        return not self.fault and self.name.lower().endswith(TABLE_ENDINGS)

    @property
    def is_manifest(self) -> bool:
        return self.is_table and PurePosixPath(self.name).stem.lower() in MANIFESTS


class ZipSource:
    """A zip file of media, of tables, or of media with a manifest (CSV, JSONL or Parquet) that has a row for each."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.file, self.name = file, name
        bounded = _Bounded(file)
        try:
            self.archive = zipfile.ZipFile(bounded)
        except _ListTooLong as error:
            raise _unusable("too_many_files", name, f"It has more than {MAX_ENTRIES:,} files. Split it.") from error
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise _unusable("broken_zip", name, f"The zip file is broken: {error}. Pack it again.") from error
        bounded.most = None
        self.entries = _checked(self.archive.infolist(), name)
        self.named: set[str] = set()
        self._has_manifest = any(entry.is_manifest for entry in self.entries)
        tables = [entry for entry in self.entries if entry.is_table]
        if self._has_manifest:
            tables = [entry for entry in tables if entry.is_manifest]
        # Tables come first: a manifest must have been read before it is known which files it leaves out.
        first = {entry.name for entry in tables}
        self.members = tables + [entry for entry in self.entries if entry.fault or entry.name not in first]
        self.by_name = {entry.name: entry for entry in self.entries}
        self._total = max(1, sum(entry.info.file_size for entry in self.entries))

    def records(self, start: Place) -> Iterator[Record]:
        """A record for each row of a table and each file that no row names."""
        done = 0
        for member, entry in enumerate(self.members):
            before, done = done / self._total, done + entry.info.file_size
            share = entry.info.file_size / self._total
            if entry.is_table and (entry.is_manifest or not self._has_manifest):
                # A manifest is read again from its start, for the files that its rows name.
                skip = start.index if member == start.member else 0 if member > start.member else -1
                for record in self._rows(entry, member, max(0, skip)):
                    if skip >= 0 and record.index > skip:
                        yield _scaled(record, before, share)
            elif entry.name not in self.named and member >= start.member and (member, 1) > (start.member, start.index):
                yield self._file(entry, member, before + share)

    def close(self) -> None:
        """Close the archive."""
        self.archive.close()
        self.file.close()

    def _file(self, entry: _Entry, member: int, fraction: float) -> Record:
        fault, remedy = entry.fault, entry.remedy
        if not fault and self._has_manifest:
            fault, remedy = "The manifest has no row for this file.", "Add a row for it, or leave the file out."
        values: dict[str, Any] = {} if fault else {"file": self._media(entry)}
        return Record(member, 1, 1, entry.name, values, fraction, "", fault, remedy)

    def _rows(self, table: _Entry, member: int, skip: int) -> Iterator[Record]:
        folder = str(PurePosixPath(table.name).parent)
        try:
            with self.archive.open(table.info) as content:
                # Rows are counted from the first even behind `skip`, so that the files they name are known.
                for record in table_records(content, table.name, table.info.file_size, member, 0):
                    yield self._with_files(record, folder)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise _unusable("broken_zip", self.name, f"“{table.name}” in it cannot be unpacked: {error}.") from error

    def _with_files(self, record: Record, folder: str) -> Record:
        values, field, fault, remedy = dict(record.values), record.field, record.fault, record.remedy
        for column in FILE_COLUMNS:
            value = values.get(column)
            if not isinstance(value, str) or not value:
                continue
            wanted = value.strip().replace("\\", "/").removeprefix("./")
            entry = self.by_name.get(f"{folder}/{wanted}" if folder != "." else wanted) or self.by_name.get(wanted)
            if entry is None:
                if not fault:
                    field, fault = column, f"There is no file “{value[:100]}” in the archive."
                    remedy = "Give the file's path as it is in the zip."
                continue
            self.named.add(entry.name)
            if entry.fault and not fault:
                field, fault, remedy = column, f"“{entry.name}”: {entry.fault}", entry.remedy
            values[column] = self._media(entry)
        return Record(
            record.member, record.index, record.row, record.file, values, record.fraction, field, fault, remedy
        )

    def _media(self, entry: _Entry) -> MediaFile:
        def write(target: Path) -> None:
            try:
                with self.archive.open(entry.info) as content, target.open("wb") as file:
                    shutil.copyfileobj(content, file, 1 << 20)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
                raise UnusableMedia(f"The file cannot be unpacked: {error}.", "Pack the zip again.") from error

        return MediaFile(entry.name, write)


class _ListTooLong(Exception):
    """An archive's list of files would fill the memory."""


class _Bounded:
    """A file of which no more than `most` bytes are read at once, if any; zipfile reads the list of files whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.most: int | None = MAX_LIST_BYTES

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def read(self, size: int = -1) -> bytes:
        """As of any file; raises _ListTooLong."""
        if self.most is None:
            return self.file.read(size)
        data = self.file.read(self.most + 1) if size < 0 or size > self.most else self.file.read(size)
        if len(data) > self.most:
            raise _ListTooLong
        return data


def _scaled(record: Record, before: float, share: float) -> Record:
    return Record(
        record.member,
        record.index,
        record.row,
        record.file,
        record.values,
        before + share * record.fraction,
        record.field,
        record.fault,
        record.remedy,
    )


def _checked(infos: list[zipfile.ZipInfo], archive: str) -> list[_Entry]:
    """The entries that are data, each with what is wrong with it. Raises InvalidInput for an archive that is a bomb."""
    if len(infos) > MAX_ENTRIES:
        raise _unusable("too_many_files", archive, f"It has more than {MAX_ENTRIES:,} files. Split it.")
    if sum(info.file_size for info in infos) > MAX_TOTAL_BYTES:
        raise _unusable("zip_bomb", archive, f"Unpacked it has more than {MAX_TOTAL_BYTES // 1024**3} GB. Split it.")
    _refuse_overlaps(infos, archive)
    found: list[_Entry] = []
    seen: set[str] = set()
    for info in infos:
        name = _name_of(info)
        if info.is_dir() or _HIDDEN.search(name):
            continue
        if name == "[Content_Types].xml":
            raise _unusable("not_a_table", archive, "It is an Excel or Word file. Export the table as CSV or JSONL.")
        fault, remedy = _fault(info, name)
        if not fault and name in seen:
            fault, remedy = "Another file of the archive has the same name.", "Give each file a name of its own."
        seen.add(name)
        found.append(_Entry(info, name, fault, remedy))
    if not found:
        raise _unusable("empty_file", archive, "There are no files in it.")
    return found


def _refuse_overlaps(infos: list[zipfile.ZipInfo], archive: str) -> None:
    """Entries that share their bytes are how a small file unpacks to a huge one."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise _unusable("zip_bomb", archive, "Files in it share the same bytes. Pack it again.")
        end = info.header_offset + info.compress_size


def _name_of(info: zipfile.ZipInfo) -> str:
    """An entry's name; without the mark for UTF-8 many programs write UTF-8 all the same."""
    name = info.filename
    if not info.flag_bits & _UTF8_FLAG:
        try:
            name = name.encode("cp437").decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            name = info.filename
    return name.replace("\\", "/").removeprefix("./")


def _fault(info: zipfile.ZipInfo, name: str) -> tuple[str, str]:
    """What is wrong with an entry, and what to do; ('', '') for a good one."""
    parts = PurePosixPath(name).parts
    limit = MAX_TABLE_BYTES if name.lower().endswith(TABLE_ENDINGS) else MAX_MEDIA_BYTES
    if name.startswith("/") or ".." in parts or re.match(r"^[A-Za-z]:", name):
        return "Its name leads out of the archive.", "Pack the folder again without “..” and without a drive."
    if not name.isprintable() or len(name) > 500:
        return "Its name holds control characters, or is longer than 500 characters.", "Rename the file."
    if stat.S_ISLNK(info.external_attr >> 16):
        return "It is a link to another file.", "Pack the file itself."
    if info.flag_bits & _ENCRYPTED_FLAG:
        return "It is encrypted.", "Pack the archive without a password."
    if info.compress_type not in _PACKINGS:
        return "It is packed in a way that is not read here.", "Pack the archive with the usual method (deflate)."
    if info.file_size == 0:
        return "The file is empty.", "Leave it out, or save it again."
    if info.file_size > limit:
        return f"It has more than {limit // 1024**2:,} MB.", "Make it smaller or split it."
    if info.file_size > RATIO_FROM_BYTES and info.file_size > MAX_RATIO * max(1, info.compress_size):
        return f"Unpacked it is more than {MAX_RATIO} times as large as packed, like a zip bomb.", "Leave it out."
    return "", ""


def _unusable(code: str, name: str, message: str) -> InvalidInput:
    return InvalidInput(code, f"“{name}”: {message}", errors=[{"file": name, "message": message}])
