"""Parquet with the features of the Hugging Face `datasets` library, and a folder that `load_dataset` opens.

A folder is a zip with `data/<split>-<n>-of-<m>.parquet` and a README.md that is the dataset card.
"""

from __future__ import annotations

import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import IO, Any

from apps.labeling.formats.hub_features import STRING, arrow_schema, column_names, features, item_of, plain, row_of
from apps.labeling.formats.items import MEDIA_TYPES, Design, FormatProblem, Item, Json

_ROWS_OF_A_GROUP = 1_000
ROWS_OF_A_SHARD = 200_000
_BYTES_OF_A_GROUP = 32 << 20
_CHUNK = 1 << 18
_SPOOL_BYTES = 8 << 20

ReadMedia = Callable[[Mapping[str, Any]], bytes | None]
"""A media value -> its file's bytes, or None where only its path is to be written."""

_TASKS = {
    "choice": "text-classification",
    "choices": "text-classification",
    "rating": "text-classification",
    "spans": "token-classification",
    "boxes": "object-detection",
    "polygons": "image-segmentation",
    "keypoints": "keypoint-detection",
    "transcription": "automatic-speech-recognition",
    "regions": "audio-classification",
    "dialogue": "text-generation",
}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
#: Licences that the Hub knows by a short name of its own form.
_LICENCES = frozenset({"mit", "apache-2.0", "odbl", "pddl", "cc0-1.0", "cc", "unknown", "gpl-3.0", "bsd-3-clause"})


class _Shards:
    """One split's rows on their way into Parquet files, group by group."""

    def __init__(self, found: Json, stack: ExitStack, rows_of_a_shard: int) -> None:
        self.schema = arrow_schema(found)
        self.stack = stack
        self.limit = rows_of_a_shard
        self.files: list[IO[bytes]] = []
        self.writer: Any = None
        self.rows: list[Json] = []
        self.bytes = 0
        self.in_shard = 0
        self.count = 0

    def add(self, row: Json, media_bytes: int) -> None:
        self.rows.append(row)
        self.bytes += media_bytes
        self.count += 1
        if len(self.rows) >= _ROWS_OF_A_GROUP or self.bytes >= _BYTES_OF_A_GROUP:
            self.flush()

    def flush(self) -> None:
        import pyarrow
        import pyarrow.parquet

        if self.writer is None:
            spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115  # the stack closes it
            self.stack.enter_context(spool)
            self.files.append(spool)
            self.writer = pyarrow.parquet.ParquetWriter(spool, self.schema, compression="zstd")
        self.writer.write_table(pyarrow.Table.from_pylist(self.rows, schema=self.schema))
        self.in_shard += len(self.rows)
        self.rows, self.bytes = [], 0
        if self.in_shard >= self.limit:
            self.close()

    def close(self) -> None:
        if self.rows or not self.files:
            self.flush()
        if self.writer is not None:
            self.writer.close()
        self.writer, self.in_shard = None, 0


def _with_media(design: Design, row: Json, item: Item, read_media: ReadMedia | None) -> int:
    """Put files' bytes into a row where they are wanted; how many bytes that were."""
    if read_media is None:
        return 0
    total = 0
    columns, _ = column_names(design)
    for one in design.inputs:
        value = item.data.get(one["name"])
        if one["type"] in MEDIA_TYPES and value:
            content = read_media(value)
            row[columns[one["name"]]]["bytes"] = content
            total += len(content or b"")
    return total


def write_parquet(
    design: Design, items: Iterable[Item], *, answers: bool = True, read_media: ReadMedia | None = None
) -> Iterator[bytes]:
    """One Parquet file, in pieces; the split is a column where items have one."""
    found = features(design, answers=answers) | {"split": STRING}
    with ExitStack() as stack:
        shards = _Shards(found, stack, rows_of_a_shard=1 << 62)
        for item in items:
            row = row_of(design, found, item) | {"split": item.split}
            shards.add(row, _with_media(design, row, item, read_media))
        shards.close()
        yield from _chunks(shards.files[0])


