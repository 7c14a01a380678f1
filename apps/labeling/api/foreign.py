"""Items of an order from other tools' files: Label Studio, CoNLL, COCO, Parquet of the Hugging Face hub.

What a file says about an item becomes its known answer; as with other uploads, a share of the items with one become
check questions, and the other known answers are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any

from apps.core.errors import FieldProblem, InvalidInput
from apps.labeling.api.exports import design_from_config, rows_from_tasks
from apps.labeling.formats import coco, conll, hub
from apps.labeling.formats.items import Design, FormatProblem, Item
from apps.labeling.uploads import MAX_ITEMS

FORMATS = ("label_studio", "conll", "coco", "parquet")
_SHOWN = 50


@dataclass(frozen=True)
class Foreign:
    """What a file brought.

    Attributes:
        design: the order's, as JSON; None: the plain text classification's.
        rows: the items; empty where they are those of an import.
        known: file name of an imported item -> its known answer.
    """

    design: dict[str, Any] | None
    rows: list[dict[str, Any]] = field(default_factory=list)
    known: dict[str, Mapping[str, Any]] = field(default_factory=dict)


def read_foreign(data: Mapping[str, Any]) -> Foreign:
    """Read the `file` of a new order in its `format`. Raises InvalidInput naming line, image or task."""
    file, design = data["file"], data.get("design")
    try:
        match data["format"]:
            case "label_studio":
                return _label_studio(file, data.get("label_config"))
            case "conll":
                return _conll(file, design)
            case "coco":
                return _coco(file, design)
            case _:
                return Foreign(design, list(islice(hub.read_parquet(file), MAX_ITEMS + 1)))
    except FormatProblem as problem:
        raise _refused([str(problem)], 1) from problem


def _label_studio(file: IO[bytes], config: str | None) -> Foreign:
    if config is None:
        raise FormatProblem("A Label Studio export needs its config: give it as `label_config`.")
    return Foreign(design_from_config(config), rows_from_tasks(config, file))


def _conll(file: IO[bytes], design: dict[str, Any] | None) -> Foreign:
    control, text = "entities", "text"
    if design is not None:
        asked = next(Design.from_json(design).of_type("spans"), None)
        if asked is None:
            raise FormatProblem("CoNLL holds spans of text; the design asks for none.")
        control, text = str(asked["name"]), str(asked["input"])
    items = list(islice(conll.read(file, text=text, control=control), MAX_ITEMS + 1))
    if design is None:
        labels = dict.fromkeys(span["label"] for one in items for span in _known(one)[control]["spans"])
        if not labels:
            raise FormatProblem("The file has no tag but O. Give a design with the classes to mark.")
        design = conll.design_of(labels, text=text, control=control).as_json()
    return Foreign(design, [{"id": one.id, **one.data, **_known(one)} for one in items])


def _coco(file: IO[bytes], design: dict[str, Any] | None) -> Foreign:
    image = "image"
    if design is not None:
        shown = next((one for one in design.get("inputs", ()) if one.get("type") == "image"), None)
        if shown is None:
            raise FormatProblem("COCO holds shapes on images; the design shows none.")
        image = str(shown["name"])
    found = coco.read(file, image=image)
    if found.problem_count:
        raise _refused(found.problems, found.problem_count)
    if design is None:
        if not found.design.controls:
            raise FormatProblem("The file has no annotation. Give a design that says what to mark.")
        design = found.design.as_json()
    names = {control["name"] for control in design["controls"]}
    return Foreign(design, known={_file_of(one, image): _of(_known(one), names) for one in found.items})


def _file_of(item: Item, image: str) -> str:
    return str(item.data[image]["url"])


def _known(item: Item) -> Mapping[str, Any]:
    return item.gold or {}


def _of(known: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any]:
    return {name: known[name] for name in names if name in known}


def _refused(problems: list[str], count: int) -> InvalidInput:
    errors: list[FieldProblem] = [{"field": "file", "message": one} for one in problems[:_SHOWN]]
    more = f" (and {count - 1:,} more)" if count > 1 else ""
    return InvalidInput("invalid_file", f"{problems[0]}{more}; nothing was saved.", errors=errors, error_count=count)
