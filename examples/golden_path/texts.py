"""The texts to label, and their true labels, which only the simulated annotators know."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OWN_EXAMPLE = ROOT / "examples" / "support_messages.csv"
SMS = ROOT.parent / "shared" / "data" / "textclass" / "sms_spam" / "train.csv"
MAX_CLASSES = 9  # one key each in the task player


class UnusableData(Exception):
    """The CSV cannot be used; the message says why."""


@dataclass(frozen=True)
class Example:
    """A text and its true label."""

    text: str
    label: str


@dataclass(frozen=True)
class Texts:
    """What is ordered: items to be labelled, and check questions whose labels the requester knows."""

    path: Path
    items: tuple[Example, ...]
    gold: tuple[Example, ...]

    @property
    def classes(self) -> list[str]:
        """All labels, in order."""
        return sorted({example.label for example in (*self.items, *self.gold)})

    @property
    def truth(self) -> dict[str, str]:
        """True label by text."""
        return {example.text: example.label for example in (*self.items, *self.gold)}


def default_path() -> Path:
    """The real SMS set where it lies beside the checkout, else the repository's own example."""
    return SMS if SMS.exists() else OWN_EXAMPLE


def load(path: Path, *, limit: int, gold_share: float, seed: int) -> Texts:
    """A seeded, stratified sample of a CSV with the columns text and label.

    Raises:
        UnusableData: columns are missing, or there are too few rows or too many classes.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"text", "label"} <= set(reader.fieldnames or []):
                raise UnusableData(f"{path} needs the columns text and label; it has {reader.fieldnames}.")
            rows = {row["text"].strip(): (row["label"] or "").strip() for row in reader if row["text"]}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnusableData(f"{path} cannot be read: {error}") from error
    examples = [Example(text, label) for text, label in rows.items() if text and label]
    sample = _stratified(examples, limit, random.Random(seed))
    gold_count = max(2, round(len(sample) * gold_share))
    classes = {example.label for example in sample}
    if not 2 <= len(classes) <= MAX_CLASSES or len(sample) < 20:
        raise UnusableData(f"{path}: {len(sample)} usable rows in {len(classes)} classes; 20 rows and 2 to 9 classes.")
    return Texts(path, tuple(sample[gold_count:]), tuple(sample[:gold_count]))


def _stratified(examples: list[Example], limit: int, chance: random.Random) -> list[Example]:
    """Up to `limit` examples with the classes' proportions kept, but at least ten of each class where there are."""
    by_class: dict[str, list[Example]] = defaultdict(list)
    for example in sorted(examples, key=lambda example: example.text):
        by_class[example.label].append(example)
    sample: list[Example] = []
    for _, members in sorted(by_class.items()):
        chance.shuffle(members)
        sample += members[: max(min(10, len(members)), round(limit * len(members) / len(examples)))]
    chance.shuffle(sample)
    return sample
