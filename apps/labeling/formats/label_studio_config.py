"""A design as a Label Studio labelling config.

What Label Studio has no word for (least and most choices, tolerance of a number, a tie) goes into attributes of our
own, `data-question` and `data-config`, which Label Studio leaves alone: what was written here is read back the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import quoteattr

from apps.labeling.formats.items import Design, Json, class_names

#: What every control has, or what its element says in Label Studio's own words.
_SPOKEN = frozenset({"type", "name", "input", "title", "required", "classes"})
_OBJECTS = {"text": "Text", "image": "Image", "audio": "Audio", "video": "Video", "dialogue": "Paragraphs"}
_CONTROLS: dict[str, tuple[str, str]] = {
    "choice": ("Choices", "Choice"),
    "choices": ("Choices", "Choice"),
    "rating": ("Rating", ""),
    "ranking": ("Ranker", ""),
    "preference": ("Pairwise", ""),
    "text": ("TextArea", ""),
    "number": ("Number", ""),
    "spans": ("Labels", "Label"),
    "boxes": ("RectangleLabels", "Label"),
    "polygons": ("PolygonLabels", "Label"),
    "keypoints": ("KeyPointLabels", "Label"),
    "transcription": ("TextArea", ""),
    "regions": ("Labels", "Label"),
    "dialogue": ("TextArea", ""),
}
REGION_TEXT = "_text"
"""Ends the name of the text area that belongs to the regions of a control."""


def label_config(design: Design) -> str:
    """The XML of a design. Raises KeyError for a type of question that has no element yet."""
    lines = ["<View>"]
    for one in design.inputs:
        lines += _object_lines(design, one)
    for control in design.controls:
        lines += _control_lines(design, control)
    return "\n".join([*lines, "</View>", ""])


def target_name(design: Design, control: Json) -> str:
    """What a control's element is about (`toName`)."""
    name: str = control["input"]
    if control["type"] == "preference":
        return f"{name}_1,{name}_2"
    if control["type"] == "regions" and design.input_type(control["input"]) == "video":
        return f"{name}_sound"
    if design.input_type(control["input"]) == "candidates" and _only_pairs(design, control["input"]):
        return f"{name}_1"
    return name


def _only_pairs(design: Design, input_name: str) -> bool:
    """Whether candidates are only ever compared in twos, so that the list itself is not shown."""
    return not any(c["type"] == "ranking" and c["input"] == input_name for c in design.controls)


def _object_lines(design: Design, one: Json) -> Iterator[str]:
    name, value = one["name"], f"${one['name']}"
    if one.get("title"):
        yield f"  {_tag('Header', value=one['title'])}"
    kind = one["type"]
    if kind == "candidates":
        yield from _candidate_lines(design, one["name"])
        return
    more: Json = {}
    if kind == "dialogue":
        more = {"layout": "dialogue", "nameKey": "role", "textKey": "content"}
    sounds = kind == "video" and any(c["type"] == "regions" and c["input"] == one["name"] for c in design.controls)
    if sounds:
        more = {"sync": name}
    yield f"  {_tag(_OBJECTS[kind], name=name, value=value, **more)}"
    if sounds:
        # Label Studio marks times on a waveform; a video's own timeline counts frames, whose rate is not known here.
        yield f"  {_tag('Audio', name=f'{name}_sound', value=value, sync=name)}"


def _candidate_lines(design: Design, input_name: str) -> Iterator[str]:
    if not _only_pairs(design, input_name):
        yield f"  {_tag('List', name=input_name, value=f'${input_name}')}"
    if _only_pairs(design, input_name) or any(
        c["type"] == "preference" and c["input"] == input_name for c in design.controls
    ):
        for side in (1, 2):
            yield f"  {_tag('Text', name=f'{input_name}_{side}', value=f'${input_name}_{side}')}"


def _control_lines(design: Design, control: Json) -> Iterator[str]:
    tag, part = _CONTROLS[control["type"]]
    if control.get("title"):
        yield f"  {_tag('Header', value=control['title'])}"
    attributes: Json = {"name": control["name"], "toName": target_name(design, control), **_attributes(control)}
    if not part:
        yield f"  {_tag(tag, **attributes)}"
    else:
        yield f"  {_tag(tag, closed=False, **attributes)}"
        for name, key in zip(class_names(control), _keys(control), strict=True):
            hotkey: Json = {"hotkey": key} if key else {}
            yield f"    {_tag(part, value=name, **hotkey)}"
        yield f"  </{tag}>"
    if control["type"] == "regions" and control.get("text", True):
        name = f"{control['name']}{REGION_TEXT}"
        yield f"  {_tag('TextArea', name=name, toName=attributes['toName'], perRegion='true')}"
    if control.get("relation_classes"):
        yield "  <Relations>"
        for name in class_names(control, "relation_classes"):
            yield f"    {_tag('Relation', value=name)}"
        yield "  </Relations>"


def _keys(control: Json) -> list[str]:
    return [str(one.get("key", "")) if isinstance(one, dict) else "" for one in control["classes"]]


def _attributes(control: Json) -> dict[str, str]:
    kind = control["type"]
    found: dict[str, str] = {}
    if kind == "choice":
        found["choice"] = "single-radio"
    elif kind == "choices":
        found["choice"] = "multiple"
    elif kind == "rating":
        found["maxRating"] = str(control["most"])
    elif kind in ("text", "transcription", "dialogue"):
        found |= {"editable": "true", "rows": "4"}
    found["required"] = "true" if control.get("required", True) else "false"
    found["data-question"] = kind
    rest = {key: value for key, value in control.items() if key not in _SPOKEN}
    if rest:
        found["data-config"] = json.dumps(rest, ensure_ascii=False, sort_keys=True)
    return found


def _tag(tag: str, *, closed: bool = True, **attributes: Any) -> str:
    written = "".join(f" {name}={_quoted(str(value))}" for name, value in attributes.items())
    return f"<{tag}{written}{'/' if closed else ''}>"


def _quoted(value: str) -> str:
    """An attribute's value in double quotes: what checks these files elsewhere expects no others."""
    return quoteattr(value.replace("\x00", ""), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;", '"': "&quot;"})
