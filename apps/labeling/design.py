"""What an order's tasks show and ask: a design of inputs and controls, checked as a whole."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

from apps.labeling.controls import AnswerProblem, Control, control_from_json
from apps.labeling.controls.choice import Choice
from apps.labeling.inputs import INPUT_TYPES, Input
from apps.labeling.types import Answer, TaskData

MAX_INPUTS = 8
MAX_CONTROLS = 20
MAX_NAME_TITLE = 200
#: Inputs and controls become columns of tables, beside these.
RESERVED_NAMES = frozenset(
    ("id", "row", "gold", "confidence_bps", "answers", "source", "split", "licence", "item_source", "consent")
)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Design:
    """The inputs that a task shows and the controls that it asks, in their order on the screen."""

    inputs: tuple[Input, ...]
    controls: tuple[Control, ...]

    @classmethod
    def from_json(cls, config: Any) -> Self:
        """A checked design. Raises AnswerProblem whose field is a path like `controls.1.classes`."""
        if not isinstance(config, Mapping):
            raise AnswerProblem("A design is an object with inputs and controls.")
        inputs = tuple(_each(config, "inputs", MAX_INPUTS, _input))
        controls = tuple(_each(config, "controls", MAX_CONTROLS, control_from_json))
        types = {one.name: one.type for one in inputs}
        names: set[str] = set()
        for part, one in [("inputs", one) for one in inputs] + [("controls", one) for one in controls]:
            if not _NAME.fullmatch(one.name) or one.name in RESERVED_NAMES:
                message = f"“{one.name[:40]}” cannot be a name: small letters, digits and _, not a reserved word."
                raise AnswerProblem(message, part)
            if one.name in names:
                raise AnswerProblem(f"The name “{one.name}” is there twice.", part)
            if len(one.title) > MAX_NAME_TITLE or "\x00" in one.title:
                raise AnswerProblem(f"The title of “{one.name}” is longer than {MAX_NAME_TITLE} characters.", part)
            names.add(one.name)
        for number, control in enumerate(controls):
            if types.get(control.input) not in control.inputs:
                fitting = ", ".join(sorted(control.inputs))
                message = f"“{control.name}” needs an input of type {fitting}; “{control.input[:40]}” is none."
                raise AnswerProblem(message, f"controls.{number}.input")
        return cls(inputs, controls)

    def as_json(self) -> dict[str, Any]:
        """For the API and the database."""
        return {
            "inputs": [one.as_json() for one in self.inputs],
            "controls": [one.as_json() for one in self.controls],
        }

    @property
    def lone_choice(self) -> Choice | None:
        """The control of a design that asks for one choice and nothing else."""
        first = self.controls[0]
        return first if len(self.controls) == 1 and isinstance(first, Choice) else None

    @property
    def described(self) -> str:
        """The work in a few words: “one choice of 4”, “rating and free text”."""
        described = [control.described for control in self.controls]
        return described[0] if len(described) == 1 else f"{', '.join(described[:-1])} and {described[-1]}"

    def clean_data(self, data: Mapping[str, Any]) -> TaskData:
        """A task's inputs, checked. Raises AnswerProblem whose field begins with the input's name."""
        return {one.name: _at(one.name, one.clean, data.get(one.name)) for one in self.inputs}

    def clean_answer(self, answer: Any, data: TaskData) -> Answer:
        """An answer in its canonical form: equal answers are equal JSON, questions left open are left out.

        Raises AnswerProblem whose field begins with the control's name.
        """
        if not isinstance(answer, Mapping):
            raise AnswerProblem("An answer is an object with a value for each question.")
        unknown = sorted(str(name)[:40] for name in answer.keys() - {control.name for control in self.controls})
        if unknown:
            asked = ", ".join(control.name for control in self.controls)
            raise AnswerProblem(f"“{unknown[0]}” is none of the questions: {asked}.", unknown[0])
        cleaned: Answer = {}
        for control in self.controls:
            value = answer.get(control.name)
            if not control.is_empty(value):
                value = _at(control.name, lambda given, asked=control: asked.clean(given, data), value)
            if not control.is_empty(value):
                cleaned[control.name] = value
            elif control.required:
                raise AnswerProblem(f"“{control.title or control.name}” is not answered.", control.name)
        return cleaned

    def same(self, one: Answer, other: Answer) -> bool:
        """Whether two answers count as the same: every control says so."""
        return all(
            similarity(control, one.get(control.name), other.get(control.name)) >= control.same_from
            for control in self.controls
        )

    def words(self, data: TaskData) -> int:
        """How many words there are to read."""
        return sum(len(one.words(data[one.name]).split()) for one in self.inputs)

    def shown_data(self, data: TaskData) -> str:
        """A task in a few words: its first input."""
        first = self.inputs[0]
        return first.shown(data[first.name])

    def shown_answer(self, answer: Answer) -> str:
        """An answer in a few words."""
        if len(self.controls) == 1:
            only = self.controls[0]
            return only.shown(answer[only.name]) if only.name in answer else "nothing"
        given = [control for control in self.controls if control.name in answer]
        return "; ".join(f"{control.title or control.name}: {control.shown(answer[control.name])}" for control in given)


def similarity(control: Control, one: Any, other: Any) -> float:
    """How far two values of a control agree, where either may be left out (None)."""
    if one is None or other is None:
        return 1.0 if one is other else 0.0
    return control.similarity(one, other)


def text_classification(classes: Sequence[str | Mapping[str, Any]]) -> Design:
    """The plain design: one text, one choice. Raises AnswerProblem with the field `classes`."""
    config = {"type": "choice", "name": "label", "input": "text", "classes": list(classes)}
    return Design((Input("text", "text"),), (control_from_json(config),))


def example_in_words(design: Design, example: Mapping[str, Any]) -> dict[str, str]:
    """An order's worked example as a page shows it; {} where there is none."""
    if not example:
        return {}
    task, answer = design.shown_data(example["data"]), design.shown_answer(example["answer"])
    return {"task": task, "answer": answer, "why": example["why"]}


@lru_cache(maxsize=1_000)
def design_from_text(text: str) -> Design:
    """A stored design from its JSON; remembered, because each submission needs its order's."""
    return Design.from_json(json.loads(text))


def _each(config: Mapping[str, Any], part: str, most: int, read: Any) -> list[Any]:
    raw = config.get(part)
    if not isinstance(raw, list) or not 1 <= len(raw) <= most or not all(isinstance(one, Mapping) for one in raw):
        raise AnswerProblem(f"A design has a list of 1 to {most} {part}, each an object.", part)
    return [_at(f"{part}.{number}", read, one) for number, one in enumerate(raw)]


def _input(config: Mapping[str, Any]) -> Input:
    kind = str(config.get("type", ""))
    if kind not in INPUT_TYPES:
        raise AnswerProblem(f"“{kind[:40]}” is no type of input; there are {', '.join(sorted(INPUT_TYPES))}.", "type")
    return Input(str(config.get("name", "")), kind, str(config.get("title", "")).strip())


def _at(place: str, read: Any, value: Any) -> Any:
    """`read(value)`, with the place put before the field of a problem."""
    try:
        return read(value)
    except AnswerProblem as problem:
        raise AnswerProblem(problem.message, f"{place}.{problem.field}" if problem.field else place) from None
