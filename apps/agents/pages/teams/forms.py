"""Forms of the team builder. What a kind of node does not need is not in its form."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.agents.services.teams import TeamChanges
from apps.agents.teams.editing import free_key
from apps.agents.teams.facts import AgentChoice, TeamInfo
from apps.agents.teams.types import MAX_ROUNDS, MAX_WORKERS, Edge, Graph, Node, NodeKind, RouteBy
from apps.agents.types import ConnectionInfo, ModelOption
from apps.knowledge.types import KnowledgeBaseInfo

KINDS = {
    NodeKind.AGENT: "Agent: answers",
    NodeKind.SUPERVISOR: "Supervisor: calls workers, then answers",
    NodeKind.ROUTER: "Router: chooses one way",
    NodeKind.JOIN: "Join: waits for all branches",
    NodeKind.LOOP: "Loop: goes back, a few times at most",
    NodeKind.APPROVAL: "Approval: a person decides",
    NodeKind.SEND: "Send: posts the text to an address",
    NodeKind.REMOTE: "Foreign agent: answers from outside",
    NodeKind.OUTPUT: "Output: the team's answer",
}
BY = {
    RouteBy.WORDS: "Words in the text",
    RouteBy.MEANING: "Meaning: the closest description",
    RouteBy.LABEL: "The label of the agent before",
    RouteBy.CLASSIFIER: "A trained classifier",
}
FIELDS: dict[NodeKind, tuple[str, ...]] = {
    NodeKind.INPUT: (),
    NodeKind.AGENT: ("agent", "prompt", "tokens", "knowledge", "tools"),
    NodeKind.SUPERVISOR: ("agent", "workers", "most", "prompt", "tokens", "tools"),
    NodeKind.ROUTER: ("by", "classifier"),
    NodeKind.JOIN: (),
    NodeKind.LOOP: ("rounds", "until"),
    NodeKind.APPROVAL: (),
    NodeKind.SEND: ("url", "ask_first"),
    NodeKind.REMOTE: ("connection", "prompt", "tokens", "ask_first"),
    NodeKind.OUTPUT: (),
}


class TeamForm(forms.Form):
    """The team's own settings."""

    name = forms.CharField(max_length=80, label="Name")
    job = forms.CharField(max_length=300, label="Job", required=False)
    tokens = forms.IntegerField(label="Tokens for a run", help_text="Prompts and answers of all agents together.")
    minutes = forms.IntegerField(label="Minutes for a run", help_text="A run that takes longer is ended.")
    tool_calls = forms.IntegerField(label="Tool calls for a step")

    def changes(self) -> TeamChanges:
        """The valid form as the service takes it."""
        return TeamChanges(**self.cleaned_data)


