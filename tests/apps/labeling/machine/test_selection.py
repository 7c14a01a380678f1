"""Which items people are asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from apps.labeling.machine import selection
from apps.labeling.machine.selection import first_items, least_sure


def test_the_first_items_meet_every_class(blobs: Callable[..., Any]) -> None:
    vectors, labels = blobs(classes=12, each=25)
    places = first_items(vectors, 18, seed=0)
    assert len(set(places.tolist())) == len(places)
    assert set(labels[places]) == set(range(12))


def test_the_first_items_are_the_same_for_a_seed(blobs: Callable[..., Any]) -> None:
    vectors, _ = blobs()
    assert first_items(vectors, 9, seed=4).tolist() == first_items(vectors, 9, seed=4).tolist()


def test_more_first_items_than_there_are_means_all(blobs: Callable[..., Any]) -> None:
    vectors, _ = blobs(classes=2, each=3)
    assert first_items(vectors, 50, seed=0).tolist() == list(range(6))


def test_a_large_pool_is_sampled_for_clustering(blobs: Callable[..., Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(selection, "MAX_CLUSTERED", 100)
    vectors, labels = blobs(classes=4, each=100)
    assert set(labels[first_items(vectors, 8, seed=0)]) == set(range(4))


def test_the_least_sure_come_first_and_near_copies_wait() -> None:
    vectors = np.array([[1, 0], [1, 0.001], [0, 1], [0.7, 0.7]], dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    margin = np.array([0.10, 0.11, 0.12, 0.9], dtype=np.float32)
    assert least_sure(vectors, margin, np.arange(4), 2).tolist() == [0, 2]


def test_only_candidates_are_chosen() -> None:
    vectors = np.eye(5, dtype=np.float32)
    chosen = least_sure(vectors, np.linspace(0, 1, 5, dtype=np.float32), np.array([3, 4]), 10)
    assert sorted(chosen.tolist()) == [3, 4]
    assert least_sure(vectors, np.zeros(5, dtype=np.float32), np.array([], dtype=np.int64), 3).tolist() == []
