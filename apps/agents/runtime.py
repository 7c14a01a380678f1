"""One answer of an agent: look things up, let the classifier decide, then quote, say the label, or let the model write.

`prepare` reads (runner and database, never both in one transaction); `write` streams from the model through
pydantic-ai. What is stored and metered around it is the business of the services.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from pydantic_ai import Agent as ModelAgent
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelContextWindowExceededError,
    ModelRequestRejectedError,
    UnexpectedModelBehavior,
)
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

from apps.agents.citations import cite, without_repetition
from apps.agents.errors import PromptTooLong, unsupported
from apps.agents.models_in_use import ModelInUse, classifier_in_use, language_model_in_use
from apps.agents.prompting import check_question, instructions, recent, user_prompt
from apps.agents.quoting import UNKNOWN, quoted, sources_of, unknown
from apps.agents.teams.grants import EVERYTHING, Grant
from apps.agents.types import (
    AS_THE_AGENT_DOES,
    MAX_QUESTION_TOKENS,
    AgentConfig,
    AnswerMode,
    CallOptions,
    FinishReason,
    Label,
    Source,
    Turn,
)
from apps.compute import runner
from apps.compute.errors import RunnerRefused, RunnerUnavailable
from apps.core import clock
from apps.core.errors import InvalidInput
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors as knowledge
from apps.knowledge.chunking import estimate_tokens
from apps.knowledge.types import CONFIDENT, Findings, Passage, Quote
from apps.tenancy.types import Actor

MODEL_TIMEOUT_S = 120.0
SHORT_QUESTION_WORDS = 4
LEAST_PASSAGES = 6
"""Passages whose sentences are compared, also where fewer are shown."""


@dataclass(frozen=True)
class Attachments:
    """Documents of the asker's own that this conversation alone may be answered from."""

    organisation_id: UUID
    knowledge_base_id: UUID
    document_ids: frozenset[UUID]


@dataclass(frozen=True)
class RunPlan:
    """What is run: a configuration in its owner's organisation. `document_ids` None searches all documents."""

    owner_id: UUID
    config: AgentConfig
    document_ids: frozenset[UUID] | None = None
    grant: Grant = EVERYTHING
    effect_scope: str = ""
    options: CallOptions = AS_THE_AGENT_DOES
    attachments: Attachments | None = None


