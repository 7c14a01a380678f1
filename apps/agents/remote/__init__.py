"""Agents of other people, called by A2A."""

from apps.agents.remote.agents import RemoteAnswer, RemoteCard, ask_remote_agent, remote_card

__all__ = ["RemoteAnswer", "RemoteCard", "ask_remote_agent", "remote_card"]