class AddNodeForm(forms.Form):
    """A further node: kind, name, agent and the node that it follows."""

    kind = forms.ChoiceField(choices=[(str(kind), label) for kind, label in KINDS.items()], label="Kind")
    agent = forms.ChoiceField(required=False, label="Agent", help_text="For an agent or a supervisor.")
    name = forms.CharField(
        max_length=80, required=False, label="Name", help_text="Left out: the agent's or the kind's."
    )
    after = forms.ChoiceField(label="After", required=False)

    def __init__(self, *args: Any, graph: Graph, choices: list[AgentChoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.graph = graph
        self.names = {choice.slug: choice.name for choice in choices}
        _choose(self, "agent", [("", "None"), *agent_options(choices)])
        starts = [node for node in graph.nodes if node.kind is not NodeKind.OUTPUT]
        _choose(self, "after", [("", "Nothing yet"), *((node.key, node.name) for node in starts)])

    def node(self) -> Node:
        """The new node."""
        data = self.cleaned_data
        kind = NodeKind(data["kind"])
        agent = data["agent"] if "agent" in FIELDS[kind] else ""
        name = data["name"].strip() or self.names.get(agent, "") or KINDS[kind].split(":")[0]
        workers = tuple(slug for slug in self.names if slug != agent)[:2] if kind is NodeKind.SUPERVISOR else ()
        return Node(free_key(self.graph, name), kind, name[:80], agent=agent, workers=workers)


class NodeForm(forms.Form):
    """One node."""

    name = forms.CharField(max_length=80, label="Name")
    agent = forms.ChoiceField(label="Agent")
    workers = forms.MultipleChoiceField(label="Workers", widget=forms.CheckboxSelectMultiple)
    most = forms.IntegerField(label="Calls at most", min_value=1, max_value=MAX_WORKERS)
    prompt = forms.CharField(
        required=False,
        max_length=2000,
        label="What it is asked",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="{input} is what comes in, {question} what the team was asked, {key} what that node said.",
    )
    tokens = forms.IntegerField(required=False, min_value=1, label="Tokens at most")
    knowledge = forms.MultipleChoiceField(
        required=False,
        label="Searches only these",
        widget=forms.CheckboxSelectMultiple,
        help_text="Nothing chosen: all knowledge bases of the agent.",
    )
    tools = forms.CharField(
        required=False,
        max_length=400,
        label="Calls only these tools",
        help_text="Names, with commas between. Empty: all tools of the agent; none: no tool.",
    )
    by = forms.ChoiceField(label="Chooses by", choices=[(str(by), label) for by, label in BY.items()])
    classifier = forms.ChoiceField(required=False, label="Classifier")
    rounds = forms.IntegerField(label="Goes back at most", min_value=1, max_value=MAX_ROUNDS)
    until = forms.CharField(
        required=False, max_length=300, label="Stops at these words", help_text="Words or phrases, with commas between."
    )
    url = forms.CharField(max_length=2000, label="Address")
    connection = forms.ChoiceField(
        label="Foreign agent", help_text="Connect one under Connections of the agents; it must speak A2A."
    )
    ask_first = forms.BooleanField(required=False, label="A person approves each time")

    def __init__(
        self,
        *args: Any,
        node: Node,
        choices: list[AgentChoice],
        bases: list[KnowledgeBaseInfo],
        classifiers: list[ModelOption],
        foreign: list[ConnectionInfo],
        **kwargs: Any,
    ) -> None:
        kwargs["initial"] = _initial(node)
        super().__init__(*args, **kwargs)
        self.node = node
        for name in set(self.fields) - {"name", *FIELDS[node.kind]}:
            del self.fields[name]
        options = agent_options(choices)
        known = {slug for slug, _ in options}
        options += [(slug, f"{slug} (not available)") for slug in node.agents if slug not in known]
        _choose(self, "agent", [("", "None"), *options])
        _choose(self, "workers", options)
        _choose(self, "connection", [("", "None"), *((str(one.id), one.name) for one in foreign)])
        _choose(self, "knowledge", [(str(base.id), base.name) for base in bases])
        _choose(self, "classifier", [("", "None"), *((str(one.asset_version_id), one.name) for one in classifiers)])

    def changed(self) -> Node:
        """The node as the valid form says."""
        values = {name: self.cleaned_data[name] for name in self.fields}
        if "tools" in values:
            values["tools"] = [name.strip() for name in values["tools"].split(",") if name.strip()]
        return Node.from_json(self.node.as_json() | values)


class AddEdgeForm(forms.Form):
    """A further way between two nodes."""

    source = forms.ChoiceField(label="From")
    target = forms.ChoiceField(label="To")
    when = forms.CharField(
        required=False,
        max_length=200,
        label="When",
        help_text="Router: words, label or description. Loop: again or done. Approval: approved or rejected.",
    )

    def __init__(self, *args: Any, graph: Graph, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose(self, "source", [(node.key, node.name) for node in graph.nodes if node.kind is not NodeKind.OUTPUT])
        _choose(self, "target", [(node.key, node.name) for node in graph.nodes if node.kind is not NodeKind.INPUT])

    def edge(self) -> Edge:
        """The new way."""
        data = self.cleaned_data
        return Edge(data["source"], data["target"], " ".join(data["when"].split()))


def initial_of(team: TeamInfo) -> dict[str, Any]:
    """The settings as initial values of the form."""
    return {name: getattr(team, name) for name in ("name", "job", "tokens", "minutes", "tool_calls")}


def agent_options(choices: list[AgentChoice]) -> list[tuple[str, str]]:
    """Agents to choose from, with what one must know of them."""
    return [
        (one.slug, one.name + ("" if one.is_published else " (draft)") + ("" if one.is_own else " (licensed)"))
        for one in choices
    ]


def _initial(node: Node) -> dict[str, Any]:
    return node.as_json() | {"by": str(node.by), "tools": ", ".join(node.tools)}


def _choose(form: forms.Form, name: str, choices: list[tuple[str, str]]) -> None:
    field = form.fields.get(name)
    if isinstance(field, forms.ChoiceField):
        field.choices = choices
