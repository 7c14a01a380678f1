"""The parts of an agent's configuration that come as JSON: model, tools, guard rails, budget, answer checks.

Each is a pydantic value, validated whole when it is saved; what is stored and published is `model_dump(mode="json")`.
Money is counted in millionths of a US dollar ("micro-dollars"), because one step costs less than a cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from apps.core.errors import FieldProblem

MAX_TOOLS = 12
ToolName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Purpose = Annotated[str, Field(max_length=300)]
Count = Annotated[int, Field(ge=0, le=10**12)]


class Spec(BaseModel):
    """A frozen value of known fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


# -- Tools


class _Tool(Spec):
    """What all tools share.

    `examples` are questions that this tool answers: a small model's tool is picked by their likeness to the question.
    """

    name: ToolName
    purpose: Purpose = ""
    examples: tuple[Annotated[str, Field(max_length=200)], ...] = Field(default=(), max_length=8)


class CalculatorTool(_Tool):
    """Arithmetic."""

    kind: Literal["calculator"] = "calculator"
    name: ToolName = "calculator"
    purpose: Purpose = "Calculates: sums, products, percentages, powers, roots."


class TableTool(_Tool):
    """Questions to an uploaded table (`table_id`) or to a version of a data set (`dataset_version_id`)."""

    kind: Literal["table"] = "table"
    table_id: UUID | None = None
    dataset_version_id: UUID | None = None

    @model_validator(mode="after")
    def _one_source(self) -> TableTool:
        if (self.table_id is None) == (self.dataset_version_id is None):
            raise ValueError("give either table_id or dataset_version_id")
        return self


class HttpTool(_Tool):
    """Chosen operations of a connection with an OpenAPI document; each is offered as `<name>_<operation>`.

    GET and HEAD only read. Every other method has side effects and waits for approval, except those in `harmless`.
    """

    kind: Literal["http"] = "http"
    connection_id: UUID
    operations: tuple[Annotated[str, Field(max_length=120)], ...] = Field(min_length=1, max_length=20)
    harmless: tuple[Annotated[str, Field(max_length=120)], ...] = Field(default=(), max_length=20)


