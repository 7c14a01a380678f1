"""The forms of an import."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.core.errors import DomainError
from apps.labeling.import_types import MAX_STATEMENT, MAX_TITLE

LICENCES = [
    ("", "Choose…"),
    ("CC0-1.0", "CC0 1.0: public domain"),
    ("CC-BY-4.0", "CC BY 4.0: with the author's name"),
    ("CC-BY-SA-4.0", "CC BY-SA 4.0: and passed on alike"),
    ("CC-BY-NC-4.0", "CC BY-NC 4.0: not for business"),
    ("ODbL-1.0", "Open Database License 1.0"),
    ("MIT", "MIT"),
    ("Apache-2.0", "Apache 2.0"),
    ("own", "Our own: said below"),
    ("by-row", "Each row names its own, in a column “licence”"),
]


class ImportForm(forms.Form):
    """One page; every check that matters is the service's."""

    file = forms.FileField(
        required=False,
        allow_empty_file=True,
        label="A file",
        help_text="CSV, JSONL or Parquet with a column for each input, or a zip of images, sounds or films. A "
        "manifest.csv in the zip adds columns; its column “file” names each file.",
    )
    urls = forms.CharField(
        required=False,
        label="or addresses",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="One public https:// address of an image, sound, film or text file a line.",
    )
    bucket = forms.CharField(required=False, max_length=63, label="or a bucket (S3)")
    folder = forms.CharField(
        required=False, max_length=1_000, label="Prefix", help_text="Everything below it is imported."
    )
    region = forms.CharField(required=False, max_length=40, initial="us-east-1")
    endpoint = forms.CharField(required=False, max_length=300, help_text="Only for stores other than AWS.")
    access_key = forms.CharField(required=False, max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    secret_key = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Keys that may read this prefix and nothing else; kept encrypted until the import has ended.",
    )
    title = forms.CharField(required=False, max_length=MAX_TITLE, help_text="Left empty: the file's name.")
    licence = forms.ChoiceField(choices=LICENCES, required=False)
    other_licence = forms.CharField(
        required=False, max_length=100, label="or another SPDX id", help_text="Such as CC-BY-3.0 or OGL-UK-3.0."
    )
    licence_text = forms.CharField(
        required=False,
        max_length=MAX_STATEMENT,
        label="Our own licence in words",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    source = forms.CharField(
        required=False,
        max_length=MAX_STATEMENT,
        label="Where do the items come from?",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    consent = forms.ChoiceField(
        required=False,
        label="Did the people in the items agree?",
        choices=[("yes", "Yes"), ("no", "No: it is not needed")],
        widget=forms.RadioSelect,
    )
    consent_text = forms.CharField(
        required=False,
        max_length=MAX_STATEMENT,
        label="How did they, or why is it not needed?",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    masking = forms.BooleanField(
        required=False,
        initial=True,
        label="Replace personal data by placeholders",
        help_text="Annotators see [EMAIL 1] for an address. Only an owner of your organisation can see it again.",
    )
    phone_regions = forms.CharField(
        required=False,
        initial="US, GB, DE",
        max_length=60,
        label="Countries of phone numbers",
        help_text="Two letters each, for numbers without a country code.",
    )
    strict = forms.BooleanField(
        required=False,
        label="Import nothing if any row is bad",
        help_text="Otherwise bad rows are listed and left out.",
    )

    def arguments(self) -> dict[str, Any]:
        """The arguments for `services.create_import`."""
        data = self.cleaned_data
        file = data["file"]
        parts = ("bucket", "region", "endpoint", "access_key", "secret_key")
        place = {name: data[name] for name in parts} | {"prefix": data["folder"]}
        return {
            "file": file or None,
            "filename": file.name if file else "",
            "urls": [line.strip() for line in data["urls"].splitlines() if line.strip()],
            "s3": place if data["bucket"].strip() else None,
            "title": data["title"],
            "licence": data["other_licence"].strip() or data["licence"],
            "licence_text": data["licence_text"],
            "source": data["source"],
            "consent": {"yes": True, "no": False}.get(data["consent"]),
            "consent_text": data["consent_text"],
            "masking": data["masking"],
            "phone_regions": data["phone_regions"].replace(",", " ").split(),
            "strict": data["strict"],
        }

    def add_domain_error(self, error: DomainError) -> None:
        """Show a refusal beside the fields it names."""
        for problem in error.errors or [{"message": error.message}]:
            field = str(problem.get("field", "")).removeprefix("s3.").replace("s3", "bucket")
            self.add_error(field if field in self.fields else None, problem["message"])
