"""The kinds of task that a requester can pick without writing a design: each makes one from a few answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: What a requester may be asked for; the names of the order form's fields.
CLASSES, RELATIONS, QUESTION, SCALE, TOLERANCE, UNIT = (
    "classes",
    "relation_classes",
    "question",
    "scale",
    "tolerance",
    "unit",
)
PLAIN = "text_classification"
CUSTOM = "custom"


@dataclass(frozen=True)
class TaskType:
    """A kind of task: one input, one control, and what its design is made of.

    Args:
        input: the type and name of what is shown; also the column of the upload.
        fields: what the requester is asked for.
    """

    key: str
    title: str
    description: str
    input: str
    control: str
    fields: tuple[str, ...] = ()

    def design(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The design's JSON, still to be checked.

        Args:
            given: by field: classes and relation_classes as lists, scale as a number, all else as text.
        """
        settings: dict[str, Any] = {
            CLASSES: given.get(CLASSES),
            RELATIONS: given.get(RELATIONS),
            "most": given.get(SCALE) if SCALE in self.fields else None,
            TOLERANCE: given.get(TOLERANCE),
            UNIT: given.get(UNIT),
        }
        asked = {name: value for name, value in settings.items() if value and (name in (*self.fields, "most"))}
        title = given.get(QUESTION) or "" if QUESTION in self.fields else ""
        control = {"type": self.control, "name": self.answer, "input": self.input, "title": title}
        return {"inputs": [{"name": self.input, "type": self.input}], "controls": [control | asked]}

    @property
    def answer(self) -> str:
        """The control's name, which is also its column: `label` where a class is picked."""
        return "label" if self.control in ("choice", "choices") else "answer"


TASK_TYPES = (
    TaskType(
        PLAIN, "Text: one choice", "Which class a text belongs to. One key an answer.", "text", "choice", (CLASSES,)
    ),
    TaskType(
        "text_choices", "Text: several choices", "All classes that apply.", "text", "choices", (QUESTION, CLASSES)
    ),
    TaskType("text_rating", "Text: rating", "A grade on a scale.", "text", "rating", (QUESTION, SCALE)),
    TaskType("text_answer", "Text: answer in own words", "A question about a text.", "text", "text", (QUESTION,)),
    TaskType(
        "text_number",
        "Text: a number",
        "A sum, a date as a year, an amount; right within a tolerance.",
        "text",
        "number",
        (QUESTION, TOLERANCE, UNIT),
    ),
    TaskType(
        "text_spans",
        "Text: spans and relations",
        "Names, places or phrases marked in the text, and how they belong together.",
        "text",
        "spans",
        (CLASSES, RELATIONS),
    ),
    TaskType(
        "ranking", "Candidates: ranking", "A few texts put in order, best first.", "candidates", "ranking", (QUESTION,)
    ),
    TaskType(
        "preference",
        "Candidates: the best one",
        "Which answer of a model is better.",
        "candidates",
        "preference",
        (QUESTION,),
    ),
    TaskType(
        "dialogue",
        "Dialogue: write it",
        "The annotator writes a conversation about a text.",
        "text",
        "dialogue",
        (QUESTION,),
    ),
    TaskType(
        "image_classification", "Image: one choice", "Which class an image belongs to.", "image", "choice", (CLASSES,)
    ),
    TaskType("image_boxes", "Image: boxes", "Objects framed and named.", "image", "boxes", (CLASSES,)),
    TaskType("image_polygons", "Image: outlines", "Objects outlined point by point.", "image", "polygons", (CLASSES,)),
    TaskType("image_keypoints", "Image: points", "Points put on an image and named.", "image", "keypoints", (CLASSES,)),
    TaskType("audio_transcription", "Audio: transcription", "What is said, written down.", "audio", "transcription"),
    TaskType("audio_regions", "Audio: regions", "Stretches of sound marked and named.", "audio", "regions", (CLASSES,)),
    TaskType(
        "video_description", "Video: description", "What a film shows, in own words.", "video", "text", (QUESTION,)
    ),
    TaskType(
        "video_segments", "Video: segments", "Stretches of a film marked and named.", "video", "regions", (CLASSES,)
    ),
)
BY_KEY = {one.key: one for one in TASK_TYPES}


def keys_with(field: str) -> Sequence[str]:
    """The task types that ask for a field."""
    return [one.key for one in TASK_TYPES if field in one.fields]
