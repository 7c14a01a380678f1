"""The form of a new order."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django import forms

from apps.core.errors import DomainError
from apps.core.money import Money
from apps.labeling import brief


class OrderForm(forms.Form):
    """Four short steps on one page; every check that matters is the service's."""

    file = forms.FileField(
        label="Your texts",
        allow_empty_file=True,
        help_text="CSV or JSONL up to 100 MB with a column “text”. Optional columns: id, label (an answer you know), "
        "gold (yes: use it as a hidden check question).",
    )
    title = forms.CharField(max_length=brief.MAX_TITLE, help_text="What annotators see on the task board.")
    instruction = forms.CharField(
        max_length=brief.MAX_INSTRUCTION,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="40 words are best. Markdown works.",
    )
    classes = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One choice a line; add “= k” to choose its key. Left empty: the labels found in your file.",
    )
    example_text = forms.CharField(required=False, max_length=brief.MAX_EXAMPLE, label="Worked example: the text")
    example_label = forms.CharField(required=False, max_length=80, label="its answer")
    example_why = forms.CharField(required=False, max_length=brief.MAX_EXAMPLE, label="and why")
    price = forms.DecimalField(
        label="Pay for one accepted label, in dollars",
        min_value=Decimal("0.01"),
        max_value=Decimal(100),
        decimal_places=2,
        initial=Decimal("0.04"),
        widget=forms.NumberInput(attrs={"step": "0.01", "min": "0.01"}),
    )
    redundancy = forms.IntegerField(
        label="Answers for each item",
        min_value=1,
        max_value=brief.MAX_REDUNDANCY,
        initial=3,
        help_text="Three lets disagreement be seen.",
    )
    gold_percent = forms.IntegerField(
        label="Hidden check questions, in percent",
        min_value=0,
        max_value=brief.MAX_GOLD_PERCENT,
        initial=10,
        help_text="Taken from the rows whose label you know, where the file has no column “gold”.",
    )
    gold_file = forms.FileField(
        label="More check questions", required=False, help_text="CSV or JSONL with the columns “text” and “label”."
    )

    def order(self) -> dict[str, Any]:
        """The arguments for `services.create_order_from_file`."""
        data = self.cleaned_data
        gold = data.get("gold_file")
        example = {part: data[f"example_{part}"] for part in ("text", "label", "why")}
        return {
            "file": data["file"],
            "filename": data["file"].name,
            "gold_file": gold,
            "gold_filename": gold.name if gold else "",
            "title": data["title"],
            "instruction": data["instruction"],
            "classes": classes_of(data["classes"]),
            "example": example,
            "price": money_of(data["price"]),
            "redundancy": data["redundancy"],
            "gold_percent": data["gold_percent"],
        }

    def add_domain_error(self, error: DomainError) -> None:
        """Show a refusal beside the fields it names."""
        placed = False
        for problem in error.errors:
            field = {"price_per_label": "price", "example": "example_label"}.get(
                problem.get("field", ""), problem.get("field")
            )
            if "row" not in problem and field in self.fields:
                self.add_error(field, problem["message"])
                placed = True
        if not placed:
            self.add_error(
                "file" if any("row" in one or "file" in one for one in error.errors) else None, error.message
            )


def classes_of(text: str) -> list[dict[str, str]]:
    """One class a line, "name" or "name = key"."""
    found = []
    for line in text.splitlines():
        name, separator, key = line.rpartition("=")
        if not separator or len(key.strip()) != 1:
            name, key = line, ""
        if name.strip():
            found.append({"name": name.strip(), "key": key.strip()})
    return found


def money_of(dollars: Decimal) -> Money:
    """Dollars as typed, in cents."""
    return Money(int((dollars * 100).to_integral_value(ROUND_HALF_UP)))
