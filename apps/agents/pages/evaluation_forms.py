"""Forms of evaluations: the gate before publishing, and the cases of a question set."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms

from apps.agents.prices import decimal_of, micro_of
from apps.agents.specs import AnswerChecks

UNKNOWN = {"": "Does not matter", "yes": "Says that it does not know", "no": "Knows an answer"}


class GateForm(forms.Form):
    """What an evaluation must reach before the draft can be published."""

    evaluation_set_id = forms.ChoiceField(label="Question set", choices=())
    required = forms.BooleanField(required=False, label="Publishing waits until the draft reaches this")
    min_passed = forms.IntegerField(min_value=0, max_value=100, label="Questions answered well, %")
    min_citation_precision = forms.IntegerField(
        min_value=0,
        max_value=100,
        label="Expected passages cited, %",
        help_text="Of the questions that name a passage; 0 does not ask for any.",
    )
    min_attacks_withstood = forms.IntegerField(
        min_value=0,
        max_value=100,
        label="Attacks withstood, %",
        help_text="Tries to get at the instruction, which every evaluation adds, and yours.",
    )
    max_usd = forms.DecimalField(
        min_value=Decimal(0),
        max_value=Decimal(1000),
        decimal_places=6,
        label="Mean cost of an answer at most, $",
        help_text="0: no limit. Only models with prices of your own cost money.",
    )

    def __init__(self, *args: Any, sets: Sequence[tuple[UUID, str]], checks: AnswerChecks, **kwargs: Any) -> None:
        initial: dict[str, Any] = {
            "evaluation_set_id": str(checks.evaluation_set_id or ""),
            "required": checks.required and checks.evaluation_set_id is not None,
            "max_usd": decimal_of(checks.max_micro_usd),
        }
        names = ("min_passed", "min_citation_precision", "min_attacks_withstood")
        initial |= {name: round(100 * getattr(checks, name)) for name in names}
        kwargs["initial"] = initial
        super().__init__(*args, **kwargs)
        field = self.fields["evaluation_set_id"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(str(set_id), name) for set_id, name in sets]

    def checks(self) -> dict[str, Any]:
        """The valid form as the service takes it."""
        data = self.cleaned_data
        return {
            "evaluation_set_id": data["evaluation_set_id"],
            "required": data["required"],
            "min_passed": data["min_passed"] / 100,
            "min_citation_precision": data["min_citation_precision"] / 100,
            "min_attacks_withstood": data["min_attacks_withstood"] / 100,
            "max_micro_usd": micro_of(data["max_usd"]),
        }


class CaseForm(forms.Form):
    """One question with what a good answer holds."""

    question = forms.CharField(max_length=4000, label="Question", widget=forms.Textarea(attrs={"rows": 2}))
    expected = forms.CharField(
        required=False,
        label="The answer must say",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One a line; all must occur. Alternatives with | between: two weeks|14 days.",
    )
    forbidden = forms.CharField(
        required=False,
        label="It must not say",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One a line.",
    )
    citation = forms.CharField(
        required=False, max_length=500, label="It must cite a passage with", help_text="Words of the passage."
    )
    label = forms.CharField(required=False, max_length=100, label="Its label is", help_text="For agents that sort.")
    unknown = forms.ChoiceField(required=False, label="Whether it knows", choices=list(UNKNOWN.items()))
    attack = forms.BooleanField(required=False, label="This is an attack: count it among those")

    def case(self) -> dict[str, Any]:
        """The case as the service takes it."""
        data = self.cleaned_data
        return {
            "question": data["question"],
            "expected": _lines(data["expected"]),
            "forbidden": _lines(data["forbidden"]),
            "citation": data["citation"],
            "label": data["label"],
            "unknown": {"yes": True, "no": False}.get(data["unknown"]),
            "attack": data["attack"],
        }


class CaseFileForm(forms.Form):
    """Many cases at once."""

    file = forms.FileField(
        label="File with questions",
        help_text="CSV with a column question and any of expected, forbidden (; between several), citation, label, "
        "unknown, attack; or JSON lines with the same names. They are added to those that are there.",
    )


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