def write_folder(
    design: Design,
    items: Iterable[Item],
    card: Json,
    *,
    answers: bool = True,
    read_media: ReadMedia | None = None,
    rows_of_a_shard: int = ROWS_OF_A_SHARD,
) -> Iterator[bytes]:
    """A zip of the folder, in pieces. `card`: name, summary, licence, text (Markdown); see `card_markdown`."""
    found = features(design, answers=answers)
    with ExitStack() as stack:
        splits: dict[str, _Shards] = {}
        for item in items:
            split = _split_name(item.split)
            if split not in splits:
                splits[split] = _Shards(found, stack, rows_of_a_shard)
            row = row_of(design, found, item)
            splits[split].add(row, _with_media(design, row, item, read_media))
        if not splits:
            raise FormatProblem("There are no items to export.")
        target = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES))
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            rows = {name: shards.count for name, shards in splits.items()}
            archive.writestr("README.md", card_markdown(card, design, rows))
            for name, shards in splits.items():
                shards.close()
                for place, file in enumerate(shards.files):
                    path = f"data/{name}-{place:05d}-of-{len(shards.files):05d}.parquet"
                    with archive.open(path, "w", force_zip64=True) as member:
                        for chunk in _chunks(file):
                            member.write(chunk)
        yield from _chunks(target)


def _chunks(file: Any) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk


def _split_name(split: str) -> str:
    name = re.sub(r"\W+", "_", split, flags=re.ASCII).strip("_")
    return name or "train"


def card_markdown(card: Json, design: Design, rows: Mapping[str, int]) -> str:
    """The dataset card: YAML front matter that the Hub reads, then the text. JSON is YAML, so values are JSON."""
    total = sum(rows.values())
    licence = str(card.get("licence") or "").strip()
    front: Json = {"pretty_name": str(card.get("name") or "Dataset")}
    front |= _licence_lines(licence)
    front["size_categories"] = [next((name for limit, name in _SIZES if total < limit), "n>1M")]
    tasks = sorted({_TASKS[control["type"]] for control in design.controls if control["type"] in _TASKS})
    if tasks:
        front["task_categories"] = tasks
    files = [{"split": name, "path": f"data/{name}-*"} for name in rows]
    front["configs"] = [{"config_name": "default", "data_files": files}]
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()]
    summary = str(card.get("summary") or "").strip()
    text = [f"# {front['pretty_name']}", summary, str(card.get("text") or "").strip()]
    return "\n".join(["---", *lines, "---", ""]) + "\n" + "\n\n".join(part for part in text if part) + "\n"


def _licence_lines(licence: str) -> Json:
    if not licence:
        return {}
    short = licence.lower()
    if short in _LICENCES or re.fullmatch(r"cc-by(-nc)?(-sa|-nd)?-[1-4]\.0", short):
        return {"license": short}
    link = {"license_link": licence} if licence.startswith("https://") else {}
    return {"license": "other", "license_name": licence[:80], **link}


# -- In


def read_parquet(file: IO[bytes]) -> Iterator[Json]:
    """The rows of a Parquet file, with class names instead of numbers where the file says which they are."""
    import pyarrow
    import pyarrow.parquet

    try:
        parquet = pyarrow.parquet.ParquetFile(file)
    except pyarrow.ArrowInvalid as error:
        raise FormatProblem(f"This is no Parquet file: {error}.") from error
    found = _features_of(parquet.schema_arrow.metadata or {})
    for batch in parquet.iter_batches(batch_size=_ROWS_OF_A_GROUP):
        for row in batch.to_pylist():
            yield {name: plain(found.get(name, {"_type": "Value"}), value) for name, value in row.items()}


def _features_of(metadata: Mapping[bytes, bytes]) -> Json:
    try:
        found = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def read_items(design: Design, file: IO[bytes], *, split: str = "") -> Iterator[Item]:
    """The items of a Parquet file that was written here."""
    for row in read_parquet(file):
        yield item_of(design, row, split=str(row.get("split") or split))
