"""A Label Studio labelling config as a design."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from apps.datasets.tables import nests_too_deeply
from apps.labeling.formats.items import Design, FormatProblem, Json
from apps.labeling.formats.markup import Element, parse

_OBJECTS = {
    "Text": "text",
    "HyperText": "text",
    "Paragraphs": "dialogue",
    "Image": "image",
    "Audio": "audio",
    "AudioPlus": "audio",
    "Video": "video",
    "List": "candidates",
}
#: Elements that only arrange or adorn.
_LAYOUT = frozenset({"View", "Style", "Header", "Filter", "Collapse", "Panel", "Shortcut", "Bucket"})
_PARTS = frozenset({"Choice", "Label", "Relation", "Relations"})
_LONGEST_NAME = 36
_RESERVED = ("id", "row", "gold", "confidence_bps", "answers", "source", "split")
_DEFAULT_RATING = 5
_MOST_RATING = 10
_VARIABLE = re.compile(r"\$([\w.-]+)")
_DEFAULT_FRAME_RATE = 24.0


@dataclass
class LabelConfig:
    """A config as a design, and what its results need to be read.

    Args:
        paths: input name -> where its value is in a task's `data` (with dots), or both places of a compared pair.
        controls: `from_name` -> the control.
        region_texts: `from_name` of a text area for regions -> the control whose regions it describes.
        frame_rates: `from_name` of a timeline -> frames a second.
    """

    design: Design
    paths: dict[str, tuple[str, ...]]
    controls: dict[str, Json]
    region_texts: dict[str, str] = field(default_factory=dict)
    frame_rates: dict[str, float] = field(default_factory=dict)


def read_label_config(text: str) -> LabelConfig:
    """A design from Label Studio's XML. Raises FormatProblem naming the tag and its line."""
    return _Reader(parse(text)).read()


