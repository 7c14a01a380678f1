"""Checking and cleaning what a requester writes: title, instruction, example, classes."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import nh3
from markdown_it import MarkdownIt

from apps.core.errors import FieldProblem, InvalidInput
from apps.core.money import Money
from apps.labeling.types import LabelClass

MAX_TITLE = 120
MAX_INSTRUCTION = 4_000
MAX_EXAMPLE = 1_000
MAX_CLASSES = 20
MAX_CLASS_NAME = 80
MAX_REDUNDANCY = 25
MAX_PRICE_MINOR = 10_000
MAX_GOLD_PERCENT = 50
#: Keys of the player itself: undo, skip, flag, help.
RESERVED_KEYS = frozenset("zsfh")
DEFAULT_KEYS = "123456789abcdegijklmnopqrtuvwxy"
_TAGS = {"p", "br", "em", "strong", "ul", "ol", "li", "code", "pre", "blockquote", "h3", "h4", "h5", "h6", "a"}


@dataclass(frozen=True)
class Design:
    """A checked task design."""

    title: str
    instruction: str
    example: dict[str, str]
    classes: tuple[LabelClass, ...]
    price: Money
    redundancy: int
    gold_percent: int

    @property
    def class_names(self) -> list[str]:
        """The classes by name."""
        return [one.name for one in self.classes]


def instruction_html(markdown: str) -> str:
    """A requester's Markdown as safe HTML: no images, no scripts, links open nothing of ours."""
    rendered = MarkdownIt("commonmark", {"html": False}).render(markdown)
    return nh3.clean(rendered, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"})


def plain_text(markdown: str) -> str:
    """The same without any formatting."""
    return html.unescape(nh3.clean(instruction_html(markdown), tags=set())).strip()


def check_design(
    *,
    title: str,
    instruction: str,
    example: Mapping[str, Any] | None,
    classes: Sequence[str | Mapping[str, Any]],
    price: Money,
    redundancy: int,
    gold_percent: int,
) -> Design:
    """Clean and check a design, naming every wrong field at once. Raises InvalidInput `invalid_order`."""
    title, instruction = title.strip(), instruction.strip()
    problems: list[FieldProblem] = []
    chosen = _with_keys(classes, problems)
    shown = _example(example or {}, [one.name for one in chosen], problems)
    limits = (
        ("title", 1 <= len(title) <= MAX_TITLE, f"Give a title of 1 to {MAX_TITLE} characters."),
        (
            "instruction",
            1 <= len(instruction) <= MAX_INSTRUCTION,
            f"Say in 1 to {MAX_INSTRUCTION:,} characters what to do; 40 words are best.",
        ),
        (
            "price_per_label",
            1 <= price.minor <= MAX_PRICE_MINOR,
            f"The price is between {Money(1, price.currency)} and {Money(MAX_PRICE_MINOR, price.currency)} a label.",
        ),
        ("redundancy", 1 <= redundancy <= MAX_REDUNDANCY, f"Between 1 and {MAX_REDUNDANCY} answers for each item."),
        ("gold_percent", 0 <= gold_percent <= MAX_GOLD_PERCENT, f"Between 0 and {MAX_GOLD_PERCENT} percent."),
        ("title", "\x00" not in title + instruction, "The text holds a NUL character."),
    )
    problems += [{"field": field, "message": message} for field, good, message in limits if not good]
    if problems:
        message = "The order cannot be saved: " + " ".join(problem["message"] for problem in problems[:3])
        raise InvalidInput("invalid_order", message, errors=problems)
    return Design(title, instruction, shown, tuple(chosen), price, redundancy, gold_percent)


def _with_keys(classes: Sequence[str | Mapping[str, Any]], problems: list[FieldProblem]) -> list[LabelClass]:
    """The classes, each with a key: its own where given, else the next free digit or letter."""
    given = [
        (one, "") if isinstance(one, str) else (str(one.get("name", "")), str(one.get("key", ""))) for one in classes
    ]
    named = [(name.strip(), key.strip().lower()) for name, key in given]
    names = [name for name, _ in named]
    keys = [key for _, key in named if key]

    def refuse(message: str) -> None:
        problems.append({"field": "classes", "message": message})

    if not 2 <= len(named) <= MAX_CLASSES:
        refuse(f"Give 2 to {MAX_CLASSES} classes.")
    if any(not 1 <= len(name) <= MAX_CLASS_NAME or "\x00" in name for name in names):
        refuse(f"Each class has a name of 1 to {MAX_CLASS_NAME} characters.")
    if len(set(names)) < len(names):
        refuse("Each class is named once.")
    if any(len(key) != 1 or key not in DEFAULT_KEYS for key in keys):
        refuse(f"A key is one digit 1-9 or letter; {', '.join(sorted(RESERVED_KEYS)).upper()} belong to the player.")
    if len(set(keys)) < len(keys):
        refuse("Each key picks one class.")
    free = iter(key for key in DEFAULT_KEYS if key not in keys)
    return [LabelClass(name, key or next(free, "")) for name, key in named[:MAX_CLASSES]]


def _example(example: Mapping[str, Any], names: Sequence[str], problems: list[FieldProblem]) -> dict[str, str]:
    shown = {field: str(example.get(field) or "").strip() for field in ("text", "label", "why")}
    if not shown["text"]:
        return {}
    if shown["label"] not in names:
        problems.append({"field": "example", "message": "The example's answer must be one of the classes."})
    if any(len(value) > MAX_EXAMPLE or "\x00" in value for value in shown.values()):
        problems.append(
            {"field": "example", "message": f"Each part of the example has at most {MAX_EXAMPLE:,} characters."}
        )
    return shown
