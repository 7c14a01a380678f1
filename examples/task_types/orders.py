"""The order of each type of task: what it shows and asks, in the words of a real one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services, uploads
from apps.labeling.design import Design
from apps.labeling.models import Order
from apps.tenancy.types import Actor
from examples.task_types import media

Json = dict[str, Any]

PRICE = Money(5)
CELLS = ["red cell", "violet cell"]
SENTENCE = "😀 Anna works for Acme."
QUESTION = "My router lost its power and the lamp stays dark. What can I do?"
CANDIDATES = [
    {"key": "a", "text": "Buy a new one."},
    {"key": "b", "text": "Check the plug and the cable first, then hold the reset button for ten seconds."},
    {"key": "c", "text": "It may be broken."},
]


def _asks(shown: str, kind: str, title: str, **more: Any) -> Json:
    asked = {"type": kind, "name": "said", "input": "item", "title": title, **more}
    return {"inputs": [{"name": "item", "type": shown, "title": ""}], "controls": [asked]}


#: Type of task -> its design. Each has one input `item`; what the answer says is `said`, in a mix of several more.
DESIGNS: dict[str, Json] = {
    "choice": _asks("text", "choice", "", classes=["ham", "spam"]),
    "choices": _asks("text", "choices", "What is it about?", classes=["router", "power", "billing"]),
    "rating": _asks("text", "rating", "How urgent is it?", most=5, low="can wait", high="now"),
    "text": _asks("text", "text", "What is it about, in two words?"),
    "number": _asks("text", "number", "How many things are wrong?", tolerance="0"),
    "spans": _asks("text", "spans", "Names", classes=["person", "firm"], relation_classes=["works for"]),
    "ranking": _asks("candidates", "ranking", "Best answer first"),
    "preference": _asks("candidates", "preference", "Which answer helps most?", tie=True),
    "dialogue": _asks("dialogue", "dialogue", "Write the answer", roles=["assistant"]),
    "boxes": _asks("image", "boxes", "Cells", classes=CELLS),
    "polygons": _asks("image", "polygons", "Outlines of cells", classes=CELLS),
    "keypoints": _asks("image", "keypoints", "Middles of cells", classes=CELLS),
    "transcription": _asks("audio", "transcription", "What is said?"),
    "audio-regions": _asks("audio", "regions", "Where is what?", classes=["speech", "noise"], text=True),
    "video-regions": _asks("video", "regions", "When does what happen?", classes=["enters", "leaves"]),
    "mix": {
        "inputs": [
            {"name": "item", "type": "image", "title": "The photo"},
            {"name": "note", "type": "text", "title": "The note"},
        ],
        "controls": [
            {
                "type": "choice",
                "name": "said",
                "input": "note",
                "title": "Does the note fit?",
                "classes": ["yes", "no"],
            },
            {"type": "boxes", "name": "cells", "input": "item", "title": "Cells", "classes": CELLS},
            {"type": "rating", "name": "focus", "input": "item", "title": "How sharp is it?", "most": 5},
        ],
    },
}


def create(requester: Actor, kind: str, *, items: int = 1, redundancy: int = 2, **options: Any) -> Order:
    """A draft of an order of the type. Enter the requester's scope first."""
    design = DESIGNS[kind]
    row = item(requester.organisation_id, design)
    return services.create_order(
        actor=requester,
        title=f"Example of {kind}",
        instruction="Say what you see. **When unsure, skip.**",
        price=PRICE,
        redundancy=redundancy,
        design=design,
        table=uploads.read_rows([{"id": f"n{n}", **row} for n in range(items)], design=Design.from_json(design)),
        **options,
    )


def launch(requester: Actor, kind: str, fund: Callable[[UUID, int], None], **options: Any) -> Order:
    """An order of the type that is open; `fund` gives the requester its price."""
    with tenant_scope(requester.organisation_id):
        fund(requester.organisation_id, 10_000)
        return services.launch_order(actor=requester, order_id=create(requester, kind, **options).id)


def item(tenant_id: UUID, design: Json) -> dict[str, str]:
    """A row of an upload: a value for each input of a design."""
    return {one["name"]: _value(tenant_id, one["type"], design["controls"][0]["type"]) for one in design["inputs"]}


def _value(tenant_id: UUID, shown: str, asked: str) -> str:
    makers: dict[str, Callable[[], Any]] = {
        "text": lambda: SENTENCE if asked == "spans" else QUESTION,
        "candidates": lambda: CANDIDATES,
        "dialogue": lambda: [{"role": "user", "content": QUESTION}],
        "image": lambda: media.stored_photo(tenant_id, media.photo()),
        "audio": lambda: media.stored_sound(tenant_id),
        "video": lambda: media.stored_clip(tenant_id),
    }
    value = makers[shown]()
    return value if isinstance(value, str) else json.dumps(value)
