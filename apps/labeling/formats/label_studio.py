"""Label Studio's JSON: tasks with annotations and predictions, out and in.

Out: each answer is an annotation; a known answer is one with `ground_truth`; what the answers led to is a prediction
of the model version `consensus`, or `machine` where no human decided. An item without answers of its own (a data set's
row) has its result as its annotation. In: the same, and exports of Label Studio's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from apps.labeling.formats.items import (
    MEDIA_TYPES,
    Answered,
    Design,
    FormatProblem,
    Item,
    Json,
    media_address,
)
from apps.labeling.formats.json_stream import array_elements
from apps.labeling.formats.label_studio_config import REGION_TEXT, target_name
from apps.labeling.formats.label_studio_design import LabelConfig, inputs_of
from apps.labeling.formats.label_studio_values import from_results, to_values

_DECIDED = ("consensus", "machine", "requester")
_BATCH = 64


def write(design: Design, items: Iterable[Item]) -> Iterator[bytes]:
    """A JSON array of tasks, in pieces."""
    writer = _Writer(design)
    yield b"["
    lines: list[str] = []
    first = True
    for count, item in enumerate(items, start=1):
        lines.append(json.dumps(writer.task(count, item), ensure_ascii=False, separators=(",", ":")))
        if len(lines) >= _BATCH:
            yield ("\n" if first else ",\n").encode() + ",\n".join(lines).encode()
            lines, first = [], False
    if lines:
        yield ("\n" if first else ",\n").encode() + ",\n".join(lines).encode()
    yield b"\n]\n"


class _Writer:
    """Tasks of one design."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.types = {one["name"]: one["type"] for one in design.inputs}
        self.pairs = {control["input"] for control in design.of_type("preference")}
        self.targets = {control["name"]: target_name(design, control).split(",")[0] for control in design.controls}

    def task(self, number: int, item: Item) -> Json:
        meta: Json = {"item": item.id}
        data: Json = {}
        for name, kind in self.types.items():
            self._add_input(name, kind, item.data.get(name), data, meta)
        for key in ("made_by", "split"):
            if getattr(item, key):
                meta[key] = getattr(item, key)
        if item.confidence is not None:
            meta["confidence"] = item.confidence
        if item.extra:
            meta["extra"] = dict(item.extra)
        annotations, predictions = self._answers(item)
        return {"id": number, "data": data, "meta": meta, "annotations": annotations, "predictions": predictions}

    def _add_input(self, name: str, kind: str, value: Any, data: Json, meta: Json) -> None:
        if kind in MEDIA_TYPES:
            data[name] = media_address(value) if value else ""
            meta.setdefault("media", {})[name] = value
        elif kind == "candidates":
            listed = value or []
            data[name] = [{"id": one["key"], "title": one["key"], "body": one["text"]} for one in listed]
            for place, one in enumerate(listed[:2] if name in self.pairs else (), start=1):
                data[f"{name}_{place}"] = one["text"]
        else:
            data[name] = value

    def _answers(self, item: Item) -> tuple[list[Json], list[Json]]:
        annotations: list[Json] = []
        if item.gold is not None:
            annotations.append({"result": self.results(item.gold, item.data), "ground_truth": True})
        for one in item.answers:
            annotation: Json = {"result": self.results(one.answer, item.data), "ground_truth": False}
            if one.elapsed_ms is not None:
                annotation["lead_time"] = one.elapsed_ms / 1000
            annotations.append(annotation | {"annotator": one.annotator, "state": one.state})
        predictions: list[Json] = []
        if item.result is not None:
            result = self.results(item.result, item.data)
            if annotations:
                version = item.made_by if item.made_by in _DECIDED else "consensus"
                predictions.append({"result": result, "model_version": version, "score": item.confidence})
            else:
                annotations.append({"result": result, "ground_truth": False, "decided": True})
        return annotations, predictions

    def results(self, answer: Mapping[str, Any], data: Mapping[str, Any]) -> list[Json]:
        """An answer as results with ids and names."""
        found: list[Json] = []
        for control in self.design.controls:
            value = answer.get(control["name"])
            if value is None or value == "":
                continue
            found += self._named(control, to_values(control, value, data.get(control["input"])))
        return found

    def _named(self, control: Json, values: list[Json]) -> Iterator[Json]:
        name = control["name"]
        for place, value in enumerate(values):
            if value["type"] == "relation":
                ends = {f"{side}_id": f"{name}_{value.pop(side)}" for side in ("from", "to")}
                yield {**value, **ends}
                continue
            region = f"{name}_{value.pop('key', place)}"
            is_text = control["type"] == "regions" and value["type"] == "textarea"
            if control["type"] == "ranking":
                value["value"] = {"ranker": {name: value["value"]["ranker"]}}
            yield {
                "id": region,
                "from_name": f"{name}{REGION_TEXT}" if is_text else name,
                "to_name": self.targets[name],
                **value,
            }


