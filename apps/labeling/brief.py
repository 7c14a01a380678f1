"""Checking and cleaning what a requester writes: title, instruction, example, design, price."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import nh3
from markdown_it import MarkdownIt

from apps.core.errors import FieldProblem, InvalidInput
from apps.core.money import Money
from apps.labeling.controls import AnswerProblem
from apps.labeling.design import Design, text_classification

MAX_TITLE = 120
MAX_INSTRUCTION = 4_000
MAX_EXAMPLE = 1_000
MAX_REDUNDANCY = 25
MAX_AUTO_APPROVE_DAYS = 30
MAX_PRICE_MINOR = 10_000
MAX_GOLD_PERCENT = 50
_TAGS = {"p", "br", "em", "strong", "ul", "ol", "li", "code", "pre", "blockquote", "h3", "h4", "h5", "h6", "a"}


@dataclass(frozen=True)
class Brief:
    """All that a requester says about an order but its items, checked."""

    title: str
    instruction: str
    example: dict[str, Any]
    design: Design
    price: Money
    redundancy: int
    gold_percent: int
    auto_approve_days: int


def instruction_html(markdown: str) -> str:
    """A requester's Markdown as safe HTML: no images, no scripts, links open nothing of ours."""
    rendered = MarkdownIt("commonmark", {"html": False}).render(markdown)
    return nh3.clean(rendered, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"})


def plain_text(markdown: str) -> str:
    """The same without any formatting."""
    return html.unescape(nh3.clean(instruction_html(markdown), tags=set())).strip()


def check_brief(
    *,
    title: str,
    instruction: str,
    example: Mapping[str, Any] | None,
    design: Mapping[str, Any] | None,
    classes: Sequence[str | Mapping[str, Any]],
    price: Money,
    redundancy: int,
    gold_percent: int,
    auto_approve_days: int = 7,
) -> Brief:
    """Clean and check a brief, naming every wrong field at once. Raises InvalidInput `invalid_order`.

    Args:
        design: what tasks show and ask, as JSON.
        classes: instead of a design: the choices of the plain text classification.
        example: `{data, answer, why}`; where one text and one question are all there is, also `{text, label, why}`.
    """
    title, instruction = title.strip(), instruction.strip()
    problems: list[FieldProblem] = []
    checked = _design(design, classes, problems)
    shown = _example(example or {}, checked, problems) if checked is not None else {}
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
        (
            "auto_approve_days",
            1 <= auto_approve_days <= MAX_AUTO_APPROVE_DAYS,
            f"An answer waits at least 1 and at most {MAX_AUTO_APPROVE_DAYS} days for its decision.",
        ),
        ("title", "\x00" not in title + instruction, "The text holds a NUL character."),
    )
    problems += [{"field": field, "message": message} for field, good, message in limits if not good]
    if problems or checked is None:
        message = "The order cannot be saved: " + " ".join(problem["message"] for problem in problems[:3])
        raise InvalidInput("invalid_order", message, errors=problems)
    return Brief(title, instruction, shown, checked, price, redundancy, gold_percent, auto_approve_days)


def read_design(design: Mapping[str, Any]) -> Design:
    """A design from a request's JSON. Raises InvalidInput `invalid_order` naming the part that is wrong."""
    problems: list[FieldProblem] = []
    found = _design(design, (), problems)
    if found is None:
        raise InvalidInput("invalid_order", f"The design cannot be used: {problems[0]['message']}", errors=problems)
    return found


def _design(
    design: Mapping[str, Any] | None, classes: Sequence[str | Mapping[str, Any]], problems: list[FieldProblem]
) -> Design | None:
    try:
        return Design.from_json(design) if design is not None else text_classification(classes)
    except AnswerProblem as problem:
        field = "classes" if design is None else f"design.{problem.field}" if problem.field else "design"
        problems.append({"field": field, "message": problem.message})
        return None


def _example(example: Mapping[str, Any], design: Design, problems: list[FieldProblem]) -> dict[str, Any]:
    """The example as `{data, answer, why}`, or {} where there is none."""
    why = str(example.get("why") or "").strip()
    data, answer = example.get("data"), example.get("answer")
    if data is None and len(design.controls) == 1 and [one.type for one in design.inputs] == ["text"]:
        text = str(example.get("text") or "").strip()
        data = {design.inputs[0].name: text} if text else None
        answer = {design.controls[0].name: design.controls[0].parse(str(example.get("label") or ""))}
    if data is None:
        return {}
    try:
        cleaned = design.clean_data(data if isinstance(data, Mapping) else {})
        known = design.clean_answer(answer, cleaned)
    except AnswerProblem as problem:
        problems.append({"field": "example", "message": f"The example: {problem.message}"})
        return {}
    if len(why) > MAX_EXAMPLE or len(design.shown_data(cleaned)) > MAX_EXAMPLE or "\x00" in why:
        message = f"Each part of the example has at most {MAX_EXAMPLE:,} characters."
        problems.append({"field": "example", "message": message})
    return {"data": cleaned, "answer": known, "why": why}