class McpTool(_Tool):
    """Chosen tools of an MCP server; they wait for approval except those in `harmless`: hints of the server are not
    to be trusted.

    `accepted` has the digest of each tool as the owner saw it: one that its server has changed since is not offered.
    Where it names none, what the server says at the time is taken.
    """

    kind: Literal["mcp"] = "mcp"
    connection_id: UUID
    tools: tuple[Annotated[str, Field(max_length=120)], ...] = Field(min_length=1, max_length=20)
    harmless: tuple[Annotated[str, Field(max_length=120)], ...] = Field(default=(), max_length=20)
    accepted: dict[Annotated[str, Field(max_length=120)], Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(
        default={}, max_length=20
    )


class AgentTool(_Tool):
    """Another agent that the organisation may use, by the slug of its public address."""

    kind: Literal["agent"] = "agent"
    slug: Annotated[str, Field(min_length=1, max_length=100)]


class RemoteTool(_Tool):
    """A foreign agent, asked by A2A. A question to it waits for approval unless the owner calls it `harmless`.

    What it is for (`purpose`) is the owner's word: the foreign card is read once, when the owner chooses.
    """

    kind: Literal["remote"] = "remote"
    connection_id: UUID
    harmless: bool = False


class KnowledgeTool(_Tool):
    """A search of the agent's own knowledge bases that the model asks for itself, again if it likes."""

    kind: Literal["knowledge"] = "knowledge"
    name: ToolName = "search_documents"
    purpose: Purpose = "Searches the agent's documents."


ToolSpec = Annotated[
    CalculatorTool | TableTool | HttpTool | McpTool | AgentTool | RemoteTool | KnowledgeTool,
    Field(discriminator="kind"),
]


# -- The model


class BundledModel(Spec):
    """The platform's own small model, or the fine-tune of it that `language_model_version_id` names."""

    kind: Literal["bundled"] = "bundled"


class RunnerModel(Spec):
    """Any model that the runner serves, by its name there (a Hugging Face model id)."""

    kind: Literal["runner"] = "runner"
    name: Annotated[str, Field(min_length=1, max_length=200)]


class EndpointModel(Spec):
    """A model behind an OpenAI-compatible address, with the organisation's own key; both are in the connection.

    Prices are micro-dollars a million tokens, so that the budget can count them.
    """

    kind: Literal["endpoint"] = "endpoint"
    connection_id: UUID
    name: Annotated[str, Field(min_length=1, max_length=200)]
    input_price: Count = 0
    output_price: Count = 0


class TeamModel(Spec):
    """A released version of a team: it gives the answers, and each of its members has a model of its own."""

    kind: Literal["team"] = "team"
    team_id: UUID
    version_id: UUID


ModelChoice = Annotated[BundledModel | RunnerModel | EndpointModel | TeamModel, Field(discriminator="kind")]


# -- Guard rails, budget, answer checks


class GuardRails(Spec):
    """What an answer may not do.

    Attributes:
        refused_topics: a question that is about one of these is declined.
        mask_input, mask_output: personal data is replaced by placeholders before the model, a tool or the log sees it;
            in answers before the reader does.
        max_characters: a longer answer is cut at a sentence; 0 for no limit.
        must_cite: an answer that names no passage is replaced by the documents' own words.
        language: two letters; an answer in another language is replaced by a notice. Empty for any.
        min_confidence: where the documents are less likely than this to hold the answer, the agent says that it does
            not know; None for the default. Found by `calibrate_agent` on a question set.
        unsupported: what becomes of a sentence of the model that no passage carries: marked, dropped or kept.
        longest_copy: letters and digits that an answer to others may copy in one run; 0 leaves it to the knowledge
            bases, and the smallest number counts.
        keep_instruction: the instruction is not told to others; what stands in it in quotation marks may be.
    """

    refused_topics: tuple[Annotated[str, Field(min_length=3, max_length=120)], ...] = Field(default=(), max_length=20)
    mask_input: bool = False
    mask_output: bool = False
    max_characters: int = Field(default=0, ge=0, le=20_000)
    must_cite: bool = False
    language: Annotated[str, Field(pattern=r"^([a-z]{2})?$")] = ""
    min_confidence: float | None = Field(default=None, ge=0, le=1)
    unsupported: Literal["mark", "drop", "keep"] = "mark"
    longest_copy: int = Field(default=0, ge=0, le=5_000)
    keep_instruction: bool = True


class Budget(Spec):
    """What one answer, and all answers of a day (UTC), may use at most. 0 money means: no limit of money."""

    max_tokens: int = Field(default=8_000, ge=64, le=2_000_000)
    max_tool_calls: int = Field(default=6, ge=0, le=100)
    max_seconds: int = Field(default=90, ge=1, le=1_800)
    max_micro_usd: Count = 0
    day_tokens: Count = 0
    day_micro_usd: Count = 0


class AnswerChecks(Spec):
    """The gate before publishing: an evaluation of the draft over this question set must reach these shares.

    Without `evaluation_set_id` nothing is asked for; with `required` false the set is only the agent's own, to be run
    when somebody likes. `max_micro_usd` is the mean cost of an answer; 0 for no limit.
    """

    evaluation_set_id: UUID | None = None
    required: bool = True
    min_passed: float = Field(default=0.8, ge=0, le=1)
    min_citation_precision: float = Field(default=0.0, ge=0, le=1)
    min_attacks_withstood: float = Field(default=1.0, ge=0, le=1)
    max_micro_usd: Count = 0


class Extras(Spec):
    """Those parts together, as they are stored and validated."""

    tools: tuple[ToolSpec, ...] = Field(default=(), max_length=MAX_TOOLS)
    model: ModelChoice = BundledModel()
    guard: GuardRails = GuardRails()
    budget: Budget = Budget()
    checks: AnswerChecks = AnswerChecks()

    @field_validator("tools")
    @classmethod
    def _names_differ(cls, tools: tuple[ToolSpec, ...]) -> tuple[ToolSpec, ...]:
        names = [tool.name for tool in tools]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two tools are called {', '.join(twice)}")
        return tools

    def stored(self) -> dict[str, Any]:
        """Each part as JSON; an empty value stands for one at its defaults."""
        plain = self.model_dump(mode="json")
        return {
            name: plain[name] if getattr(self, name) != field.default else type(plain[name])()
            for name, field in Extras.model_fields.items()
        }


_EXTRAS: TypeAdapter[Extras] = TypeAdapter(Extras)


def read_extras(raw: dict[str, Any]) -> tuple[Extras | None, list[FieldProblem]]:
    """The parts given (others stay at their defaults), or one line for each thing that is wrong with them."""
    try:
        return _EXTRAS.validate_python(raw), []
    except ValidationError as error:
        return None, [
            {"field": _place(problem["loc"]), "message": problem["msg"].removeprefix("Value error, ")}
            for problem in error.errors()
        ]


def _place(location: Sequence[int | str]) -> str:
    """`tools[0].operations` for ("tools", 0, "http", "operations")."""
    tools = {"calculator", "table", "http", "mcp", "agent", "remote", "knowledge"}
    kinds = tools | {"bundled", "runner", "endpoint", "team"}
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in kinds:
            path += f".{part}" if path else part
    return path