def read(config: LabelConfig, file: IO[bytes]) -> Iterator[Item]:
    """The items of a Label Studio export (JSON or JSON_MIN's tasks with annotations).

    Raises FormatProblem naming the task. Answers are kept as they are; whether they fit the design is for the controls.
    """
    for place, task in enumerate(array_elements(file), start=1):
        try:
            yield _item(config, place, task)
        except FormatProblem as problem:
            raise FormatProblem(str(problem), f"Task {place}") from problem
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatProblem(f"It is not in Label Studio's form ({error!r}).", f"Task {place}") from error


def _item(config: LabelConfig, place: int, task: Any) -> Item:
    if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
        raise FormatProblem("It must be an object with `data`.")
    meta = task["meta"] if isinstance(task.get("meta"), dict) else {}
    data = dict(inputs_of(config, task["data"]))
    for name, value in (meta.get("media") or {}).items():
        if name in data and isinstance(value, dict):
            data[name] = value
    answers: list[Answered] = []
    result = gold = None
    confidence = meta.get("confidence")
    for one in task.get("annotations") or task.get("completions") or ():
        if one.get("was_cancelled"):
            continue
        answer = _answer(config, one.get("result") or [], data)
        if one.get("ground_truth") and gold is None:
            gold = answer
        elif one.get("decided"):
            result = answer
        else:
            answers.append(_answered(one, answer))
    predictions = task.get("predictions") or ()
    if result is None and predictions and isinstance(predictions[-1], dict):
        result = _answer(config, predictions[-1].get("result") or [], data)
        confidence = predictions[-1].get("score") if confidence is None else confidence
    made_by = str(meta.get("made_by") or ("machine" if predictions else ""))
    item_id = str(meta.get("item") or task["data"].get("id") or task.get("id") or place)
    split, extra = str(meta.get("split") or ""), meta.get("extra") or {}
    return Item(item_id, data, result, confidence, made_by, tuple(answers), gold, split, extra)


def _answered(annotation: Json, answer: Json) -> Answered:
    annotator = annotation.get("annotator", annotation.get("completed_by"))
    if isinstance(annotator, dict):
        annotator = annotator.get("id") or annotator.get("email")
    lead = annotation.get("lead_time")
    return Answered(
        "" if annotator is None else str(annotator),
        answer,
        round(lead * 1000) if isinstance(lead, int | float) else None,
        str(annotation.get("state") or ""),
    )


def _answer(config: LabelConfig, results: list[Any], data: Mapping[str, Any]) -> Json:
    by_control: dict[str, list[Json]] = {}
    homes: dict[str, str] = {}
    for result in results:
        if result.get("type") == "relation":
            continue
        name = config.region_texts.get(result["from_name"], result["from_name"])
        if name not in config.controls:
            raise FormatProblem(f"“{name}” is no question of the config.")
        by_control.setdefault(name, []).append(result)
        homes[str(result.get("id"))] = name
    for result in (one for one in results if one.get("type") == "relation"):
        home = homes.get(str(result.get("from_id")))
        if home is None or config.controls[home]["type"] != "spans":
            raise FormatProblem("A relation is not between spans of text.")
        by_control[home].append(result)
    return {
        control["name"]: from_results(
            control,
            by_control[name],
            data.get(control["input"]),
            frame_rate=config.frame_rates.get(name, 0.0),
        )
        if name in by_control
        else _nothing(control)
        for name, control in config.controls.items()
        if name in by_control or control["type"] in _EMPTY
    }


_EMPTY = frozenset({"spans", "boxes", "polygons", "keypoints", "regions", "choices"})


def _nothing(control: Json) -> Any:
    """The value of a question that nothing was marked for: Label Studio then has no result."""
    return {"spans": [], "relations": []} if control["type"] == "spans" else []
