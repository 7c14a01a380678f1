"""How a run goes through a graph: what follows, which way is chosen, and whether a join still has to wait."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from apps.agents.teams.types import AGAIN, APPROVED, DONE, REJECTED, Edge, Graph, Node

_PLACEHOLDER = re.compile(r"\{([a-z0-9][a-z0-9-]*)\}")


def reachable(
    graph: Graph,
    start: Iterable[str],
    *,
    without_again: bool = False,
    stop: Callable[[Node], bool] = lambda _: False,
) -> set[str]:
    """Keys of the nodes that are reached from some others, these included.

    Args:
        without_again: leave out the ways back of loops.
        stop: nodes that are reached and not gone through.
    """
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        key = waiting.pop()
        node = graph.node(key)
        if key in found or node is None:
            continue
        found.add(key)
        if not stop(node):
            waiting += [edge.target for edge in graph.out(key) if not (without_again and graph.is_again(edge))]
    return found


def must_wait(graph: Graph, gathering: str, active: Iterable[str]) -> bool:
    """Whether something active may still arrive at a gathering node. What only a loop brings back comes too late."""
    ahead = [key for key in active if key != gathering]
    return gathering in reachable(graph, ahead, without_again=True)


def way_by_words(ways: Sequence[Edge], text: str) -> Edge | None:
    """The first way one of whose words or phrases (separated by commas) is in the text, else the one for the rest."""
    plain = " ".join(text.lower().split())
    for edge in ways:
        if any(_has(plain, phrase) for phrase in phrases(edge.when)):
            return edge
    return otherwise(ways)


def way_by_label(ways: Sequence[Edge], label: str) -> Edge | None:
    """The way of that label, else the one for the rest."""
    return next((edge for edge in ways if edge.when.strip().lower() == label.strip().lower()), otherwise(ways))


def way_by_scores(ways: Sequence[Edge], scores: Mapping[str, float], least: float) -> Edge | None:
    """The way whose description is closest, where it is close enough or there is none for the rest."""
    described = [edge for edge in ways if edge.when]
    best = max(described, key=lambda edge: scores.get(edge.when, 0.0), default=None)
    rest = otherwise(ways)
    if best is None or (rest is not None and scores.get(best.when, 0.0) < least):
        return rest
    return best


def otherwise(ways: Sequence[Edge]) -> Edge | None:
    """The way for everything else."""
    return next((edge for edge in ways if not edge.when), None)


def loop_way(ways: Sequence[Edge], node: Node, text: str, rounds: int) -> Edge | None:
    """On where the text says so or the rounds are over, else back."""
    plain = " ".join(text.lower().split())
    is_over = rounds >= node.rounds or any(_has(plain, phrase) for phrase in phrases(node.until))
    return next((edge for edge in ways if edge.when == (DONE if is_over else AGAIN)), None)


def approval_way(ways: Sequence[Edge], *, is_approved: bool) -> Edge | None:
    """The way after a person's decision; None where a refusal ends the run."""
    if not is_approved:
        return next((edge for edge in ways if edge.when == REJECTED), None)
    return next((edge for edge in ways if edge.when in ("", APPROVED)), None)


def phrases(text: str) -> list[str]:
    """Words or phrases that are separated by commas."""
    return [" ".join(part.lower().split()) for part in text.split(",") if part.strip()]


def filled(prompt: str, values: Mapping[str, str]) -> str:
    """A prompt with {question}, {input} and the {key} of earlier nodes put in; unknown names stay as they are."""
    if not prompt.strip():
        return values.get("input", "")
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), prompt)


def joined(parts: Sequence[tuple[str, str]]) -> str:
    """Texts of several branches, each under its name."""
    if len(parts) == 1:
        return parts[0][1]
    return "\n\n".join(f"{name}:\n{text}" for name, text in parts)


def _has(text: str, phrase: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None
