"""The head and the graph, and what both make of a pool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from apps.labeling.machine.graph import build_graph
from apps.labeling.machine.pool import Pool, fit, out_of_fold
from apps.labeling.machine.predictor import fit_head, fold_of


def test_the_head_learns_what_can_be_told_apart(blobs: Callable[..., Any]) -> None:
    vectors, labels = blobs()
    held, truth = blobs(seed=1)
    head = fit_head(vectors, labels, 4)
    assert (head.scores(held).argmax(axis=1) == truth).mean() > 0.97


def test_a_class_without_an_example_is_ruled_out(blobs: Callable[..., Any]) -> None:
    vectors, labels = blobs(classes=3)
    some = labels != 1
    head = fit_head(vectors[some], labels[some], 5)
    assert set(np.unique(head.scores(vectors).argmax(axis=1))) <= {0, 2}
    assert np.isneginf(head.bias[[1, 3, 4]]).all()


def test_a_warm_start_leads_to_the_same_head(blobs: Callable[..., Any]) -> None:
    vectors, labels = blobs(noise=0.3)
    cold = fit_head(vectors, labels, 4, iterations=500)
    warm = fit_head(vectors, labels, 4, start=fit_head(vectors[:40], labels[:40], 4), iterations=500)
    assert (cold.scores(vectors).argmax(axis=1) == warm.scores(vectors).argmax(axis=1)).mean() > 0.99


def test_a_start_that_lacks_a_class_is_no_obstacle(blobs: Callable[..., Any]) -> None:
    vectors, labels = blobs(classes=3)
    early = fit_head(vectors[labels < 2], labels[labels < 2], 3)
    head = fit_head(vectors, labels, 3, start=early)
    assert (head.scores(vectors).argmax(axis=1) == labels).mean() > 0.97


def test_folds_spread_every_class() -> None:
    fold = fold_of(np.repeat(np.arange(3), 10))
    for number in range(3):
        assert np.bincount(fold[number * 10 : number * 10 + 10], minlength=5).tolist() == [2] * 5


def test_labels_spread_through_the_graph_to_their_cluster(blobs: Callable[..., Any]) -> None:
    vectors, labels = blobs()
    graph = build_graph(vectors)
    assert graph is not None
    one_each = np.array([int(np.flatnonzero(labels == number)[0]) for number in range(4)])
    mass = graph.spread(one_each, labels[one_each], 4)
    assert (mass.argmax(axis=1) == labels).mean() > 0.9
    held, truth = blobs(seed=1)
    assert (graph.reach(held, mass).argmax(axis=1) == truth).mean() > 0.9


def test_few_items_have_no_graph_and_still_a_belief(blobs: Callable[..., Any]) -> None:
    vectors, labels = blobs(classes=2, each=8)
    pool = Pool.of(vectors * 3)
    assert pool.graph is None
    assert np.allclose(np.linalg.norm(pool.vectors, axis=1), 1, atol=1e-5)
    fitted = fit(pool, np.arange(10), labels[:10], 2)
    assert (fitted.of_pool().best == labels).mean() > 0.9
    assert fitted.of(pool.vectors[:3]).probabilities.shape == (3, 2)


def test_out_of_fold_beliefs_keep_the_order_of_the_items(blobs: Callable[..., Any]) -> None:
    vectors, labels = blobs()
    places = np.arange(0, 120, 2)
    belief = out_of_fold(Pool.of(vectors), places, labels[places], 4)
    assert (belief.best == labels[places]).mean() > 0.9
    assert np.allclose(belief.probabilities.sum(axis=1), 1, atol=1e-4)
    assert (belief.nearness > 0).all()
