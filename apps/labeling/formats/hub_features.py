"""The columns of a design as features of the Hugging Face `datasets` library, and values to and from them.

Lists are written as JSON lists (`[feature]`), which every version of the library reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from apps.labeling.formats.items import MEDIA_TYPES, Answered, Design, Item, Json, class_names, media_address

STRING: Json = {"dtype": "string", "_type": "Value"}
_INTEGER: Json = {"dtype": "int64", "_type": "Value"}
_FLOAT: Json = {"dtype": "float64", "_type": "Value"}
_MEDIA = {"image": "Image", "audio": "Audio", "video": "Video"}
_TURN: Json = {"role": STRING, "content": STRING}
_ANSWER: Json = {"annotator": STRING, "answer": STRING, "elapsed_ms": _INTEGER, "state": STRING}
_RESERVED = ("id", "confidence", "made_by", "answers", "split")


def column_names(design: Design) -> tuple[dict[str, str], dict[str, str]]:
    """Column of each input and of each control, by name; a name that is taken already gets an ending."""
    taken = set(_RESERVED)
    inputs, controls = {}, {}
    for one in design.inputs:
        inputs[one["name"]] = _free(one["name"], "input", taken)
    for one in design.controls:
        controls[one["name"]] = _free(one["name"], "answer", taken)
    return inputs, controls


def _free(name: str, ending: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}_{ending}"
    taken.add(name)
    return name


def features(design: Design, *, answers: bool = True) -> Json:
    """The features of a design's items, in the library's JSON."""
    inputs, controls = column_names(design)
    found: Json = {"id": STRING}
    found |= {inputs[one["name"]]: _input_feature(one["type"]) for one in design.inputs}
    found |= {controls[one["name"]]: _control_feature(one) for one in design.controls}
    found |= {"confidence": _FLOAT, "made_by": STRING}
    return found | ({"answers": [_ANSWER]} if answers else {})


def _input_feature(kind: str) -> Any:
    if kind in _MEDIA:
        return {"_type": _MEDIA[kind]}
    if kind == "candidates":
        return [{"key": STRING, "text": STRING}]
    return [_TURN] if kind == "dialogue" else STRING


def _label(names: list[str]) -> Json:
    return {"names": names, "_type": "ClassLabel"} if names else STRING


def _control_feature(control: Json) -> Any:
    label = _label(class_names(control))
    kinds: dict[str, Any] = {
        "choice": label,
        "choices": [label],
        "rating": _INTEGER,
        "ranking": [STRING],
        "spans": {
            "spans": [{"start": _INTEGER, "end": _INTEGER, "label": label}],
            "relations": [
                {"from": _INTEGER, "to": _INTEGER, "label": _label(class_names(control, "relation_classes"))}
            ],
        },
        "boxes": [{"x": _FLOAT, "y": _FLOAT, "width": _FLOAT, "height": _FLOAT, "label": label}],
        "polygons": [{"points": [[_FLOAT]], "label": label}],
        "keypoints": [{"x": _FLOAT, "y": _FLOAT, "label": label}],
        "regions": [{"start_ms": _INTEGER, "end_ms": _INTEGER, "label": label, "text": STRING}],
        "dialogue": [_TURN],
    }
    return kinds.get(control["type"], STRING)


def arrow_type(feature: Any) -> Any:
    """The Arrow type of a feature."""
    # Imported here: a web process that exports nothing never needs it.
    import pyarrow

    if isinstance(feature, list):
        return pyarrow.list_(arrow_type(feature[0]))
    kind = feature.get("_type")
    if kind == "ClassLabel":
        return pyarrow.int64()
    if kind in _MEDIA.values():
        return pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    if kind == "Value":
        return {"string": pyarrow.string(), "int64": pyarrow.int64(), "float64": pyarrow.float64()}[feature["dtype"]]
    return pyarrow.struct([(name, arrow_type(one)) for name, one in feature.items()])


def arrow_schema(found: Json) -> Any:
    """The Arrow schema of features, which carries them for the library."""
    import pyarrow

    schema = pyarrow.schema([(name, arrow_type(feature)) for name, feature in found.items()])
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": found}})})


def encoded(feature: Any, value: Any) -> Any:
    """A value as Arrow stores it: class names become numbers."""
    if value is None or value == "":
        return None if not isinstance(feature, Mapping) or feature.get("dtype") != "string" else value
    if isinstance(feature, list):
        return [encoded(feature[0], one) for one in value]
    if feature.get("_type") == "ClassLabel":
        return feature["names"].index(value)
    if "_type" in feature:
        return value
    return {name: encoded(one, value.get(name)) for name, one in feature.items()}


def plain(feature: Any, value: Any) -> Any:
    """The reverse of `encoded`, for any features: numbers of classes become their names, other types stay."""
    if value is None:
        return None
    if isinstance(feature, list):
        return [plain(feature[0], one) for one in value]
    if not isinstance(feature, Mapping):
        return value
    kind = feature.get("_type")
    if kind == "ClassLabel":
        return feature["names"][value] if isinstance(value, int) and 0 <= value < len(feature["names"]) else None
    if kind in ("List", "Sequence", "LargeList"):
        if isinstance(value, Mapping):  # a sequence of structs, which older versions turn inside out
            return {name: plain([one], value.get(name)) for name, one in feature["feature"].items()}
        return [plain(feature["feature"], one) for one in value]
    if kind is not None or not isinstance(value, Mapping):
        return value
    return {name: plain(one, value.get(name)) for name, one in feature.items()}


def row_of(design: Design, found: Json, item: Item) -> Json:
    """An item as a row of these features; media by path, without bytes."""
    inputs, controls = column_names(design)
    answer = item.result or item.gold or {}
    row: Json = {"id": item.id, "confidence": item.confidence, "made_by": item.made_by}
    for one in design.inputs:
        value, column = item.data.get(one["name"]), inputs[one["name"]]
        if one["type"] in MEDIA_TYPES:
            row[column] = {"bytes": None, "path": media_address(value)} if value else None
        else:
            row[column] = encoded(found[column], value)
    for name, column in controls.items():
        row[column] = encoded(found[column], answer.get(name))
    if "answers" in found:
        row["answers"] = [
            {
                "annotator": one.annotator,
                "answer": json.dumps(one.answer, ensure_ascii=False, separators=(",", ":")),
                "elapsed_ms": one.elapsed_ms,
                "state": one.state,
            }
            for one in item.answers
        ]
    return row


def item_of(design: Design, row: Json, *, split: str = "") -> Item:
    """The reverse of `row_of`, from a row whose classes are names again (`plain`)."""
    inputs, controls = column_names(design)
    data: Json = {}
    for one in design.inputs:
        value = row.get(inputs[one["name"]])
        data[one["name"]] = {"url": value["path"]} if one["type"] in MEDIA_TYPES and value else value
    result = {
        one["name"]: _tidy(one["type"], row[controls[one["name"]]])
        for one in design.controls
        if row.get(controls[one["name"]]) is not None
    }
    answers = tuple(
        Answered(one["annotator"] or "", json.loads(one["answer"]), one["elapsed_ms"], one["state"] or "")
        for one in row.get("answers") or ()
    )
    made_by = row.get("made_by") or ""
    return Item(str(row.get("id", "")), data, result or None, row.get("confidence"), made_by, answers, split=split)


def _tidy(kind: str, value: Any) -> Any:
    """Floats that are whole become integers again, texts that are not there go."""
    if isinstance(value, list):
        return [_tidy(kind, one) for one in value]
    if isinstance(value, dict):
        return {key: _tidy(kind, one) for key, one in value.items() if one is not None}
    if isinstance(value, float) and value == int(value):
        return int(value)
    return value
