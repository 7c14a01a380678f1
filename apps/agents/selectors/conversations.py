"""Stored conversations of the actor's organisation. Messages are a tree; one branch of it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q

from apps.agents.models import Conversation, Message
from apps.agents.types import ConversationInfo, MessageInfo, Source, Turn
from apps.core.errors import InvalidInput, NotFound
from apps.tenancy.types import Actor

TURNS_KEPT = 8
MOST_LISTED = 100


@dataclass(frozen=True)
class Branch:
    """Where a question goes other than to the end: instead of `edit`, again for `retry`, or behind `after`."""

    edit: UUID | None = None
    retry: UUID | None = None
    after: UUID | None = None


@dataclass(frozen=True)
class Spot:
    """A place in a conversation: behind `parent_id`, or the stored question that is answered again."""

    turns: tuple[Turn, ...] = ()
    parent_id: UUID | None = None
    question_id: UUID | None = None
    question: str = ""


def messages(actor: Actor, conversation_id: UUID, agent_id: UUID, leaf: UUID | None = None) -> list[MessageInfo]:
    """The messages of the shown branch of a conversation with that agent, oldest first.

    Args:
        leaf: show the branch that this message is on instead of the last used one.

    Raises:
        NotFound: it is not the actor's, or with another agent.
    """
    row = get_conversation(actor, conversation_id, agent_id)
    tree = _Tree(Message.objects.filter(conversation=row).order_by("id"))
    return [message_info(message, tree.siblings(message)) for message in tree.branch(leaf or row.leaf_id)]


def branch_for(actor: Actor, conversation_id: UUID | None, agent_id: UUID, branch: Branch | None) -> Spot:
    """Where the next question of a conversation goes, with the turns before it for the prompt.

    Raises:
        NotFound: the conversation is not the actor's, or the branch names a message that is not in it.
        InvalidInput: an answer was to be edited, or a question to be answered again.
    """
    if conversation_id is None:
        return Spot()
    row = get_conversation(actor, conversation_id, agent_id)
    tree = _Tree(Message.objects.filter(conversation=row).order_by("id"))
    branch = branch or Branch()
    if branch.retry is not None:
        question = tree.question_of(tree.get(branch.retry))
        return Spot(_turns(tree.path(question.parent_id)), question.parent_id, question.id, question.text)
    if branch.edit is not None:
        edited = tree.get(branch.edit)
        if edited.role != "user":
            raise InvalidInput("not_a_question", "Only your own questions can be edited.")
        return Spot(_turns(tree.path(edited.parent_id)), edited.parent_id)
    path = tree.path(tree.get(branch.after).id) if branch.after is not None else tree.branch(row.leaf_id)
    return Spot(_turns(path), path[-1].id if path else None)


def conversations(actor: Actor, agent_id: UUID | None = None, words: str = "") -> list[ConversationInfo]:
    """The actor's own conversations, last used first, with one agent or with all; `words` must be in the title."""
    rows = Conversation.objects.filter(tenant_id=actor.organisation_id, user_id=actor.user_id)
    if agent_id is not None:
        rows = rows.filter(agent_id=agent_id)
    if words.strip():
        rows = rows.filter(Q(title__icontains=words.strip()) | Q(agent_name__icontains=words.strip()))
    counted = rows.annotate(total=Count("messages")).order_by("-updated_at")[:MOST_LISTED]
    return [conversation_info(row, getattr(row, "total", 0)) for row in counted]


def conversation(actor: Actor, conversation_id: UUID) -> ConversationInfo:
    """One of the actor's own conversations.

    Raises:
        NotFound: it is not the actor's.
    """
    row = own_conversation(actor, conversation_id)
    return conversation_info(row, Message.objects.filter(conversation=row).count())


def own_conversation(actor: Actor, conversation_id: UUID) -> Conversation:
    """The row. Guests and members see their own conversations only."""
    row = Conversation.objects.filter(
        id=conversation_id, tenant_id=actor.organisation_id, user_id=actor.user_id
    ).first()
    if row is None:
        raise NotFound("conversation_not_found", "There is no such conversation.")
    return row


def get_conversation(actor: Actor, conversation_id: UUID, agent_id: UUID) -> Conversation:
    """The row of a conversation with that agent."""
    row = own_conversation(actor, conversation_id)
    if row.agent_id != agent_id:
        raise NotFound("conversation_not_found", "There is no such conversation.")
    return row


def conversation_info(row: Conversation, messages: int) -> ConversationInfo:
    """A row as a plain value."""
    return ConversationInfo(
        id=row.id,
        agent_id=row.agent_id,
        agent_name=row.agent_name,
        title=row.title or "Conversation",
        is_test=row.is_test,
        messages=messages,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


class _Tree:
    """The messages of a conversation by their parents."""

    def __init__(self, rows: Iterable[Message]) -> None:
        self.rows = {row.id: row for row in rows}
        self.children: dict[UUID | None, list[Message]] = {}
        for row in self.rows.values():
            self.children.setdefault(row.parent_id, []).append(row)

    def get(self, message_id: UUID) -> Message:
        found = self.rows.get(message_id)
        if found is None:
            raise NotFound("message_not_found", "There is no such message in this conversation.")
        return found

    def question_of(self, row: Message) -> Message:
        """The question that an answer was given to; a question that was never answered stands for itself."""
        if row.role == "user":
            return row
        if row.parent_id is None:
            raise InvalidInput("no_question", "This answer has no question to be asked again.")
        return self.get(row.parent_id)

    def path(self, message_id: UUID | None) -> list[Message]:
        """From the first message to this one."""
        found: list[Message] = []
        at = self.rows.get(message_id) if message_id is not None else None
        while at is not None:
            found.append(at)
            at = self.rows.get(at.parent_id) if at.parent_id is not None else None
        return found[::-1]

    def branch(self, message_id: UUID | None) -> list[Message]:
        """The path through this message, on to the newest below it; of the newest of all where it is not known."""
        start = message_id if message_id in self.rows else max(self.rows, default=None)
        path = self.path(start)
        while path and (below := self.children.get(path[-1].id)):
            path.append(below[-1])
        return path

    def siblings(self, row: Message) -> tuple[UUID, ...]:
        return tuple(child.id for child in self.children[row.parent_id] if child.role == row.role)


def _turns(path: Sequence[Message]) -> tuple[Turn, ...]:
    return tuple(Turn(row.role, row.text) for row in path if row.text)[-TURNS_KEPT:]


def message_info(row: Message, variants: tuple[UUID, ...]) -> MessageInfo:
    """A row as a plain value."""
    return MessageInfo(
        id=row.id,
        role=row.role,
        text=row.text,
        sources=tuple(Source.from_json(value) for value in row.sources),
        label=row.label,
        finish=row.finish,
        is_supported=row.is_supported,
        problem=row.problem,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        seconds=row.seconds,
        created_at=row.created_at,
        parent_id=row.parent_id,
        variants=variants,
        rating=row.rating,
        micro_usd=sum(step["detail"].get("micro_usd") or 0 for step in row.steps),
    )
