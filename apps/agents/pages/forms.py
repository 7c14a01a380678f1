"""The builder's form."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from apps.agents.services import AgentChanges
from apps.agents.types import AgentConfig, AnswerMode, ModelOption, Tone
from apps.knowledge.types import KnowledgeBaseInfo

MODES = {
    AnswerMode.GENERATE: "Write an answer from the documents",
    AnswerMode.QUOTE: "Quote the documents word for word",
    AnswerMode.LABEL: "Sort the message with a classifier",
}


class AgentForm(forms.Form):
    """Name, job, tone, one file, models and knowledge bases; all but the file are prefilled."""

    name = forms.CharField(max_length=80, label="Name")
    job = forms.CharField(max_length=300, label="Job", help_text="One sentence. Visitors see it.")
    tone = forms.ChoiceField(choices=[(str(tone), str(tone).capitalize()) for tone in Tone], label="Tone")
    file = forms.FileField(
        required=False,
        allow_empty_file=True,
        label="Your document",
        help_text="PDF, Word, Markdown or text, up to 20 MB.",
    )
    knowledge = forms.MultipleChoiceField(
        required=False, label="Knowledge bases", widget=forms.CheckboxSelectMultiple, choices=()
    )
    classifier = forms.ChoiceField(required=False, label="Classifier", choices=())
    language_model = forms.ChoiceField(required=False, label="Language model", choices=())
    mode = forms.ChoiceField(choices=[(str(mode), label) for mode, label in MODES.items()], label="How it answers")
    instruction = forms.CharField(
        max_length=2000,
        label="Instruction",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Never shown to visitors.",
    )

    def __init__(
        self,
        *args: Any,
        bases: list[KnowledgeBaseInfo],
        classifiers: list[ModelOption],
        language_models: list[ModelOption],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._choices("knowledge", [(str(base.id), base.name) for base in bases])
        self._choices("classifier", [("", "None"), *_options(classifiers)])
        self._choices("language_model", [("", "SmolLM2 135M (bundled)"), *_options(language_models)])

    def changes(self) -> AgentChanges:
        """The valid form as the service takes it."""
        data = self.cleaned_data
        return AgentChanges(
            name=data["name"],
            job=data["job"],
            tone=data["tone"],
            mode=data["mode"],
            instruction=data["instruction"],
            knowledge_base_ids=[UUID(value) for value in data["knowledge"]],
            classifier_version_id=UUID(data["classifier"]) if data["classifier"] else None,
            clear_classifier=not data["classifier"],
            language_model_version_id=UUID(data["language_model"]) if data["language_model"] else None,
            clear_language_model=not data["language_model"],
        )

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices


def initial_of(config: AgentConfig) -> dict[str, Any]:
    """The draft as initial values of the form."""
    return {
        "name": config.name,
        "job": config.job,
        "tone": str(config.tone),
        "mode": str(config.mode),
        "instruction": config.instruction,
        "knowledge": [str(base_id) for base_id in config.knowledge_base_ids],
        "classifier": str(config.classifier_version_id or ""),
        "language_model": str(config.language_model_version_id or ""),
    }


def _options(options: list[ModelOption]) -> list[tuple[str, str]]:
    return [(str(option.asset_version_id), f"{option.name} {option.note}".strip()) for option in options]
