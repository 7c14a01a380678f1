"""Agents of other people, called by A2A."""

from apps.agents.remote.agents import (
    DEPTH_KEY,
    TOKENS_KEY,
    RemoteCard,
    RemoteSkill,
    address_of,
    ask,
    ask_remote_agent,
    card_at,
    remote_card,
)
from apps.agents.remote.reading import RemoteAnswer

__all__ = [
    "DEPTH_KEY",
    "TOKENS_KEY",
    "RemoteAnswer",
    "RemoteCard",
    "RemoteSkill",
    "address_of",
    "ask",
    "ask_remote_agent",
    "card_at",
    "remote_card",
]