class _Reader:
    """Reads a config once; its names become names that a design may have."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.objects: dict[str, Element] = {}
        self.input_of: dict[str, str] = {}
        self.inputs: list[Json] = []
        self.paths: dict[str, tuple[str, ...]] = {}
        self.controls: dict[str, Json] = {}
        self.region_texts: dict[str, str] = {}
        self.frame_rates: dict[str, float] = {}
        self.header = ""
        self.names: set[str] = set(_RESERVED)
        self.foreign: set[str] = set()

    def read(self) -> LabelConfig:
        elements = list(self.root.walk())
        for element in elements:
            if element.tag in _OBJECTS and element.attributes.get("name"):
                self.objects[element.attributes["name"]] = element
        for element in elements:
            if element.tag == "Pairwise":
                self._pair(element)
        for element in elements:
            self._one(element)
        for element in elements:
            if element.tag == "Relations":
                self._relations(element)
        if not self.inputs or not self.controls:
            missing = "question" if self.inputs else "input, like <Text name=… value=…/>"
            raise FormatProblem(f"The config has no {missing}.", self.root.place)
        design = Design(tuple(self.inputs), tuple(self.controls.values()))
        return LabelConfig(design, self.paths, self.controls, self.region_texts, self.frame_rates)

    def _one(self, element: Element) -> None:
        if element.tag == "Header":
            self.header = (element.attributes.get("value") or element.text).strip()
        elif element.tag in _OBJECTS:
            self._input(element)
        elif element.tag in _READERS:
            self._control(element)
        elif element.tag not in _LAYOUT and element.tag not in _PARTS:
            known = ", ".join(sorted({*_OBJECTS, *_READERS, "Relations"}))
            raise FormatProblem(f"There is no question or input for this here; there are {known}.", element.place)

    # -- Inputs

    def _input(self, element: Element) -> None:
        title, self.header = self.header, ""
        name = element.attributes.get("name", "")
        match = _VARIABLE.fullmatch(element.attributes.get("value", "").strip())
        if match is None:
            if name and self._is_target(name):
                raise FormatProblem("`value` must name a field of the data, like “$text”.", element.place)
            return
        if name in self.input_of:
            if self.input_of[name] not in self.paths:
                self._add_compared(name, title)
            return
        path = match.group(1)
        same = next((one for one, paths in self.paths.items() if paths == (path,)), None)
        self.input_of[name] = self._add(same or self._name(path), _OBJECTS[element.tag], title, (path,))

    def _name(self, wanted: str) -> str:
        """A name like the one wanted, as a design has them: small letters, digits and _, each once."""
        stem = re.sub(r"[^a-z0-9_]+", "_", wanted.lower()).strip("_")[:_LONGEST_NAME]
        stem = stem if stem[:1].isalpha() else f"x_{stem}".rstrip("_")
        name = stem
        for number in count(2):
            if name not in self.names:
                break
            name = f"{stem}_{number}"
        self.names.add(name)
        return name

    def _is_target(self, name: str) -> bool:
        return any(name in element.attributes.get("toName", "").split(",") for element in self.root.walk())

    def _add(self, name: str, kind: str, title: str, paths: tuple[str, ...]) -> str:
        if name not in self.paths:
            self.inputs.append({"name": name, "type": kind, "title": title})
            self.paths[name] = paths
        elif kind == "video":
            # A video whose sound is shown as well: one input with two elements.
            next(one for one in self.inputs if one["name"] == name)["type"] = "video"
        return name

    def _pair(self, element: Element) -> None:
        """Two elements that are compared become one input of candidates."""
        names = [name.strip() for name in element.attributes.get("toName", "").split(",")]
        if len(names) != 2 or any(name not in self.objects for name in names):
            raise FormatProblem("`toName` must name two elements, like “one,other”.", element.place)
        alike = names[0].endswith("_1") and names[1] == f"{names[0][:-2]}_2"
        stem = self.input_of.get(names[0]) or self._listed(names[0][:-2] if alike else "")
        for name in names:
            value = self.objects[name].attributes.get("value", "")
            if self.objects[name].tag != "Text" or _VARIABLE.fullmatch(value.strip()) is None:
                raise FormatProblem("Only texts of the data are compared here.", self.objects[name].place)
            self.input_of[name] = stem

    def _listed(self, name: str) -> str:
        """The input of the candidates of a pair: that of the list of this name, or a new one."""
        stem = self._name(name or "candidates")
        if name in self.objects and self.objects[name].tag == "List":
            self.input_of[name] = stem
        return stem

    def _add_compared(self, name: str, title: str) -> None:
        """The input of what is compared: a list of it where the config has one, else its two texts."""
        stem = self.input_of[name]
        members = [self.objects[one] for one, found in self.input_of.items() if found == stem and one in self.objects]
        listed = [one for one in members if one.tag == "List"]
        paths = tuple(one.attributes.get("value", "").strip()[1:] for one in listed or members)
        self._add(stem, "candidates", title, paths)

    # -- Controls

    def _control(self, element: Element) -> None:
        title, self.header = self.header, ""
        attributes = element.attributes
        name = attributes.get("name", "").strip()
        if not name:
            raise FormatProblem("It needs a `name`.", element.place)
        if name in self.controls:
            raise FormatProblem(f"The name “{name}” is there twice.", element.place)
        targets = [one.strip() for one in attributes.get("toName", "").split(",")]
        input_name = next((self._target(one, element) for one in targets), "")
        if attributes.get("perRegion") == "true":
            self._per_region(element, name, input_name)
            return
        kind = next((str(one["type"]) for one in self.inputs if one["name"] == input_name), "")
        control = _READERS[element.tag](element, kind)
        control |= _own_config(element)
        required = attributes.get("required", "false").lower() == "true"
        if "data-question" not in attributes:
            self.foreign.add(name)
        self.controls[name] = {
            "type": control.pop("type"),
            "name": self._name(name),
            "input": input_name,
            "title": title,
            "required": required,
            **control,
        }
        if element.tag == "TimelineLabels":
            self.frame_rates[name] = self._frame_rate(targets[0])

    def _target(self, name: str, element: Element) -> str:
        if name not in self.objects:
            raise FormatProblem(f"`toName` names “{name}”, which is no input of this config.", element.place)
        if self.input_of.get(name) not in self.paths:
            # Label Studio lets a question stand above what it is about.
            self._input(self.objects[name])
        return self.input_of[name]

    def _frame_rate(self, target: str) -> float:
        element = self.objects[target]
        try:
            return float(element.attributes.get("frameRate") or _DEFAULT_FRAME_RATE)
        except ValueError:
            raise FormatProblem("`frameRate` must be a number.", element.place) from None

    def _per_region(self, element: Element, name: str, input_name: str) -> None:
        owner = next(
            (one for one, c in self.controls.items() if c["type"] == "regions" and c["input"] == input_name), None
        )
        if element.tag != "TextArea" or owner is None:
            raise FormatProblem(
                "Questions about a region are not known here, but for a text area about regions of sound.",
                element.place,
            )
        self.region_texts[name] = owner
        if owner in self.foreign:
            self.controls[owner]["text"] = True

    def _relations(self, element: Element) -> None:
        names = [child.attributes.get("value", "").strip() for child in element.children if child.tag == "Relation"]
        spans = [control for control in self.controls.values() if control["type"] == "spans"]
        if not spans:
            raise FormatProblem("Relations need <Labels> about a text to relate.", element.place)
        for control in spans:
            control.setdefault("relation_classes", [name for name in names if name])


def _own_config(element: Element) -> Json:
    """What `label_config` kept in attributes of its own."""
    raw = element.attributes.get("data-config")
    found: Json = {}
    if raw:
        try:
            found = {} if nests_too_deeply(raw) else json.loads(raw)
        except ValueError:
            raise FormatProblem("`data-config` is not JSON.", element.place) from None
        if not isinstance(found, dict):
            raise FormatProblem("`data-config` must be a JSON object.", element.place)
    return {key: value for key, value in found.items() if key not in ("type", "name", "input", "title", "required")}


def _classes(element: Element, tag: str) -> list[Json]:
    if element.attributes.get("value", "").startswith("$"):
        raise FormatProblem("Classes that come with each task are not known here; list them.", element.place)
    found = [_class(part) for part in element.walk() if part.tag == tag]
    if not found:
        raise FormatProblem(f"It needs at least one <{tag} value=…/>.", element.place)
    return found


def _class(part: Element) -> Json:
    name = part.attributes.get("value", "").strip()
    if not name:
        raise FormatProblem("It needs a `value`.", part.place)
    key = part.attributes.get("hotkey", "")
    return {"name": name, "key": key} if len(key) == 1 else {"name": name}


def _choices(element: Element, _kind: str) -> Json:
    many = element.attributes.get("choice", "single").startswith("multiple")
    return {"type": "choices" if many else "choice", "classes": _classes(element, "Choice")}


def _rating(element: Element, _kind: str) -> Json:
    raw = element.attributes.get("maxRating") or str(_DEFAULT_RATING)
    if not raw.isdecimal() or not 1 <= int(raw) <= _MOST_RATING:
        raise FormatProblem(f"`maxRating` must be 1 to {_MOST_RATING}.", element.place)
    return {"type": "rating", "most": int(raw)}


def _labels(element: Element, kind: str) -> Json:
    types = {"text": "spans", "audio": "regions", "video": "regions"}
    if kind not in types:
        raise FormatProblem("Labels are put on text, audio and video here.", element.place)
    return {"type": types[kind], "classes": _classes(element, "Label")}


def _about(wanted: str, control: str) -> Callable[[Element, str], Json]:
    def read(element: Element, kind: str) -> Json:
        if kind != wanted:
            raise FormatProblem(f"It must be about an input of type {wanted}.", element.place)
        return {"type": control, "classes": _classes(element, "Label")}

    return read


def _text_area(element: Element, kind: str) -> Json:
    own = element.attributes.get("data-question", "")
    if own in ("text", "transcription", "dialogue"):
        return {"type": own}
    return {"type": "transcription" if kind in ("audio", "video") else "text"}


def _ranker(element: Element, kind: str) -> Json:
    if kind != "candidates":
        raise FormatProblem("A ranking is of a <List>.", element.place)
    if any(child.tag == "Bucket" for child in element.children):
        raise FormatProblem("Sorting into buckets is not known here, ranking a list is.", element.place)
    return {"type": "ranking"}


_READERS: dict[str, Callable[[Element, str], Json]] = {
    "Choices": _choices,
    "Rating": _rating,
    "Labels": _labels,
    "TimelineLabels": _about("video", "regions"),
    "RectangleLabels": _about("image", "boxes"),
    "PolygonLabels": _about("image", "polygons"),
    "KeyPointLabels": _about("image", "keypoints"),
    "TextArea": _text_area,
    "Number": lambda _element, _kind: {"type": "number"},
    "Ranker": _ranker,
    "Pairwise": lambda _element, _kind: {"type": "preference"},
}


def value_at(data: Any, path: str) -> Any:
    """What is at a path with dots in a task's data; None where nothing is."""
    for part in path.split("."):
        data = data.get(part) if isinstance(data, dict) else None
    return data


