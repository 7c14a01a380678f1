"""Forms that add a tool to an agent, and those of connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from apps.agents.remote import RemoteCard
from apps.agents.specs import HttpTool, McpTool, RemoteTool
from apps.agents.teams.facts import AgentChoice
from apps.agents.types import ConnectionKind, TableInfo

MAX_EXAMPLES = 8
MAX_OPERATIONS = 20
CHANGED = "Changed by the server since you accepted it; not used until you choose it again. It says now:"
NEVER, ASK, FREE = "never", "ask", "free"
CHOICES = {
    True: [(NEVER, "Not used"), (FREE, "Used: it only reads")],
    False: [(NEVER, "Not used"), (ASK, "Used, asks first"), (FREE, "Used without asking")],
}
"""What can be chosen of an operation, by whether it only reads."""

KINDS = {
    ConnectionKind.HTTP: "Web API",
    ConnectionKind.MCP: "MCP server",
    ConnectionKind.MODEL: "Language model",
    ConnectionKind.AGENT: "Foreign agent",
}


class QuestionsForm(forms.Form):
    """What a tool is for: how the agent knows when to use it."""

    examples = forms.CharField(
        required=False,
        max_length=2000,
        label="Questions it answers",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Two or three, one a line. A small model sees by them when to use the tool.",
    )

    def lines(self) -> list[str]:
        """The questions."""
        found = [" ".join(line.split()) for line in self.cleaned_data["examples"].splitlines()]
        return [line[:200] for line in found if line][:MAX_EXAMPLES]


class TableForm(QuestionsForm):
    """An uploaded table, or one that is there."""

    file = forms.FileField(
        required=False,
        label="Upload a table",
        help_text="CSV, JSON lines or Excel with a row of headings, up to 20 MB.",
    )
    table = forms.ChoiceField(required=False, label="Or take one that is there", choices=())
    field_order = ("file", "table", "examples")

    def __init__(self, *args: Any, tables: Sequence[TableInfo], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if tables:
            _choose(
                self, "table", [("", "None"), *((str(one.id), f"{one.name} ({one.rows:,} rows)") for one in tables)]
            )
        else:
            del self.fields["table"]

    def clean(self) -> dict[str, Any]:
        """One of the two."""
        data = super().clean() or {}
        if not data.get("file") and not data.get("table") and "file" not in self.errors:
            self.add_error("file", "Choose a file.")
        return data


class AgentToolForm(QuestionsForm):
    """Another agent."""

    slug = forms.ChoiceField(label="Agent", choices=())
    field_order = ("slug", "examples")

    def __init__(self, *args: Any, choices: Sequence[AgentChoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose(self, "slug", [(one.slug, one.name) for one in choices])


class ConnectionForm(forms.Form):
    """Where agents may call, and the secret they send along."""

    name = forms.CharField(max_length=80, required=False, label="Name", help_text="What you call it.")
    secret = forms.CharField(
        required=False,
        max_length=4000,
        label="Key or token",
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
        help_text="Kept encrypted and never shown again, not even to you.",
    )
    header = forms.CharField(
        max_length=60,
        initial="Authorization",
        label="Sent as header",
        help_text="A bare key goes as a bearer token in Authorization. Some services want X-API-Key or another name.",
    )


class ApiForm(ConnectionForm):
    """A web API by its OpenAPI document."""

    document_url = forms.CharField(
        max_length=2000,
        label="Address of its OpenAPI document",
        widget=forms.URLInput(attrs={"placeholder": "https://api.example.org/openapi.json"}),
        help_text="JSON or YAML. The service's maker names it in its documentation.",
    )
    url = forms.CharField(
        max_length=2000,
        required=False,
        label="Address for requests",
        widget=forms.URLInput(),
        help_text="Left out: the one in the document, if it is on the same host. The key goes nowhere else.",
    )
    field_order = ("document_url", "name", "secret", "url", "header")


class ServerForm(ConnectionForm):
    """An MCP server or a model's address."""

    url = forms.CharField(
        max_length=2000, label="Address", widget=forms.URLInput(attrs={"placeholder": "https://mcp.example.org/mcp"})
    )
    field_order: tuple[str, ...] = ("url", "name", "secret", "header")


class ForeignAgentForm(ServerForm):
    """A foreign agent by its address or that of its card."""

    url = forms.CharField(
        max_length=2000,
        label="Address of the agent or of its card",
        widget=forms.URLInput(attrs={"placeholder": "https://agent.example.org/.well-known/agent-card.json"}),
    )


