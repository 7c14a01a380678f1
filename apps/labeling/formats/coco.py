"""COCO: boxes, polygons and key points on images.

A class is a category whose `supercategory` is the name of its control. A control of key points is one category with
its classes as `keypoints`; points that repeat a class are further objects. Masks in run lengths are not read.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from apps.datasets.tables import nests_too_deeply
from apps.labeling.formats.items import Design, FormatProblem, Item, Json, class_names, decided, media_address, number

_SPOOL_BYTES = 8 << 20
MAX_BYTES = 200 << 20
_VISIBLE = 2
_MAX_PROBLEMS = 20


def write(design: Design, items: Iterable[Item], *, description: str = "") -> Iterator[bytes]:
    """The decided shapes of each image, in pieces. Raises FormatProblem where the design has none."""
    image = next((str(one["name"]) for one in design.inputs if one["type"] == "image"), None)
    controls = [c for c in design.of_type("boxes", "polygons", "keypoints") if c["input"] == image]
    if image is None or not controls:
        raise FormatProblem("COCO holds boxes, polygons and key points on an image; this design asks for none.")
    categories = _categories(controls)
    ids = {(one["supercategory"], one["name"]): one["id"] for one in categories}
    head = json.dumps({"info": {"description": description}, "licenses": [], "categories": categories})
    yield head[:-1].encode() + b', "images": ['
    # Annotations come after all images in the file: kept on disk meanwhile.
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as later:
        count = 0
        for place, item in enumerate(items, start=1):
            yield (",\n" if place > 1 else "\n").encode() + _dumps(_image(place, item, image))
            for annotation in _annotations(controls, ids, item):
                count += 1
                annotation |= {"id": count, "image_id": place, "iscrowd": 0}
                later.write((b",\n" if count > 1 else b"\n") + _dumps(annotation))
        yield b'\n], "annotations": ['
        later.seek(0)
        while chunk := later.read(1 << 16):
            yield chunk
    yield b"\n]}\n"


def _dumps(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _categories(controls: Sequence[Json]) -> list[Json]:
    found: list[Json] = []
    for control in controls:
        names = class_names(control)
        if control["type"] == "keypoints":
            found.append(
                {"supercategory": control["name"], "name": control["name"], "keypoints": names, "skeleton": []}
            )
        else:
            found += [{"supercategory": control["name"], "name": name} for name in names]
    return [{"id": place, **one} for place, one in enumerate(found, start=1)]


def _image(place: int, item: Item, name: str) -> Json:
    value = item.data.get(name) or {}
    found = {
        "id": place,
        "file_name": media_address(value),
        "width": value.get("width", 0),
        "height": value.get("height", 0),
    }
    return found | {"item": item.id} | ({"split": item.split} if item.split else {})


def _annotations(controls: Sequence[Json], ids: dict[tuple[str, str], int], item: Item) -> Iterator[Json]:
    answer = decided(item)
    for control in controls:
        name, value = control["name"], answer.get(control["name"]) or []
        if control["type"] == "keypoints":
            yield from _objects(ids[name, name], class_names(control), value)
            continue
        for shape in value:
            category = ids.get((name, shape["label"]))
            if category is None:
                raise FormatProblem(f"“{shape['label']}” is no class of “{name}”.", f"Item {item.id}")
            yield {"category_id": category, **(_box(shape) if control["type"] == "boxes" else _polygon(shape))}


def _box(shape: Json) -> Json:
    box = [shape["x"], shape["y"], shape["width"], shape["height"]]
    return {"bbox": box, "area": number(box[2] * box[3]), "segmentation": []}


def _polygon(shape: Json) -> Json:
    points = shape["points"]
    flat = [coordinate for point in points for coordinate in point]
    return {"bbox": _around(points), "area": number(_area(points)), "segmentation": [flat]}


def _around(points: Sequence[Sequence[float]]) -> list[float]:
    across, down = [x for x, _ in points], [y for _, y in points]
    return [min(across), min(down), number(max(across) - min(across)), number(max(down) - min(down))]


def _area(points: Sequence[Sequence[float]]) -> float:
    following = [*points[1:], points[0]]
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(points, following, strict=True))) / 2


def _objects(category: int, names: Sequence[str], points: Sequence[Json]) -> Iterator[Json]:
    """Points as objects: the n-th point of each class belongs to the n-th object."""
    by_class: dict[str, list[Json]] = defaultdict(list)
    for point in points:
        by_class[point["label"]].append(point)
    for place in range(max((len(found) for found in by_class.values()), default=0)):
        flat: list[float] = []
        there: list[list[float]] = []
        for name in names:
            if len(by_class[name]) > place:
                point = by_class[name][place]
                flat += [point["x"], point["y"], _VISIBLE]
                there.append([point["x"], point["y"]])
            else:
                flat += [0, 0, 0]
        box = _around(there)
        yield {
            "category_id": category,
            "keypoints": flat,
            "num_keypoints": len(there),
            "bbox": box,
            "area": number(box[2] * box[3]),
            "segmentation": [],
        }


# -- In


@dataclass
class CocoFile:
    """What a COCO file holds, as a design and items with known answers; `problems` are shapes that were left out."""

    design: Design
    items: list[Item]
    problems: list[str] = field(default_factory=list)
    problem_count: int = 0

    def refuse(self, message: str) -> None:
        """Note a shape that is left out."""
        self.problem_count += 1
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(message)


def read(file: IO[bytes], *, image: str = "image") -> CocoFile:
    """A COCO file. Raises FormatProblem where it is none."""
    raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise FormatProblem(f"The file is larger than {MAX_BYTES >> 20} MB. Split it by images.")
    if nests_too_deeply(raw.decode("utf-8", "replace")):
        raise FormatProblem("This is not usable JSON: nested too deeply.")
    try:
        content = json.loads(raw)
    except ValueError as error:
        raise FormatProblem(f"This is not JSON: {error}.") from error
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), list) for key in ("images", "annotations", "categories")
    ):
        raise FormatProblem("A COCO file is an object with the lists `images`, `annotations` and `categories`.")
    return _Reader(content, image).read()


class _Reader:
    def __init__(self, content: Json, image: str) -> None:
        self.content = content
        self.image = image
        try:
            self.categories = {one["id"]: one for one in content["categories"]}
        except (KeyError, TypeError) as error:
            raise FormatProblem("Each category has an `id` and a `name`.") from error
        self.controls: dict[str, Json] = {}
        self.shapes: dict[Any, dict[str, list[Json]]] = defaultdict(lambda: defaultdict(list))
        self.file = CocoFile(Design((), ()), [])

    def read(self) -> CocoFile:
        images: dict[Any, Json] = {}
        for place, one in enumerate(self.content["images"], start=1):
            if not isinstance(one, dict) or "id" not in one or "file_name" not in one:
                raise FormatProblem("It needs `id` and `file_name`.", f"images[{place - 1}]")
            if one["id"] in images:
                raise FormatProblem(f"The id {one['id']} is there twice.", f"images[{place - 1}]")
            images[one["id"]] = one
        for place, annotation in enumerate(self.content["annotations"]):
            try:
                self._annotation(annotation, images)
            except FormatProblem as problem:
                self.file.refuse(f"annotations[{place}]: {problem}")
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                self.file.refuse(f"annotations[{place}]: not in COCO's form ({error!r})")
        self.file.design = Design(({"name": self.image, "type": "image", "title": ""},), tuple(self.controls.values()))
        self.file.items = [self._item(one) for one in images.values()]
        return self.file

    def _item(self, one: Json) -> Item:
        value: Json = {"url": str(one.get("coco_url") or one["file_name"])}
        value |= {key: one[key] for key in ("width", "height") if one.get(key)}
        shapes = self.shapes.get(one["id"], {})
        gold = {name: shapes.get(name, []) for name in self.controls}
        return Item(str(one.get("item", one["id"])), {self.image: value}, gold=gold, split=str(one.get("split", "")))

    def _annotation(self, annotation: Json, images: dict[Any, Json]) -> None:
        if annotation["image_id"] not in images:
            raise FormatProblem(f"there is no image {annotation['image_id']}")
        category = self.categories.get(annotation["category_id"])
        if category is None:
            raise FormatProblem(f"there is no category {annotation['category_id']}")
        shapes = self.shapes[annotation["image_id"]]
        if annotation.get("keypoints") and category.get("keypoints"):
            self._points(category, annotation["keypoints"], shapes)
        elif isinstance(annotation.get("segmentation"), dict):
            raise FormatProblem("a mask in run lengths; only polygons are read")
        elif annotation.get("segmentation"):
            name = self._control(category, "polygons")
            for flat in annotation["segmentation"]:
                points = [list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)]
                shapes[name].append({"points": points, "label": str(category["name"])})
        else:
            name = self._control(category, "boxes")
            x, y, width, height = annotation["bbox"]
            shapes[name].append({"x": x, "y": y, "width": width, "height": height, "label": str(category["name"])})

    def _points(self, category: Json, flat: list[float], shapes: dict[str, list[Json]]) -> None:
        name = self._control(category, "keypoints")
        for place, label in enumerate(category["keypoints"]):
            x, y, visible = flat[3 * place : 3 * place + 3]
            if visible:
                shapes[name].append({"x": x, "y": y, "label": str(label)})

    def _control(self, category: Json, kind: str) -> str:
        """The name of the control that takes a category's shapes of this kind, made with the first one.

        What we wrote has the control's name as `supercategory`; elsewhere all shapes of a kind share one control.
        """
        own = str(category.get("supercategory") or "")
        same = [c for c in self.categories.values() if (c.get("supercategory") or "") == own]
        alike = bool(own) and len({str(c.get("supercategory") or "") for c in self.categories.values()}) == 1
        name = own if alike or self._is_ours(own) else kind
        if kind == "keypoints":
            name = own if self._is_ours(own) else str(category["name"])
        if name in self.controls and self.controls[name]["type"] != kind:
            name = kind
        if name not in self.controls:
            names = category["keypoints"] if kind == "keypoints" else self._class_names(same if name == own else None)
            self.controls[name] = {
                "type": kind,
                "name": name,
                "input": self.image,
                "title": "",
                "required": True,
                "classes": [{"name": str(one)} for one in names],
            }
        return name

    def _is_ours(self, own: str) -> bool:
        """Whether this file was written here: its images say which items they are."""
        return bool(own) and any(isinstance(one, dict) and "item" in one for one in self.content["images"][:1])

    def _class_names(self, categories: Sequence[Json] | None) -> list[str]:
        chosen = self.categories.values() if categories is None else categories
        return [str(one["name"]) for one in chosen if not one.get("keypoints")]
