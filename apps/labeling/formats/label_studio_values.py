"""One control's value as results of Label Studio, and back.

Label Studio counts coordinates in percent of the image, times in seconds, and text in UTF-16 units; we count pixels,
milliseconds and code points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from apps.labeling.formats.items import FormatProblem, Json, number
from apps.labeling.formats.offsets import Utf16

_POINT_SIZE = 0.5
"""How large Label Studio draws a key point, in percent of the image."""


def to_values(control: Json, value: Any, shown: Any) -> list[Json]:
    """The results of one answer to one control, without ids and names.

    Args:
        value: the answer.
        shown: the value of the input that it is about.

    Returns:
        Each {"type", "value", ...}; results that belong together have the same "key", relations name those keys.
    """
    return _WRITERS[control["type"]](value, shown)


def from_results(control: Json, results: list[Json], shown: Any, *, frame_rate: float = 0.0) -> Any:
    """The answer to one control from its results. Raises FormatProblem where they say what we cannot hold."""
    if frame_rate:
        return _from_timeline(results, frame_rate)
    return _READERS[control["type"]](results, shown)


# -- Choices, ratings, text


def _simple(kind: str, key: str, wrap: Callable[[Any], Any]) -> Callable[[Any, Any], list[Json]]:
    return lambda value, _shown: [{"type": kind, "value": {key: wrap(value)}}]


def _number_result(value: Any, _shown: Any) -> list[Json]:
    exact = Decimal(str(value))
    plain = int(exact) if exact == exact.to_integral_value() and abs(exact) < 2**53 else float(exact)
    result: Json = {"type": "number", "value": {"number": plain}}
    if _decimal(plain) != str(value):
        result["meta"] = {"decimal": str(value)}
    return [result]


def _decimal(value: float) -> str:
    return format(Decimal(repr(value)), "f")


def _from_number(results: list[Json], _shown: Any) -> str:
    first = results[0]
    exact = (first.get("meta") or {}).get("decimal")
    try:
        return str(exact) if exact is not None else _decimal(first["value"]["number"])
    except (InvalidOperation, TypeError):
        raise FormatProblem("The number is not a number.") from None


def _preference_result(value: Any, shown: Any) -> list[Json]:
    keys = [one["key"] for one in shown or ()]
    sides = dict(zip(keys, ("left", "right"), strict=False))
    result: Json = {"type": "pairwise", "value": {"selected": sides.get(value, "none")}}
    if value not in sides:
        result["meta"] = {"selected": value}
    return [result]


def _from_preference(results: list[Json], shown: Any) -> str:
    selected = results[0]["value"].get("selected")
    own = (results[0].get("meta") or {}).get("selected")
    if selected == "none" or own is not None:
        return str(own or "tie")
    place = {"left": 0, "right": 1}.get(selected)
    if place is None or not shown or len(shown) <= place:
        raise FormatProblem("`selected` must be left, right or none.")
    return str(shown[place]["key"])


def _from_ranking(results: list[Json], _shown: Any) -> list[str]:
    ranked = results[0]["value"].get("ranker")
    lists = [one for one in ranked.values() if isinstance(one, list)] if isinstance(ranked, Mapping) else [ranked]
    if not lists or not isinstance(lists[0], list):
        raise FormatProblem("`ranker` must hold a list of ids.")
    return [str(key) for key in lists[0]]


def _texts(results: list[Json]) -> list[str]:
    found: list[str] = []
    for result in results:
        text = result["value"].get("text", "")
        found += [str(one) for one in text] if isinstance(text, list) else [str(text)]
    return found


def _from_dialogue(results: list[Json], _shown: Any) -> list[Json]:
    turns = []
    for text in _texts(results):
        role, found, content = text.partition(": ")
        turns.append({"role": role, "content": content} if found else {"role": "user", "content": text})
    return turns


# -- Spans of text


def _span_results(value: Any, shown: Any) -> list[Json]:
    text = str(shown or "")
    offsets = Utf16(text)
    found: list[Json] = [
        {
            "type": "labels",
            "key": place,
            "value": {
                "start": offsets.units(span["start"]),
                "end": offsets.units(span["end"]),
                "text": text[span["start"] : span["end"]],
                "labels": [span["label"]],
            },
        }
        for place, span in enumerate(value["spans"])
    ]
    found += [
        {"type": "relation", "from": one["from"], "to": one["to"], "direction": "right", "labels": [one["label"]]}
        for one in value.get("relations") or ()
    ]
    return found


def _from_spans(results: list[Json], shown: Any) -> Json:
    text = str(shown or "")
    offsets = Utf16(text)
    spans: list[Json] = []
    places: dict[str, int] = {}
    for result in (one for one in results if one["type"] != "relation"):
        value = result["value"]
        start, end = offsets.points(int(value["start"])), offsets.points(int(value["end"]))
        for label in _labels(value, "labels"):
            places.setdefault(str(result.get("id")), len(spans))
            spans.append({"start": start, "end": end, "label": label})
    relations = []
    for result in (one for one in results if one["type"] == "relation"):
        ends = [places.get(str(result.get(side))) for side in ("from_id", "to_id")]
        if result.get("direction") == "left":
            ends.reverse()
        if None in ends:
            raise FormatProblem("A relation names a region that is not there.")
        labels = result.get("labels") or [""]
        relations += [{"from": ends[0], "to": ends[1], "label": str(label)} for label in labels]
    return {"spans": spans, "relations": relations}


def _labels(value: Json, key: str) -> list[str]:
    found = value.get(key) or value.get("labels")
    if not isinstance(found, list) or not found:
        raise FormatProblem("A region has no label.")
    return [str(label) for label in found]


# -- Shapes on images


def _size(shown: Any) -> tuple[float, float]:
    width, height = (shown or {}).get("width"), (shown or {}).get("height")
    if not width or not height:
        raise FormatProblem("The image's width and height are not known.")
    return width, height


def _shape(kind: str, shown: Any, value: Json) -> Json:
    width, height = _size(shown)
    sizes = {"original_width": width, "original_height": height, "image_rotation": 0}
    return {"type": kind, **sizes, "value": value}


def _box_results(value: Any, shown: Any) -> list[Json]:
    width, height = _size(shown)
    return [
        _shape(
            "rectanglelabels",
            shown,
            {
                "x": box["x"] * 100 / width,
                "y": box["y"] * 100 / height,
                "width": box["width"] * 100 / width,
                "height": box["height"] * 100 / height,
                "rotation": 0,
                "rectanglelabels": [box["label"]],
            },
        )
        for box in value
    ]


def _polygon_results(value: Any, shown: Any) -> list[Json]:
    width, height = _size(shown)
    return [
        _shape(
            "polygonlabels",
            shown,
            {
                "points": [[x * 100 / width, y * 100 / height] for x, y in polygon["points"]],
                "closed": True,
                "polygonlabels": [polygon["label"]],
            },
        )
        for polygon in value
    ]


def _point_results(value: Any, shown: Any) -> list[Json]:
    width, height = _size(shown)
    return [
        _shape(
            "keypointlabels",
            shown,
            {
                "x": point["x"] * 100 / width,
                "y": point["y"] * 100 / height,
                "width": _POINT_SIZE,
                "keypointlabels": [point["label"]],
            },
        )
        for point in value
    ]


def _scale(result: Json, shown: Any) -> tuple[float, float]:
    """Pixels for one percent, across and down."""
    width, height = result.get("original_width"), result.get("original_height")
    if not width or not height:
        width, height = _size(shown)
    return float(width) / 100, float(height) / 100


def _from_boxes(results: list[Json], shown: Any) -> list[Json]:
    found = []
    for result in results:
        value, (across, down) = result["value"], _scale(result, shown)
        if value.get("rotation"):
            raise FormatProblem("A rotated rectangle is no box here; draw it as a polygon.")
        box = {
            "x": number(value["x"] * across),
            "y": number(value["y"] * down),
            "width": number(value["width"] * across),
            "height": number(value["height"] * down),
        }
        found += [{**box, "label": label} for label in _labels(value, "rectanglelabels")]
    return found


def _from_polygons(results: list[Json], shown: Any) -> list[Json]:
    found = []
    for result in results:
        value, (across, down) = result["value"], _scale(result, shown)
        points = [[number(x * across), number(y * down)] for x, y in value["points"]]
        found += [{"points": points, "label": label} for label in _labels(value, "polygonlabels")]
    return found


def _from_points(results: list[Json], shown: Any) -> list[Json]:
    found = []
    for result in results:
        value, (across, down) = result["value"], _scale(result, shown)
        place = {"x": number(value["x"] * across), "y": number(value["y"] * down)}
        found += [{**place, "label": label} for label in _labels(value, "keypointlabels")]
    return found


# -- Regions of sound


def _region_results(value: Any, _shown: Any) -> list[Json]:
    found: list[Json] = []
    for place, region in enumerate(value):
        times = {"start": region["start_ms"] / 1000, "end": region["end_ms"] / 1000, "channel": 0}
        found.append({"type": "labels", "key": place, "value": {**times, "labels": [region["label"]]}})
        if region.get("text"):
            found.append({"type": "textarea", "key": place, "value": {**times, "text": [region["text"]]}})
    return found


def _from_regions(results: list[Json], _shown: Any) -> list[Json]:
    texts = {str(one.get("id")): "\n".join(_texts([one])) for one in results if one["type"] == "textarea"}
    found = []
    for result in (one for one in results if one["type"] != "textarea"):
        value = result["value"]
        times = {"start_ms": round(value["start"] * 1000), "end_ms": round(value["end"] * 1000)}
        text = texts.get(str(result.get("id")))
        found += [{**times, "label": label, **({"text": text} if text else {})} for label in _labels(value, "labels")]
    return found


def _from_timeline(results: list[Json], frame_rate: float) -> list[Json]:
    found = []
    for result in results:
        value = result["value"]
        for times in value["ranges"]:
            # Label Studio counts frames from 1 and names the last frame that belongs to the range.
            start, end = (times["start"] - 1) / frame_rate, times["end"] / frame_rate
            region = {"start_ms": round(start * 1000), "end_ms": round(end * 1000)}
            found += [{**region, "label": label} for label in _labels(value, "timelinelabels")]
    return found


_WRITERS: dict[str, Callable[[Any, Any], list[Json]]] = {
    "choice": _simple("choices", "choices", lambda value: [value]),
    "choices": _simple("choices", "choices", list),
    "rating": _simple("rating", "rating", int),
    "ranking": _simple("ranker", "ranker", list),
    "preference": _preference_result,
    "text": _simple("textarea", "text", lambda value: [value]),
    "transcription": _simple("textarea", "text", lambda value: [value]),
    "dialogue": _simple("textarea", "text", lambda value: [f"{one['role']}: {one['content']}" for one in value]),
    "number": _number_result,
    "spans": _span_results,
    "boxes": _box_results,
    "polygons": _polygon_results,
    "keypoints": _point_results,
    "regions": _region_results,
}


def _chosen(results: Iterable[Json]) -> list[str]:
    return [str(name) for result in results for name in result["value"].get("choices") or ()]


def _from_choice(results: list[Json], _shown: Any) -> str:
    names = _chosen(results)
    if len(names) != 1:
        raise FormatProblem(f"{len(names)} choices were made where there is one.")
    return names[0]


_READERS: dict[str, Callable[[list[Json], Any], Any]] = {
    "choice": _from_choice,
    "choices": lambda results, _shown: _chosen(results),
    "rating": lambda results, _shown: int(results[0]["value"]["rating"]),
    "ranking": _from_ranking,
    "preference": _from_preference,
    "text": lambda results, _shown: "\n".join(_texts(results)),
    "transcription": lambda results, _shown: "\n".join(_texts(results)),
    "dialogue": _from_dialogue,
    "number": _from_number,
    "spans": _from_spans,
    "boxes": _from_boxes,
    "polygons": _from_polygons,
    "keypoints": _from_points,
    "regions": _from_regions,
}