def inputs_of(config: LabelConfig, data: Json) -> Iterator[tuple[str, Any]]:
    """A task's data as our inputs: (name, value)."""
    for one in config.design.inputs:
        name, kind = one["name"], one["type"]
        found = [value_at(data, path) for path in config.paths[name]]
        if kind == "candidates" and len(found) == 2:
            listed = data.get(name)
            yield name, _candidates(listed) if isinstance(listed, list) else _pair(found)
        elif kind == "candidates":
            yield name, _candidates(found[0])
        elif kind == "dialogue":
            yield name, _messages(found[0])
        elif kind == "text":
            yield name, "" if found[0] is None else str(found[0])
        else:
            yield name, {"url": "" if found[0] is None else str(found[0])}


def _pair(found: list[Any]) -> list[Json]:
    return [{"key": str(n), "text": "" if text is None else str(text)} for n, text in enumerate(found, start=1)]


def _candidates(listed: Any) -> list[Json]:
    if not isinstance(listed, list):
        return []
    rows = [one if isinstance(one, dict) else {"id": n, "body": one} for n, one in enumerate(listed, start=1)]
    return [
        {"key": str(one.get("key", one.get("id", ""))), "text": str(one.get("text", one.get("body", "")))}
        for one in rows
    ]


def _messages(listed: Any) -> list[Json]:
    if not isinstance(listed, list):
        return []
    return [
        {"role": str(one.get("role", one.get("author", ""))), "content": str(one.get("content", one.get("text", "")))}
        for one in listed
        if isinstance(one, dict)
    ]
