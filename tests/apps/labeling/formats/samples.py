"""Designs and items that cover every type of question, for round trips."""

from __future__ import annotations

from typing import Any

from apps.labeling.formats.items import Answered, Design, Item


def control(kind: str, name: str, about: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "input": about, "title": "", "required": True, **more}


def classes(*names: str) -> list[dict[str, str]]:
    return [{"name": name, "key": str(place)} for place, name in enumerate(names, start=1)]


TEXT = Design(
    ({"name": "text", "type": "text", "title": "Message"},),
    (
        control("choice", "label", "text", classes=classes("spam", 'not "spam" & <fine>'), title="Is it?"),
        control("choices", "topics", "text", classes=classes("a", "b", "c"), least=0, most=2, required=False),
        control("rating", "stars", "text", most=7),
        control("text", "why", "text", most_characters=500, required=False),
        control("number", "answer", "text", tolerance="0.01", relative_tolerance="0", unit="kg"),
        control(
            "spans",
            "entities",
            "text",
            classes=classes("PER", "ORG"),
            relation_classes=[{"name": "works for"}, {"name": "owns"}],
            overlap=True,
        ),
    ),
)
TEXT_ITEMS = [
    Item(
        "a-1",
        {"text": "😀 Ada met 🎩 Big Co\nin Paris"},
        result={
            "label": "spam",
            "topics": ["a", "c"],
            "stars": 7,
            "why": "two\nlines",
            "answer": "12.5",
            "entities": {
                "spans": [{"start": 2, "end": 5, "label": "PER"}, {"start": 12, "end": 18, "label": "ORG"}],
                "relations": [{"from": 0, "to": 1, "label": "works for"}],
            },
        },
        confidence=0.97,
        made_by="human",
        answers=(
            Answered(
                "w1",
                {
                    "label": "spam",
                    "topics": [],
                    "stars": 1,
                    "answer": "0.10000000000000000001",
                    "entities": {"spans": [], "relations": []},
                },
                1500,
                "accepted",
            ),
        ),
        gold={
            "label": 'not "spam" & <fine>',
            "topics": ["b"],
            "stars": 3,
            "answer": "-4",
            "entities": {"spans": [], "relations": []},
        },
        split="test",
    ),
]

IMAGE = Design(
    ({"name": "image", "type": "image", "title": ""},),
    (
        control("boxes", "cells", "image", classes=classes("RBC", "WBC")),
        control("polygons", "outline", "image", classes=classes("nucleus")),
        control("keypoints", "points", "image", classes=classes("left eye", "right eye")),
    ),
)
PHOTO = {
    "media": "0192f0c1-0000-7000-8000-000000000001",
    "content_type": "image/png",
    "bytes": 70,
    "width": 641,
    "height": 479,
}
IMAGE_ITEMS = [
    Item(
        "p1",
        {"image": PHOTO},
        result={
            "cells": [
                {"x": 1, "y": 2, "width": 33, "height": 77, "label": "RBC"},
                {"x": 100.5, "y": 20.125, "width": 50, "height": 60, "label": "WBC"},
            ],
            "outline": [{"points": [[10, 10], [20, 10], [20, 30]], "label": "nucleus"}],
            "points": [
                {"x": 5, "y": 6, "label": "left eye"},
                {"x": 15.5, "y": 6, "label": "right eye"},
                {"x": 50, "y": 60, "label": "left eye"},
            ],
        },
        confidence=0.5,
        made_by="human",
    ),
    Item("p2", {"image": PHOTO}, result={"cells": [], "outline": [], "points": []}, made_by="machine"),
]

SOUND = Design(
    (
        {"name": "sound", "type": "audio", "title": ""},
        {"name": "clip", "type": "video", "title": ""},
    ),
    (
        control("transcription", "words", "sound"),
        control("regions", "speakers", "sound", classes=classes("A", "B")),
        control("regions", "scenes", "clip", classes=classes("car", "dog")),
        control("text", "about", "clip"),
    ),
)
SOUND_ITEMS = [
    Item(
        "s1",
        {
            "sound": {"media": "1", "content_type": "audio/wav", "bytes": 9, "duration_ms": 4000},
            "clip": {"media": "2", "content_type": "video/mp4", "bytes": 9, "duration_ms": 9000},
        },
        result={
            "words": "one two",
            "speakers": [
                {"start_ms": 0, "end_ms": 1234, "label": "A", "text": "one"},
                {"start_ms": 1234, "end_ms": 3999, "label": "B"},
            ],
            "scenes": [{"start_ms": 40, "end_ms": 8001, "label": "dog"}],
            "about": "A dog.",
        },
        made_by="human",
    )
]

CHAT = Design(
    (
        {"name": "talk", "type": "dialogue", "title": ""},
        {"name": "options", "type": "candidates", "title": "Which?"},
    ),
    (
        control("ranking", "order", "options"),
        control("preference", "best", "options", tie=True),
        control("dialogue", "next", "talk", roles=["user", "assistant"], least=1, most=4),
    ),
)
CHAT_ITEMS = [
    Item(
        "c1",
        {
            "talk": [{"role": "user", "content": "Hi: there"}, {"role": "assistant", "content": "Yes?"}],
            "options": [{"key": "x", "text": "first"}, {"key": "y", "text": "second"}],
        },
        result={
            "order": ["y", "x"],
            "best": "y",
            "next": [{"role": "user", "content": "a: b"}, {"role": "assistant", "content": "c"}],
        },
        made_by="human",
    ),
    Item(
        "c2",
        {"talk": [], "options": [{"key": "x", "text": "1"}, {"key": "y", "text": "2"}]},
        result={"order": ["x", "y"], "best": "tie", "next": [{"role": "user", "content": "z"}]},
        made_by="human",
    ),
]

ALL = {
    "text": (TEXT, TEXT_ITEMS),
    "image": (IMAGE, IMAGE_ITEMS),
    "sound": (SOUND, SOUND_ITEMS),
    "chat": (CHAT, CHAT_ITEMS),
}