@dataclass(frozen=True)
class Found:
    """What a question has turned up, before its best sentences are looked for."""

    config: AgentConfig
    question: str
    query: str
    label: Label | None
    classifier: ModelInUse | None
    passages: tuple[Passage, ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        """The passages in the order of the search, without quotes."""
        return sources_of(self.passages, (), self.config.passages)


@dataclass(frozen=True)
class Prepared:
    """Everything known before the model writes. `ready` is the whole answer where no model is needed."""

    config: AgentConfig
    question: str
    history: tuple[Turn, ...]
    sources: tuple[Source, ...]
    label: Label | None
    model: ModelInUse
    classifier: ModelInUse | None
    ready: str | None
    finish: FinishReason
    grant: Grant = EVERYTHING
    options: CallOptions = AS_THE_AGENT_DOES
    quote: str = ""

    @property
    def question_tokens(self) -> int:
        """Estimated tokens of the question, metered where no model counts them."""
        return estimate_tokens(self.question)


@dataclass(frozen=True)
class Written:
    """The end of a model's stream: its token counts and why it stopped."""

    prompt_tokens: int
    completion_tokens: int
    finish: FinishReason


def look_up(plan: RunPlan, question: str, history: Sequence[Turn] = ()) -> Found:
    """Classify and search: the quick part of `prepare`, so that sources can be shown. Not inside a transaction.

    Raises:
        PromptTooLong: the question does not fit.
        GrantExceeded: the caller's time is over, or its budget does not even cover the question.
        InvalidInput: the question is empty, or the agent lacks the classifier it answers by.
        DependencyFailed: the runner does not answer.
    """
    question = question.replace("\x00", "").strip()
    if not question:
        raise InvalidInput(
            "empty_question", "Ask a question.", errors=[{"field": "messages", "message": "It is empty."}]
        )
    check_question(question)
    plan.grant.require_alive(clock.now())
    plan.grant.answer_tokens(prompt_tokens=estimate_tokens(question), wanted=1)
    config = replace(plan.config, knowledge_base_ids=plan.grant.knowledge(plan.config.knowledge_base_ids))
    with tenant_scope(plan.owner_id):
        classifier = classifier_in_use(plan.owner_id, config.classifier_version_id)
        label = _classified(classifier, question)
        if config.mode is AnswerMode.LABEL and label is None:
            message = "This agent sorts messages and has no classifier yet. Choose one in its form."
            raise InvalidInput("classifier_missing", message, errors=[{"field": "classifier", "message": message}])
        query = _query(config, question, history, label)
        passages = knowledge.search(
            actor=Actor.system(plan.owner_id),
            knowledge_base_ids=config.knowledge_base_ids,
            query=query,
            k=max(config.passages, LEAST_PASSAGES),
            document_ids=plan.document_ids,
        )
    return Found(config, question, query, label, classifier, (*_attached(plan, query), *passages))


def prepare(plan: RunPlan, question: str, history: Sequence[Turn] = (), found: Found | None = None) -> Prepared:
    """Look up (unless that is done: `found`), choose the sentences to answer from. Not inside a transaction.

    Raises:
        PromptTooLong, InvalidInput, DependencyFailed: as `look_up`.
    """
    found = found or look_up(plan, question, history)
    config, passages = found.config, found.passages
    with tenant_scope(plan.owner_id):
        findings = knowledge.find_quotes(found.query, passages, count=max(LEAST_PASSAGES, config.passages))
        model = language_model_in_use(plan.owner_id, config.language_model_version_id, config.model)
    if model.ref is not None and config.mode is AnswerMode.GENERATE:
        runner.ensure_model(model.ref)
    sources = sources_of(passages, findings.quotes, config.passages)
    if plan.options.is_json and config.mode is not AnswerMode.GENERATE:
        raise unsupported("response_format", "This agent does not write freely; it cannot answer in a given format.")
    has_documents = bool(config.knowledge_base_ids) or plan.attachments is not None
    is_unknown = has_documents and config.mode is not AnswerMode.LABEL and _is_weak(config, findings)
    ready = unknown(found.query, sources) if is_unknown else _ready(config, sources, findings.quotes, found.label)
    return Prepared(
        config=config,
        question=found.question,
        history=tuple(history),
        sources=sources,
        label=found.label,
        model=model,
        classifier=found.classifier,
        ready=_cut(plan.options, ready),
        finish=FinishReason.ABSTAINED if is_unknown else FinishReason.STOP,
        grant=plan.grant,
        options=plan.options,
        quote=quoted(sources, findings.quotes),
    )


async def write(prepared: Prepared) -> AsyncIterator[str | Written]:
    """The model's words as they come, then one `Written`.

    Raises:
        RunnerUnavailable: it does not answer (any more).
        PromptTooLong: the conversation does not fit in its context.
        GrantExceeded: the caller's budget does not cover the prompt.
    """
    config = prepared.config
    timeout = MODEL_TIMEOUT_S
    async with (
        # The runner is ours: a proxy of the environment must not come between. One client a run, because a client
        # belongs to the event loop that it was made in.
        DefaultAsyncHttpxClient(trust_env=False, timeout=timeout) as http,
        AsyncOpenAI(
            base_url=runner.runner_base_url(), api_key=runner.runner_token(), max_retries=1, http_client=http
        ) as client,
    ):
        model = OpenAIChatModel(prepared.model.name, provider=OpenAIProvider(openai_client=client))
        agent = ModelAgent(model, instructions=instructions(config), retries=0)
        prompt = user_prompt(prepared.question, prepared.sources, prepared.label)
        prompt_tokens = estimate_tokens(instructions(config)) + estimate_tokens(prompt)
        most = prepared.grant.answer_tokens(prompt_tokens=prompt_tokens, wanted=config.max_answer_tokens)
        settings = _settings(config, prepared.options, most)
        try:
            async with agent.run_stream(
                prompt, message_history=messages_of(prepared.history), model_settings=settings
            ) as stream:
                async for piece in stream.stream_text(delta=True, debounce_by=None):
                    yield piece
                usage = stream.usage
                cut = stream.response.finish_reason == "length"
        except ModelContextWindowExceededError as error:
            raise PromptTooLong(estimate_tokens(prompt), MAX_QUESTION_TOKENS) from error
        except UnexpectedModelBehavior:
            # The model ended without a word; the caller falls back to the quote.
            yield Written(estimate_tokens(prompt), 0, FinishReason.STOP)
            return
        except (ModelAPIError, AgentRunError) as error:
            if isinstance(error, ModelRequestRejectedError):
                _raise_refused(error)
            raise RunnerUnavailable(str(error)) from error
    yield Written(usage.input_tokens or 0, usage.output_tokens or 0, FinishReason.LENGTH if cut else FinishReason.STOP)


def complete(prepared: Prepared, raw: str) -> tuple[str, bool]:
    """The answer as it is kept: marks that resolve, and the documents' own words where the model's are unsupported.

    Returns:
        The text, and whether the passages support it.
    """
    if prepared.ready is not None:
        return raw.strip(), True
    raw = without_repetition(raw)
    if not prepared.sources or prepared.options.is_json:
        return raw.strip(), True
    cited = cite(raw, prepared.sources, prepared.config.guard.unsupported)
    if cited.is_supported:
        return cited.text, True
    quote = f"From the documents: “{prepared.sources[0].quote}” [1]"
    return f"{cited.text}\n\n{quote}".strip(), False


def _raise_refused(error: ModelRequestRejectedError) -> None:
    if "context" in str(error).lower():
        raise PromptTooLong(MAX_QUESTION_TOKENS + 1, MAX_QUESTION_TOKENS) from error
    if "response_format" in str(error) or "constrain" in str(error):
        raise unsupported("response_format", "The model of this agent cannot answer in a given format.") from error


def _settings(config: AgentConfig, options: CallOptions, max_tokens: int) -> ModelSettings:
    settings = ModelSettings(temperature=config.temperature, max_tokens=max_tokens)
    if options.seed is not None:
        settings["seed"] = options.seed
    if options.stop:
        settings["stop_sequences"] = list(options.stop)
    if options.top_p is not None:
        settings["top_p"] = options.top_p
    if options.response_format is not None:
        settings["extra_body"] = {"response_format": options.response_format}
    return settings


def _cut(options: CallOptions, ready: str | None) -> str | None:
    return None if ready is None else options.cut(ready)


def _attached(plan: RunPlan, query: str) -> list[Passage]:
    """Passages of the documents that the asker attached; they stand in the asker's own organisation."""
    attached = plan.attachments
    if attached is None:
        return []
    with tenant_scope(attached.organisation_id):
        return knowledge.search(
            actor=Actor.system(attached.organisation_id),
            knowledge_base_ids=[attached.knowledge_base_id],
            query=query,
            k=plan.config.passages,
            document_ids=attached.document_ids,
        )


def _classified(classifier: ModelInUse | None, question: str) -> Label | None:
    if classifier is None or classifier.ref is None:
        return None
    try:
        result = runner.classify(classifier.ref, [question])[0]
    except RunnerRefused as error:
        raise InvalidInput("classifier_refused", f"The classifier cannot be used: {error.message}") from error
    return Label(result.label, round(result.probability, 4), dict(result.probabilities))


def _query(config: AgentConfig, question: str, history: Sequence[Turn], label: Label | None) -> str:
    """What to look for: a triage agent needs the rule of the class; a short follow-up means what was asked before."""
    if config.mode is AnswerMode.LABEL and label is not None:
        return f"{label.label}: what is done with messages classified as {label.label}"
    if len(question.split()) <= SHORT_QUESTION_WORDS:
        earlier = next((turn.text for turn in reversed(history) if turn.role == "user"), "")
        return f"{earlier} {question}".strip()[-2000:]
    return question[:2000]


def _is_weak(config: AgentConfig, findings: Findings) -> bool:
    """Whether the agent's own threshold, or the one for all, is not reached."""
    least = config.guard.min_confidence
    return findings.confidence < (CONFIDENT if least is None else least)


def _ready(config: AgentConfig, sources: Sequence[Source], quotes: Sequence[Quote], label: Label | None) -> str | None:
    """The answer that needs no model, or None where the model is to write."""
    if config.mode is AnswerMode.GENERATE:
        return None
    found = quoted(sources, quotes)
    if config.mode is AnswerMode.QUOTE:
        return found or UNKNOWN
    decision = f"**{label.label}** ({label.confidence:.0%} sure)" if label is not None else ""
    return "\n\n".join(part for part in (decision, found) if part)


def messages_of(history: Sequence[Turn]) -> list[ModelMessage]:
    """The last turns as pydantic-ai takes them."""
    return [
        ModelRequest(parts=[UserPromptPart(turn.text)])
        if turn.role == "user"
        else ModelResponse(parts=[TextPart(turn.text)])
        for turn in recent(history)
    ]
