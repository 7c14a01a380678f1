"""Tasks in the database: each belongs to the caller's organisation and one agent, and any process can serve it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from a2a.server.cluster.event_stream import TaskEventStream, VersionedEvent
from a2a.server.cluster.task_store import ConcurrentTaskModificationError, StoredTask, VersionedTaskStore
from a2a.server.cluster.version import TaskVersion
from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import ListTasksRequest, ListTasksResponse, Task, TaskState
from a2a.utils.errors import InvalidParamsError
from django.db import IntegrityError, transaction
from google.protobuf.json_format import MessageToDict, ParseDict

from apps.agents.models import RemoteTask
from apps.agents.servers.calls import Caller, for_caller, in_thread
from apps.agents.types import Turn
from apps.core.tenant import all_tenants

POLL_S = 0.4
MAX_PAGE = 100
DEFAULT_PAGE = 50
MAX_TURNS = 20
ENDED = {
    TaskState.Name(state)
    for state in (
        TaskState.TASK_STATE_COMPLETED,
        TaskState.TASK_STATE_CANCELED,
        TaskState.TASK_STATE_FAILED,
        TaskState.TASK_STATE_REJECTED,
    )
}
CANCELED = TaskState.Name(TaskState.TASK_STATE_CANCELED)


def caller_of(context: ServerCallContext) -> Caller:
    """Who calls, as the mount has found out."""
    found: Caller = context.state["caller"]
    return found


class DatabaseTasks(VersionedTaskStore):
    """`a2a`'s task store on our tables: a write that is not based on the last version is refused."""

    async def save(
        self, task: Task, *, event: Any, prev: Task | None, prev_version: TaskVersion, context: ServerCallContext
    ) -> TaskVersion:
        """Keep a task's new state."""
        caller = caller_of(context)
        return TaskVersion(await for_caller(caller, _save, caller, task, _number(prev_version)))

    async def get(self, task_id: str, context: ServerCallContext) -> StoredTask | None:
        """A task of the caller's with this agent."""
        caller = caller_of(context)
        row = await for_caller(caller, lambda: _rows(caller).filter(task_id=task_id).first())
        return None if row is None else StoredTask(_task(row), TaskVersion(row.version))

    async def list(self, params: ListTasksRequest, context: ServerCallContext) -> ListTasksResponse:
        """The caller's tasks with this agent, most recent first."""
        caller = caller_of(context)
        return await for_caller(caller, _list, caller, params)

    async def delete(self, task_id: str, context: ServerCallContext) -> None:
        """Forget a task."""
        caller = caller_of(context)
        await for_caller(caller, lambda: _rows(caller).filter(task_id=task_id).delete())


class PolledTasks(TaskEventStream):
    """A task that runs in another process is followed by its stored states."""

    async def publish(self, task_id: str, event: VersionedEvent) -> None:
        """The store has it already."""

    async def subscribe(self, task_id: str, *, after: TaskVersion) -> AsyncGenerator[VersionedEvent, None]:
        """The task's states newer than `after`. Who may see them was checked before."""
        last = _number(after)
        while True:
            row = await in_thread(_newer, task_id, last)
            if row is not None:
                last = row.version
                yield VersionedEvent(event=_task(row), version=TaskVersion(last))
            await asyncio.sleep(POLL_S)

    async def destroy(self, task_id: str) -> None:
        """Nothing is held."""


def turns_of(caller: Caller, context_id: str, task_id: str) -> list[Turn]:
    """What was said before in a context, oldest first."""
    rows = _rows(caller).filter(context_id=context_id).exclude(task_id=task_id).order_by("-id")[:MAX_TURNS]
    found: list[Turn] = []
    for row in reversed(rows):
        task = _task(row)
        asked = "\n".join(part.text for message in task.history for part in message.parts if part.text)
        told = "".join(part.text for artifact in task.artifacts for part in artifact.parts if part.text)
        found += [Turn("user", asked), Turn("assistant", told)] if asked and told else []
    return found


def _save(caller: Caller, task: Task, based_on: int) -> int:
    state = TaskState.Name(task.status.state)
    plain = MessageToDict(task)
    with transaction.atomic():
        row = _rows(caller).select_for_update().filter(task_id=task.id).first()
        if row is None:
            if based_on or state == CANCELED:
                raise ConcurrentTaskModificationError(task.id)
            return _create(caller, task, state, plain)
        # A cancellation comes from anywhere and wins over a running task; all else builds on what it has read.
        if row.state in ENDED or (state != CANCELED and row.version != based_on):
            raise ConcurrentTaskModificationError(task.id)
        row.state, row.task, row.version = state, plain, row.version + 1
        row.save()
        return int(row.version)


def _create(caller: Caller, task: Task, state: str, plain: dict[str, Any]) -> int:
    try:
        with transaction.atomic():
            row = RemoteTask.objects.create(
                tenant_id=caller.actor.organisation_id,
                agent_id=caller.agent.agent_id,
                task_id=task.id,
                context_id=task.context_id,
                state=state,
                task=plain,
            )
    except IntegrityError:
        raise ConcurrentTaskModificationError(task.id) from None
    return int(row.version)


def _list(caller: Caller, params: ListTasksRequest) -> ListTasksResponse:
    rows = _rows(caller).order_by("-id")
    if params.context_id:
        rows = rows.filter(context_id=params.context_id)
    if params.status:
        rows = rows.filter(state=TaskState.Name(params.status))
    if params.HasField("status_timestamp_after"):
        rows = rows.filter(updated_at__gte=params.status_timestamp_after.ToDatetime())
    total = rows.count()
    if params.page_token:
        last = _rows(caller).filter(task_id=params.page_token).first()
        if last is None:
            raise InvalidParamsError(message="This page token is not known.")
        rows = rows.filter(id__lt=last.id)
    size = min(params.page_size or DEFAULT_PAGE, MAX_PAGE)
    page = list(rows[: size + 1])
    token = page[size - 1].task_id if len(page) > size else ""
    tasks = [_task(row) for row in page[:size]]
    return ListTasksResponse(tasks=tasks, next_page_token=token, page_size=size, total_size=total)


def _newer(task_id: str, version: int) -> RemoteTask | None:
    with all_tenants(reason="the caller's access to the task was checked when it subscribed"):
        return RemoteTask.objects.filter(task_id=task_id, version__gt=version).first()


def _rows(caller: Caller) -> Any:
    return RemoteTask.objects.filter(agent_id=caller.agent.agent_id)


def _task(row: RemoteTask) -> Task:
    found = Task()
    ParseDict(row.task, found)
    return found


def _number(version: TaskVersion) -> int:
    return 0 if version.is_missing else int(version._value)  # the store's own number
