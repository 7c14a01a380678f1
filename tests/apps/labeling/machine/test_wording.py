"""The wording of texts beside their embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from apps.labeling.machine.sources import Platform
from apps.labeling.machine.wording import AXES, WEIGHT, Wording, worded

THINGS = (
    "card",
    "account",
    "transfer",
    "statement",
    "payment",
    "cheque",
    "deposit",
    "mortgage",
    "password",
    "cashback",
)
HAPPENED = ("lost", "late", "stolen", "refused", "charged twice", "blocked", "expired", "frozen", "missing", "wrong")


def texts() -> list[str]:
    return [f"my {thing} is {how}, number {n}" for n in range(3) for thing in THINGS for how in HAPPENED]


def embeddings(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 24)).astype(np.float32)


def test_alike_worded_texts_come_closer() -> None:
    some = texts()
    alike = np.ones((len(some), 24), dtype=np.float32)
    found = worded(alike, some)
    assert found.shape == (300, 24 + AXES)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    named = ("card is lost, number 2", "cheque is lost, number 0", "mortgage is frozen, number 1")
    same, other_thing, other = (some.index(f"my {what}") for what in named)
    near = found @ found[some.index("my card is lost, number 0")]
    assert near[same] > near[other_thing] > near[other]
    # The embedding leads: wording moves a cosine of one down by its share at most.
    assert near.min() >= (1 - WEIGHT**2) / (1 + WEIGHT**2) - 1e-5


def test_new_texts_are_worded_like_known_ones() -> None:
    some = texts()
    wording = Wording.of(some)
    assert wording is not None
    vectors = embeddings(len(some))
    assert wording.beside(vectors, some) == pytest.approx(worded(vectors, some), abs=1e-5)
    strange = wording.beside(vectors[:1], ["§§§"])
    assert np.isfinite(strange).all()


def test_few_or_empty_texts_leave_embeddings_alone() -> None:
    vectors = embeddings(150)
    assert worded(vectors[:99], texts()[:99]) is not None
    assert worded(vectors[:99], texts()[:99]).shape == (99, 24)
    assert worded(vectors, [""] * 150).shape == (150, 24)


def test_words_without_spaces_are_seen_by_their_letters() -> None:
    random = np.random.default_rng(1)
    some = ["".join(random.choice(list("天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往"), 12)) for _ in range(300)]
    assert worded(embeddings(300), some).shape == (300, 24 + AXES)


def test_the_platforms_own_source_words_its_pool() -> None:
    some = texts()
    assert Platform().pool(embeddings(300), some).vectors.shape == (300, 24 + AXES)
