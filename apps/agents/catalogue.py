"""Agent templates: each a working agent with example documents, questions to try and an evaluation set.

A template is a folder in `examples/`: `template.toml`, the documents it names, and `evaluation.jsonl` with questions,
words that a right answer holds, and whether the documents answer them at all.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from apps.agents.specs import Extras
from apps.agents.types import AnswerMode, Tone
from apps.core.errors import NotFound

EXAMPLES = Path(__file__).parent / "examples"


@dataclass(frozen=True)
class TemplateCase:
    """A question of an evaluation set; an answerable one is answered with all of the `expected` words."""

    question: str
    expected: tuple[str, ...]
    answerable: bool


@dataclass(frozen=True)
class TemplateTable:
    """A file of the template that its agent can ask as a table, and questions for it."""

    file: str
    name: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class AgentTemplate:
    """A prefilled agent. `documents` are names of files in its folder; `icon` is one of the design
    system; `extras` are its tools, guard rails and budget, `tables` further tools; `note` says what it needs to do
    more.
    """

    key: str
    title: str
    pitch: str
    icon: str
    name: str
    job: str
    instruction: str
    tone: Tone
    mode: AnswerMode
    starters: tuple[str, ...]
    documents: tuple[str, ...]
    needs_classifier: bool = False
    note: str = ""
    extras: Extras = field(default_factory=Extras)
    tables: tuple[TemplateTable, ...] = ()

    def content(self, document: str) -> bytes:
        """An example document."""
        return (EXAMPLES / self.key / document).read_bytes()

    def cases(self) -> tuple[TemplateCase, ...]:
        """The evaluation set."""
        lines = (EXAMPLES / self.key / "evaluation.jsonl").read_text().splitlines()
        values = [json.loads(line) for line in lines if line.strip()]
        return tuple(TemplateCase(item["question"], tuple(item["expected"]), item["answerable"]) for item in values)


def _read(path: Path) -> tuple[int, AgentTemplate]:
    values = tomllib.loads(path.read_text())
    order = values.pop("order")
    extras = {name: values.pop(name) for name in Extras.model_fields if name in values}
    found = AgentTemplate(
        key=path.parent.name,
        **values
        | {
            "tone": Tone(values["tone"]),
            "mode": AnswerMode(values["mode"]),
            "starters": tuple(values["starters"]),
            "documents": tuple(values["documents"]),
            "tables": tuple(
                TemplateTable(one["file"], one["name"], tuple(one["examples"])) for one in values.get("tables", ())
            ),
            "extras": Extras.model_validate(extras),
        },
    )
    return order, found


TEMPLATES: tuple[AgentTemplate, ...] = tuple(
    template
    for _, template in sorted((_read(path) for path in EXAMPLES.glob("*/template.toml")), key=lambda pair: pair[0])
)
_BY_KEY = {template.key: template for template in TEMPLATES}


def template(key: str) -> AgentTemplate:
    """The template of that key.

    Raises:
        NotFound: there is none.
    """
    found = _BY_KEY.get(key)
    if found is None:
        known = ", ".join(_BY_KEY)
        raise NotFound("template_not_found", f"There is no agent template {key}. There are: {known}.", template=key)
    return found