class ForeignUseForm(QuestionsForm):
    """What a foreign agent is asked for, and whether a question to it waits for approval."""

    purpose = forms.CharField(
        required=False,
        max_length=300,
        label="What it is for",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Your words. What its maker writes later does not change them.",
    )
    asks_first = forms.BooleanField(
        required=False,
        label="A person allows each question",
        help_text="A foreign agent may do anything with what it is sent. Leave this on unless it only looks things up.",
    )
    field_order = ("purpose", "examples", "asks_first")

    def __init__(self, *args: Any, card: RemoteCard, spec: RemoteTool | None, **kwargs: Any) -> None:
        said = [example for skill in card.skills for example in skill.examples]
        kwargs["initial"] = {
            "purpose": (card.description or card.name)[:300] if spec is None else spec.purpose,
            "examples": "\n".join(said[:MAX_EXAMPLES] if spec is None else spec.examples),
            "asks_first": spec is None or not spec.harmless,
        }
        super().__init__(*args, **kwargs)


class OperationsForm(QuestionsForm):
    """Which operations of a connection the agent may use, and which of them wait for approval."""

    def __init__(
        self, *args: Any, offers: Sequence[dict[str, Any]], spec: HttpTool | McpTool | None, **kwargs: Any
    ) -> None:
        chosen = () if spec is None else spec.operations if isinstance(spec, HttpTool) else spec.tools
        harmless = spec.harmless if spec is not None else ()
        kwargs["initial"] = {"examples": "\n".join(spec.examples) if spec is not None else ""}
        super().__init__(*args, **kwargs)
        self.offers = sorted(offers, key=lambda offer: not offer["only_reads"])
        known = {offer["name"] for offer in self.offers}
        self.offers += [
            {"name": name, "purpose": "It is not offered any more.", "only_reads": False}
            for name in chosen
            if name not in known
        ]
        before = spec.accepted if isinstance(spec, McpTool) else {}
        changed = {one["name"] for one in offers if before.get(one["name"], one.get("digest")) != one.get("digest")}
        for index, offer in enumerate(self.offers):
            is_changed = offer["name"] in changed
            used = FREE if offer["only_reads"] or offer["name"] in harmless else ASK
            self.fields[f"use_{index}"] = forms.ChoiceField(
                choices=CHOICES[bool(offer["only_reads"])],
                label=offer["name"],
                initial=used if offer["name"] in chosen and not is_changed else NEVER,
                help_text=f"{CHANGED} {offer['purpose']}" if is_changed else offer["purpose"],
            )

            if "digest" in offer:
                self.fields[f"seen_{index}"] = forms.CharField(
                    required=False, max_length=64, initial=offer["digest"], widget=forms.HiddenInput()
                )

    def rows(self) -> list[forms.BoundField]:
        """The fields of the operations."""
        return [self[f"use_{index}"] for index in range(len(self.offers))]

    def clean(self) -> dict[str, Any]:
        """At least one operation is used."""
        data = super().clean() or {}
        if not self.used():
            self.add_error(None, "Choose at least one.")
        for index, offer in enumerate(self.offers):
            is_used = data.get(f"use_{index}", NEVER) != NEVER
            if is_used and "digest" in offer and data.get(f"seen_{index}") != offer["digest"]:
                self.add_error(f"use_{index}", "The server has changed it while you looked. Open this page again.")
        if len(self.used()) > MAX_OPERATIONS:
            self.add_error(None, f"Choose at most {MAX_OPERATIONS}.")
        return data

    def accepted(self) -> dict[str, str]:
        """The digest of each used tool of an MCP server, as it is shown."""
        digests = {offer["name"]: offer["digest"] for offer in self.offers if "digest" in offer}
        return {name: digests[name] for name in self.used() if name in digests}

    def used(self) -> list[str]:
        """Names of what the agent may call."""
        return [name for name, use in self._uses() if use != NEVER]

    def harmless(self) -> list[str]:
        """Names of what it may call without asking though it might change something."""
        reading = {offer["name"] for offer in self.offers if offer["only_reads"]}
        return [name for name, use in self._uses() if use == FREE and name not in reading]

    def _uses(self) -> list[tuple[str, str]]:
        return [
            (offer["name"], self.cleaned_data.get(f"use_{index}", NEVER)) for index, offer in enumerate(self.offers)
        ]


def _choose(form: forms.Form, name: str, choices: list[tuple[str, str]]) -> None:
    field = form.fields[name]
    if isinstance(field, forms.ChoiceField):
        field.choices = choices
