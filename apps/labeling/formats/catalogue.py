"""The formats that items can be taken out in, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from apps.labeling.formats import coco, conll, hub, label_studio, tabular
from apps.labeling.formats.hub import ReadMedia
from apps.labeling.formats.items import Design, Item, Json
from apps.labeling.formats.label_studio_config import label_config

Writer = Callable[[Design, Iterable[Item], Json, ReadMedia | None], Iterator[bytes]]


@dataclass(frozen=True)
class Format:
    """One format.

    Args:
        write: (design, items, card, how media files are read where they are wanted inside) -> pieces of the file.
        needs: types of question of which a design must have one; none: any design will do.
    """

    name: str
    title: str
    extension: str
    content_type: str
    write: Writer
    needs: frozenset[str] = frozenset()

    def fault(self, design: Design) -> str:
        """Why a design has nothing for this format, or ''."""
        if not self.needs or any(True for _ in design.of_type(*self.needs)):
            return ""
        return f"{self.title} holds {', '.join(sorted(self.needs))}; nothing of the kind is asked here."


FORMATS = {
    one.name: one
    for one in (
        Format(
            "jsonl",
            "JSONL",
            "jsonl",
            "application/x-ndjson",
            lambda _design, items, _card, _media: tabular.write_jsonl(items),
        ),
        Format(
            "csv",
            "CSV",
            "csv",
            "text/csv; charset=utf-8",
            lambda design, items, _card, _media: tabular.write_csv(design, items),
        ),
        Format(
            "label_studio",
            "Label Studio JSON",
            "json",
            "application/json",
            lambda design, items, _card, _media: label_studio.write(design, items),
        ),
        Format(
            "label_config",
            "Label Studio config",
            "xml",
            "application/xml",
            lambda design, _items, _card, _media: iter([label_config(design).encode()]),
        ),
        Format(
            "coco",
            "COCO",
            "json",
            "application/json",
            lambda design, items, card, _media: coco.write(design, items, description=str(card.get("name", ""))),
            frozenset({"boxes", "polygons", "keypoints"}),
        ),
        Format(
            "conll",
            "CoNLL",
            "conll",
            "text/plain; charset=utf-8",
            lambda design, items, _card, _media: conll.write(design, items),
            frozenset({"spans"}),
        ),
        Format(
            "parquet",
            "Parquet",
            "parquet",
            "application/vnd.apache.parquet",
            lambda design, items, _card, media: hub.write_parquet(design, items, read_media=media),
        ),
        Format(
            "huggingface",
            "Hugging Face folder",
            "zip",
            "application/zip",
            lambda design, items, card, media: hub.write_folder(design, items, card, read_media=media),
        ),
    )
}
