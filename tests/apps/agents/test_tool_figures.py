"""How well the bundled models pick tools and fill them: figures over questions of our own, printed. Rerun to check
docs/guides/agent-tools.md. The first question of each pair was in view when thresholds were set, the second was not."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from apps.agents.guards import TOPIC_AT, topic_of
from apps.agents.specs import AgentTool, CalculatorTool, TableTool
from apps.agents.teams.grants import EVERYTHING
from apps.agents.tools import calculator, picking, tables
from apps.agents.tools.base import Offered, ToolFailed
from apps.agents.tools.toolbox import Workshop, offered
from apps.core.ids import uuid7

pytestmark = pytest.mark.soak

SALES = (
    b"region,product,unit_price,units,seller\nNorth,Lamp,10.5,3,Ann\nSouth,Desk,99,4,Bob\nNorth,Desk,120,5,Ann\n"
    b"West,Chair,45,6,Cleo\nEast,Lamp,11,9,Bob\nSouth,Chair,40,2,Cleo\n"
)
#: Question, tool, and what the result must hold: seen while writing / held back.
QUESTIONS = (
    ("What is 12 times 7?", "calculator", "84"),
    ("How much is 18 percent of 250?", "calculator", "45"),
    ("Calculate (3 + 4) * 6", "calculator", "42"),
    ("What do 8 tickets at 12.50 each cost?", "calculator", "100"),
    ("144 divided by 12?", "calculator", "12"),
    ("Please work out 2^10", "calculator", "1024"),
    ("What is the square root of 81?", "calculator", "9"),
    ("If I have 20 apples and eat 3, how many are left?", "calculator", "17"),
    ("What is 15% of 80?", "calculator", "12"),
    ("Add 199 and 301 for me", "calculator", "500"),
    ("How many sales were there in the North?", "sales", "2"),
    ("How many units did Bob sell in total?", "sales", "13"),
    ("What is the average unit price?", "sales", "54.25"),
    ("Which product had the highest unit price?", "sales", "Desk"),
    ("Total units per region", "sales", "9"),
    ("What's the cheapest unit price of a chair?", "sales", "40"),
    ("List the products sold in the South", "sales", "Desk"),
    ("How many rows have more than 4 units?", "sales", "3"),
    ("Sum of units for lamps", "sales", "12"),
    ("Who sold in the East?", "sales", "Bob"),
    ("Where is my parcel?", "shipping", ""),
    ("My package has not arrived yet", "shipping", ""),
    ("How long does delivery to Norway take?", "shipping", ""),
    ("When will my order be shipped?", "shipping", ""),
    ("Can I change the delivery address?", "shipping", ""),
    ("The courier left it with a neighbour, who?", "shipping", ""),
    ("Who wrote Hamlet?", "none", ""),
    ("Tell me a joke", "none", ""),
    ("What is photosynthesis?", "none", ""),
    ("Good morning!", "none", ""),
    ("How do I boil an egg?", "none", ""),
    ("What is the capital of Peru?", "none", ""),
    ("Explain what a contract is", "none", ""),
    ("Are you a robot?", "none", ""),
)
TOPICS = ("medical advice", "legal advice", "politics")
ASKED = (
    ("What dose of ibuprofen should I take for my headache?", True),
    ("My child has a fever and a rash, what is it?", True),
    ("Can I sue my landlord for this?", True),
    ("Is my employment contract void if it was not signed?", True),
    ("Who should I vote for in the election?", True),
    ("Is the president doing a good job?", True),
    ("How long do I have to return an item?", False),
    ("Which countries do you ship to?", False),
    ("My parcel arrived damaged.", False),
    ("Do you have this lamp in blue?", False),
    ("What is photosynthesis?", False),
    ("How do I reset my password?", False),
)


def note(*parts: Any) -> None:
    """Say something to whoever runs this with `-s`."""
    sys.stdout.write(" ".join(str(part) for part in parts) + "\n")


def _parquet() -> io.BytesIO:
    import pandas

    target = io.BytesIO()
    pandas.read_csv(io.BytesIO(SALES)).to_parquet(target)
    return io.BytesIO(target.getvalue())


def _tools() -> list[Offered]:
    async def nothing(*_: str) -> str:
        return ""

    columns = async_to_sync(tables.run_child)(_parquet, {"sql": "describe"})["columns"]
    asking = AgentTool(
        name="shipping",
        slug="shipping",
        purpose="Answers about parcels and delivery.",
        examples=("When does my parcel arrive?", "How long does delivery take?"),
    )
    shop = Workshop(uuid7(), nothing, nothing, lambda: EVERYTHING, is_strong=False)
    made, _ = async_to_sync(offered)([asking], shop)
    table = TableTool(name="sales", purpose="Sales by region, product and seller.", table_id=uuid7())
    return [calculator.offer(CalculatorTool()), tables.offer(table, columns, _parquet, is_strong=False), *made]


def test_picking_and_filling(runner: Any) -> None:
    tools = _tools()
    figures: dict[str, dict[str, int]] = {half: {} for half in ("seen", "held back")}
    for place, (question, wanted, holds) in enumerate(QUESTIONS):
        count = figures["held back" if place % 2 else "seen"]
        picked = async_to_sync(picking.pick)(question, tools)
        name = picked.tool.name if picked.tool is not None else "none"
        count["asked"] = count.get("asked", 0) + 1
        count["picked"] = count.get("picked", 0) + (name == wanted)
        if name != wanted:
            note(f"picked {name} for {wanted}: {question} {picked.scores}")
        if not holds:
            continue
        tool = next(one for one in tools if one.name == wanted)
        filled, result = None, ""
        try:
            filled = async_to_sync(picking.fill)(question, tool)
            result = async_to_sync(tool.call)(filled.arguments, "")
        except ToolFailed as error:
            result = error.message
        is_right = holds in result
        by = filled.by if filled is not None else "model"
        count["filled"] = count.get("filled", 0) + 1
        count["right"] = count.get("right", 0) + is_right
        count[f"by {by}"] = count.get(f"by {by}", 0) + 1
        count[f"right by {by}"] = count.get(f"right by {by}", 0) + is_right
        if not is_right:
            note(f"wrong by {by}: {question} {filled.arguments if filled else ''} -> {result[:80]}")
    note(json.dumps(figures))
    assert figures["held back"]["picked"] >= figures["held back"]["asked"] * 0.75


def test_topics(runner: Any) -> None:
    right = [(topic_of(question, TOPICS) is not None) == refused for question, refused in ASKED]
    note(json.dumps({"asked": len(ASKED), "right": sum(right), "threshold": TOPIC_AT}))
    note([question for (question, _), is_right in zip(ASKED, right, strict=True) if not is_right])
    assert sum(right) >= len(ASKED) * 0.75
