"""The form of a new training run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms

from apps.core.errors import DomainError
from apps.datasets.types import DatasetVersionInfo
from apps.training.types import TrainingMethod

_FIELD_OF = {"dataset_version_id": "dataset_version"}


class StartRunForm(forms.Form):
    """Dataset version, method and name."""

    dataset_version = forms.TypedChoiceField(
        label="Dataset", coerce=UUID, help_text="Each row has a text and a label. A fifth is held out to measure."
    )
    method = forms.ChoiceField(
        label="Method", choices=TrainingMethod.choices, widget=forms.RadioSelect, initial=TrainingMethod.HEAD
    )
    name = forms.CharField(label="Name of the model", max_length=120, help_text="For example: Spam filter")

    def __init__(self, *args: Any, versions: Sequence[DatasetVersionInfo], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["dataset_version"]
        assert isinstance(field, forms.TypedChoiceField)  # noqa: S101  # for the type checker
        field.choices = [(str(version.id), _described(version)) for version in versions]

    def cleaned(self) -> dict[str, Any]:
        """Arguments of `start_run`."""
        data = self.cleaned_data
        return {
            "dataset_version_id": data["dataset_version"],
            "method": data["method"],
            "name": data["name"],
        }

    def refuse(self, error: DomainError) -> None:
        """Show a domain error at its field, or on top."""
        named = [
            (_FIELD_OF.get(item.get("field", ""), item.get("field", "")), item["message"]) for item in error.errors
        ]
        for field, message in named or [("", error.message)]:
            self.add_error(field if field in self.fields else None, message)


def _described(version: DatasetVersionInfo) -> str:
    classes = f"{len(version.classes)} classes" if version.classes else "classes unknown"
    return f"{version.dataset_name}, version {version.number} ({version.row_count:,} rows, {classes})"
