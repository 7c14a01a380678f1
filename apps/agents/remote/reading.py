"""What a foreign agent's replies come to: a message, a task, or a task that grows while it is streamed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from apps.core.errors import DependencyFailed, InvalidInput

MAX_ANSWER_CHARACTERS = 20_000


@dataclass(frozen=True)
class RemoteAnswer:
    """What a foreign agent answered. `is_final` False: it wants more input (`context_id` goes on with it)."""

    text: str
    is_final: bool
    context_id: str
    task_id: str


@dataclass
class Reading:
    """The replies so far."""

    texts: dict[str, str] = field(default_factory=dict)
    note: str = ""
    state: int | None = None
    is_message: bool = False
    context_id: str = ""
    task_id: str = ""

    @property
    def characters(self) -> int:
        """Length of what was said."""
        return sum(map(len, self.texts.values()))

    def take(self, reply: Any) -> None:
        """One reply (`StreamResponse`) more."""
        if reply.HasField("message"):
            self._message(reply.message)
        elif reply.HasField("task"):
            self._task(reply.task)
        elif reply.HasField("artifact_update"):
            update = reply.artifact_update
            self._artifact(update.artifact, append=update.append)
            self.task_id, self.context_id = update.task_id, update.context_id
        elif reply.HasField("status_update"):
            update = reply.status_update
            self._status(update.status)
            self.task_id, self.context_id = update.task_id, update.context_id

    def answer(self) -> RemoteAnswer:
        """What it comes to.

        Raises:
            InvalidInput: the agent refuses the question.
            DependencyFailed: it has failed, or said nothing at all.
        """
        from a2a.types.a2a_pb2 import TaskState  # loaded by the first call

        if self.state in (TaskState.TASK_STATE_REJECTED, TaskState.TASK_STATE_AUTH_REQUIRED):
            raise InvalidInput("remote_agent_refused", f"The agent refuses this. {self.note}"[:500])
        if self.state in (TaskState.TASK_STATE_FAILED, TaskState.TASK_STATE_CANCELED):
            raise DependencyFailed("remote_agent_failed", f"The agent has failed. {self.note}"[:500])
        text = "\n\n".join(said for said in self.texts.values() if said)
        is_cut = len(text) > MAX_ANSWER_CHARACTERS
        is_final = is_cut or self.is_message or self.state == TaskState.TASK_STATE_COMPLETED
        text = text or self.note
        if not text and self.state is None and not self.is_message:
            raise DependencyFailed("remote_agent_silent", "The agent answered nothing.")
        return RemoteAnswer(text[:MAX_ANSWER_CHARACTERS], is_final, self.context_id, self.task_id)

    def _message(self, said: Any) -> None:
        from a2a.helpers.proto_helpers import get_message_text

        self.is_message = True
        self.texts["message"] = get_message_text(said)
        self.task_id, self.context_id = said.task_id, said.context_id

    def _task(self, task: Any) -> None:
        for artifact in task.artifacts:
            self._artifact(artifact, append=False)
        self._status(task.status)
        self.task_id, self.context_id = task.id, task.context_id

    # Words that were streamed are parts of one artifact: nothing belongs between them.
    def _artifact(self, artifact: Any, *, append: bool) -> None:
        from a2a.helpers.proto_helpers import get_artifact_text

        before = self.texts.get(artifact.artifact_id, "") if append else ""
        self.texts[artifact.artifact_id] = before + get_artifact_text(artifact, delimiter="")

    def _status(self, status: Any) -> None:
        from a2a.helpers.proto_helpers import get_message_text

        self.state = status.state
        self.note = get_message_text(status.message)[:2000]
