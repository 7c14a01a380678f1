"""Stripe's request encoding: `line_items[0][price_data][currency]=usd` in a form body."""

from __future__ import annotations

import re
from typing import TypeAlias
from urllib.parse import parse_qsl

Node: TypeAlias = "str | dict[str, Node]"

_KEY = re.compile(r"[^\[\]]+")


def parse(body: str) -> dict[str, Node]:
    """Nested dictionaries by key; list positions stay as keys ("0", "1")."""
    tree: dict[str, Node] = {}
    for key, value in parse_qsl(body, keep_blank_values=True):
        path = _KEY.findall(key)
        place = tree
        for step in path[:-1]:
            inner = place.setdefault(step, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            place[path[-1]] = value
    return tree


def text(tree: dict[str, Node], *path: str) -> str | None:
    """The string at a path, or None."""
    node: Node = tree
    for step in path:
        if not isinstance(node, dict) or step not in node:
            return None
        node = node[step]
    return node if isinstance(node, str) else None


def mapping(tree: dict[str, Node], *path: str) -> dict[str, str]:
    """The flat string mapping at a path (metadata), or an empty one."""
    node: Node = tree
    for step in path:
        if not isinstance(node, dict):
            return {}
        node = node.get(step, {})
    return {key: value for key, value in node.items() if isinstance(value, str)} if isinstance(node, dict) else {}
