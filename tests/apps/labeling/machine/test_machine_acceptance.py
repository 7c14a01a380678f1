"""The rule by which machine labels are accepted, and whether it keeps its word."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from apps.labeling.machine.acceptance import (
    CERTAINTY,
    FIRST_STAGE,
    MOST_AUDIT,
    TOLERANCE,
    Proposal,
    bounds,
    decide,
    expected_size,
    propose,
    proves,
    risk_of,
)


def population(right: int, size: int) -> NDArray[np.bool_]:
    found = np.zeros(size, dtype=np.bool_)
    found[:right] = True
    return found


def proposal(size: int, seed: int) -> Proposal:
    places = np.arange(size)
    return Proposal(places, np.random.default_rng(seed).permutation(places), 0.97)


def test_the_risks_of_all_audits_sum_to_the_permitted_one() -> None:
    assert sum(risk_of(number) for number in range(1, 100_000)) == pytest.approx(1 - CERTAINTY, rel=1e-4)


@pytest.mark.parametrize("size", [200, 1_000, 5_000])
def test_too_low_a_precision_is_hardly_ever_proved(size: int) -> None:
    """Looking after every single item, a population just under the least precision passes at the risk at most."""
    least, risk, passed = 0.935, 0.05, 0
    truth = population(math.ceil(least * size) - 1, size)
    for seed in range(400):
        passed += proves(np.random.default_rng(seed).permutation(truth)[:MOST_AUDIT], size, least, risk)
    assert passed / 400 <= risk + 2 * math.sqrt(risk * (1 - risk) / 400)


def test_a_good_population_is_proved_with_few_items() -> None:
    truth = population(1_980, 2_000)
    proved = [proves(np.random.default_rng(seed).permutation(truth)[:160], 2_000, 0.935, 0.025) for seed in range(100)]
    assert sum(proved) >= 85


def test_a_whole_population_needs_no_luck() -> None:
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(100)
        assert proves(population(96, 100)[order], 100, 0.95, 0.001)
        assert not proves(population(94, 100)[order], 100, 0.95, 0.001)


def test_nothing_is_proved_by_nothing() -> None:
    assert not proves(np.zeros(0, dtype=np.bool_), 100, 0.5, 0.05)
    assert bounds(np.zeros(0, dtype=np.bool_), 100, 0.05) == (0.0, 1.0)


def test_bounds_hold_the_truth() -> None:
    truth = population(1_900, 2_000)
    missed = 0
    for seed in range(300):
        low, high = bounds(np.random.default_rng(seed).permutation(truth)[:200], 2_000, 0.05)
        assert low < high
        missed += not low <= 0.95 <= high
    assert missed / 300 <= 0.05


def test_an_audit_goes_on_until_it_is_clear() -> None:
    one = proposal(2_000, 0)
    assert decide(one, population(20, 20), promised=0.95, number=1) is None
    passed = decide(one, population(100, 100), promised=0.95, number=1)
    assert passed is not None
    assert passed.passed
    assert passed.low >= 0.95 - TOLERANCE - 0.02
    hopeless = decide(one, population(40, 60), promised=0.95, number=1)
    assert hopeless is not None
    assert not hopeless.passed
    assert (hopeless.size, hopeless.right, hopeless.proposed) == (60, 40, 2_000)


def test_stages_end_at_the_greatest_sample() -> None:
    one = proposal(800, 0)
    seen, sizes = 0, []
    while len(stage := one.stage(seen)):
        sizes.append(len(stage))
        seen += len(stage)
    assert sizes[0] == FIRST_STAGE
    assert seen == one.most_audited == 320
    assert proposal(100_000, 0).most_audited == MOST_AUDIT


def test_a_proposal_is_large_where_the_machine_is_sure() -> None:
    confidence = np.concatenate([np.full(900, 0.99), np.full(600, 0.5)]).astype(np.float32)
    found = propose(confidence, np.arange(1_500), promised=0.95, number=1, seed=0, labelled=2_000)
    assert found is not None
    assert 800 <= len(found.places) <= 1_000
    assert sorted(found.sample.tolist()) == sorted(found.places.tolist())


@pytest.mark.parametrize(("sure", "count"), [(0.9, 2_000), (0.999, 100), (0.999, 0)])
def test_no_proposal_where_it_would_fail_or_save_nothing(sure: float, count: int) -> None:
    confidence = np.full(2_000, sure, dtype=np.float32)
    assert propose(confidence, np.arange(count), promised=0.95, number=1, seed=0, labelled=2_000) is None


def test_a_proposal_waits_while_it_leaves_much_to_people() -> None:
    """900 of 1,500 can be accepted; the 600 left are worth waiting for until twice as many were labelled."""
    confidence = np.repeat(np.array([0.995, 0.5], dtype=np.float32), [900, 600])

    def proposed(labelled: int) -> bool:
        found = propose(confidence, np.arange(1_500), promised=0.95, number=1, seed=0, labelled=labelled)
        return found is not None

    assert [proposed(labelled) for labelled in (300, 1_000, 1_300)] == [False, False, True]


def test_a_sample_for_an_unlikely_proof_is_endless() -> None:
    assert expected_size(0.93, 0.95, 0.025) == math.inf
    assert expected_size(0.99, 0.95, 0.025) < expected_size(0.96, 0.95, 0.025)


def test_accepted_proposals_keep_the_promise() -> None:
    """Whatever the proposals are worth, at least 95 % of accepted ones have the promised precision less tolerance."""
    accepted, kept = 0, 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        truth = random.random(1_000) < random.uniform(0.88, 0.99)
        one = proposal(1_000, seed)
        seen, audit = 0, None
        while audit is None:
            seen += len(one.stage(seen))
            audit = decide(one, truth[one.sample[:seen]], promised=0.95, number=1)
        if audit.passed:
            accepted += 1
            kept += bool(truth[one.sample[seen:]].mean() >= 0.95 - TOLERANCE)
    assert accepted > 60
    assert kept / accepted >= CERTAINTY
