"""Training runs and agents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sahara.errors import SaharaError
from sahara.models import Agent, AgentAnswer, ChatAnswer, ModelVersion, PublishedAgent, TrainingRun
from sahara.resources.base import Id, Resource
from sahara.waiting import wait_for

FINAL_RUN_STATES = ("succeeded", "failed", "cancelled")


class TrainingResource(Resource):
    """Training runs."""

    def start(
        self, *, dataset_version_id: Id, method: str, name: str, seed: int = 0, idempotency_key: str | None = None
    ) -> TrainingRun:
        """Train on a dataset version.

        Args:
            method: "head" (embedding and linear head) or "lora" (adapter of the language model).
        """
        body = {"dataset_version_id": str(dataset_version_id), "method": method, "name": name, "seed": seed}
        return TrainingRun.model_validate(self.transport.post("training-runs/", body, idempotency_key=idempotency_key))

    def get(self, run_id: Id) -> TrainingRun:
        """One run with its progress and metrics."""
        return TrainingRun.model_validate(self.transport.get(f"training-runs/{run_id}/"))

    def model(self, model_version_id: Id) -> ModelVersion:
        """What a run has made."""
        return ModelVersion.model_validate(self.transport.get(f"models/{model_version_id}/"))

    def classify(self, model_version_id: Id, texts: Sequence[str]) -> list[dict[str, Any]]:
        """The class of each text, with probabilities."""
        answer = self.transport.post(f"models/{model_version_id}/classify/", {"texts": list(texts)})
        rows: list[dict[str, Any]] = answer["results"]
        return rows

    def cancel(self, run_id: Id) -> TrainingRun:
        """Stop a run."""
        return TrainingRun.model_validate(self.transport.post(f"training-runs/{run_id}/cancel/"))

    def wait(self, run_id: Id, *, timeout_s: float = 1800) -> TrainingRun:
        """Wait until a run has ended."""
        return wait_for(
            lambda: self.get(run_id),
            lambda run: run.state in FINAL_RUN_STATES,
            timeout_s=timeout_s,
            what=f"the end of training run {run_id}",
        )

    def list(self) -> Iterator[TrainingRun]:
        """The organisation's runs, newest first."""
        return (TrainingRun.model_validate(row) for row in self.transport.pages("training-runs/"))


class AgentsResource(Resource):
    """Agents: made from a template, tried, published."""

    def templates(self) -> list[dict[str, Any]]:
        """The templates."""
        rows: list[dict[str, Any]] = self.transport.get("agent-templates/")["results"]
        return rows

    def create(
        self,
        template: str,
        *,
        name: str,
        knowledge_base_ids: Sequence[Id] = (),
        classifier_version_id: Id | None = None,
        language_model_version_id: Id | None = None,
        **config: Any,
    ) -> Agent:
        """An agent from a template; `config` overrides other parts of it (job, instruction, tone, mode)."""
        body: dict[str, Any] = {"template": template, "name": name} | config
        if knowledge_base_ids:
            body["knowledge_base_ids"] = [str(one) for one in knowledge_base_ids]
        if classifier_version_id is not None:
            body["classifier_version_id"] = str(classifier_version_id)
        if language_model_version_id is not None:
            body["language_model_version_id"] = str(language_model_version_id)
        return Agent.model_validate(self.transport.post("agents/", body))

    def get(self, agent_id: Id) -> Agent:
        """One agent with its draft."""
        return Agent.model_validate(self.transport.get(f"agents/{agent_id}/"))

    def list(self) -> Iterator[Agent]:
        """The organisation's agents, newest first."""
        return (Agent.model_validate(row) for row in self.transport.pages("agents/"))

    def update(self, agent_id: Id, **config: Any) -> Agent:
        """Change the draft (name, job, instruction, tone, mode, knowledge_base_ids, models …)."""
        response = self.transport.request("PATCH", f"agents/{agent_id}/", json=config)
        return Agent.model_validate(response.json())

    def ask(self, agent_id: Id, question: str) -> AgentAnswer:
        """Ask the draft."""
        return AgentAnswer.model_validate(self.transport.post(f"agents/{agent_id}/chat/", {"question": question}))

    def upload(self, agent_id: Id, files: Sequence[str | Path]) -> Sequence[dict[str, Any]]:
        """Give an agent documents to answer from; they replace the example. Returned are their ids and states."""
        with ExitStack() as opened:
            parts = [("files", (Path(name).name, opened.enter_context(Path(name).open("rb")))) for name in files]
            answer = self.transport.request("POST", f"agents/{agent_id}/documents/", files=parts).json()
        rows: Sequence[dict[str, Any]] = answer["documents"]
        return rows

    def chat(
        self, slug: str, question: str, *, history: Sequence[Mapping[str, str]] = (), **options: Any
    ) -> ChatAnswer:
        """Ask a published agent, one's own or a licensed one.

        Args:
            history: earlier messages, `{"role": "user" or "assistant", "content": …}`.
            options: of OpenAI's chat API: `max_tokens`, `temperature`, `seed`, `stop`, `response_format`.
        """
        body = {"model": slug, "messages": _messages(history, question)} | options
        answer = self.transport.post("/v1/chat/completions", body)
        message = answer["choices"][0]["message"]
        return ChatAnswer(
            text=message["content"] or message.get("refusal") or "",
            sources=answer["sources"],
            supported=answer["supported"],
            tokens=answer["usage"]["total_tokens"],
        )

    def stream(
        self, slug: str, question: str, *, history: Sequence[Mapping[str, str]] = (), **options: Any
    ) -> Iterator[str]:
        """`chat`, word by word."""
        body = {"model": slug, "messages": _messages(history, question), "stream": True} | options
        for event in self.transport.stream("/v1/chat/completions", body):
            if "error" in event:
                raise SaharaError(event["error"]["message"])
            for choice in event.get("choices", []):
                if text := choice["delta"].get("content"):
                    yield text

    def set_widget(self, agent_id: Id, origins: Sequence[str]) -> dict[str, Any]:
        """Let an agent be embedded in pages of these origins; `tag` is the line to copy into them."""
        made: dict[str, Any] = self.transport.put(f"agents/{agent_id}/widget/", {"origins": list(origins)})
        return made

    def publish(self, agent_id: Id, *, parent_weights_bps: Mapping[str, int] | None = None) -> PublishedAgent:
        """Publish the draft as the next version.

        Args:
            parent_weights_bps: part of the revenue for each knowledge base (id) and model (version id).
        """
        body = {"parent_weights_bps": dict(parent_weights_bps)} if parent_weights_bps else {}
        return PublishedAgent.model_validate(self.transport.post(f"agents/{agent_id}/publish/", body))


def _messages(history: Sequence[Mapping[str, str]], question: str) -> list[dict[str, str]]:
    return [*(dict(turn) for turn in history), {"role": "user", "content": question}]
