"""The form of a new order."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from django import forms

from apps.core.errors import DomainError
from apps.core.money import Money
from apps.labeling import brief, task_types
from apps.labeling.eligibility import LANGUAGES, LEVELS
from apps.labeling.models import Import, Skill
from apps.labeling.services import DraftSettings
from apps.labeling.terms import Terms

FIXED, UNTIL_SURE = "fixed", "until_sure"
DEFAULT_TARGET = 95
_LANGUAGES = sorted(LANGUAGES.items(), key=lambda one: one[1])


def _for(field: str, widget: type[forms.Widget], attrs: dict[str, Any] | None = None) -> forms.Widget:
    """A widget that the page shows only for the task types that ask for the field."""
    return widget(attrs={**(attrs or {}), "data-for": " ".join(task_types.keys_with(field))})


class DateTimeWidget(forms.DateTimeInput):
    """The browser's own field for a date and a time."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class OrderForm(forms.Form):
    """Four short steps on one page; every check that matters is the service's."""

    task_type = forms.ChoiceField(
        label="What is to be done",
        initial=task_types.PLAIN,
        choices=[
            *((one.key, f"{one.title}. {one.description}") for one in task_types.TASK_TYPES),
            (task_types.CUSTOM, "Any mix of questions, as a design in JSON."),
        ],
    )
    import_id = forms.ChoiceField(
        label="Where your items are",
        required=False,
        help_text="An import has licence, source and consent of each item; media come from there.",
    )
    file = forms.FileField(
        label="Your file",
        required=False,
        allow_empty_file=True,
        help_text="CSV or JSONL up to 100 MB with a column for what is shown: text, candidates (JSON: key and text of "
        "each), or a column for each input of your design. Optional columns: id, label or answer (what you know is "
        "right), gold (yes: use it as a hidden check question).",
    )
    title = forms.CharField(max_length=brief.MAX_TITLE, help_text="What annotators see on the task board.")
    instruction = forms.CharField(
        max_length=brief.MAX_INSTRUCTION,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="40 words are best. Markdown works.",
    )
    question = forms.CharField(
        required=False,
        max_length=200,
        help_text="What annotators read above the answer.",
        widget=_for(task_types.QUESTION, forms.TextInput),
    )
    classes = forms.CharField(
        required=False,
        widget=_for(task_types.CLASSES, forms.Textarea, {"rows": 4}),
        help_text="One choice a line; add “= k” to choose its key. For a choice on a text, left empty: the labels "
        "found in your file.",
    )
    relation_classes = forms.CharField(
        required=False,
        label="Kinds of relation",
        widget=_for(task_types.RELATIONS, forms.Textarea, {"rows": 3}),
        help_text="One a line; left empty: no relations are asked for.",
    )
    scale = forms.IntegerField(
        required=False,
        min_value=2,
        max_value=10,
        initial=5,
        label="Highest grade",
        widget=_for(task_types.SCALE, forms.NumberInput),
    )
    tolerance = forms.CharField(
        required=False,
        max_length=30,
        help_text="How far a number may be off and still be right; empty: not at all.",
        widget=_for(task_types.TOLERANCE, forms.TextInput),
    )
    unit = forms.CharField(required=False, max_length=40, widget=_for(task_types.UNIT, forms.TextInput))
    design = forms.JSONField(
        required=False,
        label="Design (JSON)",
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "data-for": task_types.CUSTOM}),
        help_text="{“inputs”: [{“name”, “type”, “title”}], “controls”: [{“type”, “name”, “input”, “title”, …}]}; the "
        "guide on designs lists all types.",
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
    quality = forms.ChoiceField(
        label="How many answers",
        required=False,
        initial=FIXED,
        widget=forms.RadioSelect,
        choices=[
            (FIXED, "Fixed: so many answers for each item."),
            (UNTIL_SURE, "Until sure: items on which annotators agree get fewer, doubtful ones more."),
        ],
    )
    target_percent = forms.IntegerField(
        label="How sure each result must be, in percent",
        required=False,
        min_value=50,
        max_value=99,
        initial=95,
        widget=forms.NumberInput(attrs={"data-quality": UNTIL_SURE}),
        help_text="For tasks that ask for one choice.",
    )
    redundancy = forms.IntegerField(
        label="Answers for each item",
        min_value=1,
        max_value=brief.MAX_REDUNDANCY,
        initial=3,
        help_text="Three lets disagreement be seen. Until sure: at most so many.",
    )
    budget = forms.DecimalField(
        label="Budget, in dollars",
        required=False,
        min_value=Decimal("0.01"),
        max_value=Decimal(10_000_000),
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "0.01", "min": "0.01"}),
        help_text="The most to spend, fee included. Empty: what all answers cost. The order ends where it is used up.",
    )
    deadline = forms.DateTimeField(
        label="Deadline (UTC)",
        required=False,
        widget=DateTimeWidget(),
        help_text="The order ends then with what is labelled; what was not spent comes back. Empty: when all is done.",
    )
    gold_percent = forms.IntegerField(
        label="Hidden check questions, in percent",
        min_value=0,
        max_value=brief.MAX_GOLD_PERCENT,
        initial=10,
        help_text="Taken from the rows whose label you know, where the file has no column “gold”.",
    )
    machine = forms.BooleanField(
        required=False,
        label="Let a machine label what it proves to know",
        help_text="For one choice on a text: people label what teaches most and audit the rest, at 95 % precision.",
    )
    level = forms.ChoiceField(
        label="Level, at least",
        required=False,
        choices=[(0, "Any, also newcomers"), *((one.number, f"{one.number}: {one.in_words}") for one in LEVELS)],
    )
    languages = forms.MultipleChoiceField(
        label="Languages, all of these",
        required=False,
        choices=_LANGUAGES,
        widget=forms.CheckboxSelectMultiple,
    )
    adjudication = forms.BooleanField(
        required=False,
        label="Items whose answers differ wait for an adjudicator",
        help_text="Members of your organisation review and adjudicate without pay.",
    )
    review_price = forms.DecimalField(
        label="Pay for one review, in dollars",
        required=False,
        min_value=Decimal("0.01"),
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "0.01", "min": "0.01"}),
    )
    review_count = forms.IntegerField(
        label="Reviews you pay for",
        required=False,
        min_value=1,
        help_text="Their pay is set aside with the draft; what is not used comes back.",
    )
    gold_file = forms.FileField(
        label="More check questions", required=False, help_text="CSV or JSONL with the columns “text” and “label”."
    )

    def __init__(self, *args: Any, imports: Iterable[Import] = (), skills: Iterable[Skill] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(str(one.id), one.name) for one in skills]
        self.fields["skills"] = forms.MultipleChoiceField(
            label="Skills, all of these", required=False, choices=named, widget=forms.CheckboxSelectMultiple
        )
        self.fields["review_skill"] = forms.ChoiceField(
            label="Annotators who may review too: those with the skill",
            required=False,
            choices=[("", "nobody"), *named],
        )
        self.has_skills = bool(named)
        ready = [(str(one.id), f"Import “{one.title}”, {one.item_count:,} items") for one in imports]
        self.fields["import_id"] = forms.ChoiceField(
            label=self.fields["import_id"].label,
            required=False,
            help_text=self.fields["import_id"].help_text,
            choices=[("", "In a file on this device"), *ready],
        )
        self.has_imports = bool(ready)
        self.fields["file"].required = not ready

    def clean(self) -> dict[str, Any]:
        """One source of items: a file, or an import."""
        data = super().clean() or {}
        if not data.get("import_id") and not data.get("file") and "file" not in self.errors:
            self.add_error("file", "Choose a file, or one of your imports.")
        return data

    def import_id_or_none(self) -> UUID | None:
        """The import that the items come from; None: the file."""
        chosen = self.cleaned_data["import_id"]
        return UUID(chosen) if chosen else None

    def uploaded(self) -> dict[str, Any]:
        """What `services.create_order_from_file` takes beside the brief."""
        data = self.cleaned_data
        gold = data.get("gold_file")
        return {
            "file": data["file"],
            "filename": data["file"].name,
            "gold_file": gold,
            "gold_filename": gold.name if gold else "",
        }

    def brief(self) -> dict[str, Any]:
        """What every way to create an order takes."""
        data = self.cleaned_data
        example = {part: data[f"example_{part}"] for part in ("text", "label", "why")}
        return {
            "title": data["title"],
            "instruction": data["instruction"],
            "design": self._design(),
            "classes": classes_of(data["classes"]) if data["task_type"] == task_types.PLAIN else (),
            "example": example,
            "price": money_of(data["price"]),
            "redundancy": data["redundancy"],
            "gold_percent": data["gold_percent"],
            "terms": self._terms(),
        }

    def settings(self) -> DraftSettings:
        """What is set with the draft; a machine's details are set on the draft's page."""
        data = self.cleaned_data
        requirements = {
            "skills": [UUID(one) for one in data["skills"]],
            "languages": data["languages"],
            "level": int(data["level"] or 0),
        }
        review = {
            "adjudication": data["adjudication"],
            "skill_id": UUID(data["review_skill"]) if data["review_skill"] else None,
            "price": money_of(data["review_price"]) if data["review_price"] else None,
            "reviews": data["review_count"] or 0,
        }
        return DraftSettings(
            machine={"mode": "assist"} if data["machine"] else {},
            requirements=requirements if any(requirements.values()) else None,
            review=review if review["adjudication"] or review["skill_id"] else None,
        )

    def has_settings(self) -> bool:
        """Whether anything was chosen of who works and who reviews, so that the page shows it."""
        names = ("skills", "languages", "level", "adjudication", "review_skill", "review_price", "review_count")
        return any(self[name].value() not in (None, "", "0", 0, [], False) or self[name].errors for name in names)

    def _terms(self) -> Terms:
        data = self.cleaned_data
        until_sure = data["quality"] == UNTIL_SURE
        return Terms(
            target=(data["target_percent"] or DEFAULT_TARGET) / 100 if until_sure else None,
            budget=money_of(data["budget"]) if data["budget"] else None,
            deadline=data["deadline"],
        )

    def _design(self) -> Any:
        """The design's JSON; None for the plain text classification, whose choices may come from the file."""
        data = self.cleaned_data
        if data["task_type"] == task_types.PLAIN:
            return None
        if data["task_type"] == task_types.CUSTOM:
            return data["design"] or {}
        given = data | {name: classes_of(data[name]) for name in (task_types.CLASSES, task_types.RELATIONS)}
        return task_types.BY_KEY[data["task_type"]].design(given)

    def add_domain_error(self, error: DomainError) -> None:
        """Show a refusal beside the fields it names."""
        placed = False
        for problem in error.errors:
            field = self._field_of(problem.get("field", ""))
            if "row" not in problem and field in self.fields:
                self.add_error(field, problem["message"])
                placed = True
        if not placed:
            self.add_error(
                "file" if any("row" in one or "file" in one for one in error.errors) else None, error.message
            )

    def _field_of(self, named: str) -> str:
        """The form's field for one that the service names; a part of a design is asked for by its own field."""
        last = named.rsplit(".", 1)[-1]
        if named.startswith("design.") and self.cleaned_data.get("task_type") != task_types.CUSTOM:
            return {"most": "scale"}.get(last, last)
        if named.startswith("requirements."):
            return last
        renamed = {
            "price_per_label": "price",
            "example": "example_label",
            "target": "target_percent",
            "review.skill": "review_skill",
            "review.price": "review_price",
            "review.reviews": "review_count",
        }
        return renamed.get(named, named.split(".")[0])


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
