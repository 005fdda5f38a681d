"""Closed forms of staged budgets, and Best of Adaptation, against simulation."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pytest

from tasks.adapt.best_of_adaptation import best_of_adaptation
from tasks.adapt.staged import staged_best, staged_success
from tasks.statistics.pass_at_k import pass_at_k

REPETITIONS = 200_000


@pytest.mark.parametrize("m", [(1, 0, 0), (4, 4, 4), (2, 7, 5), (0, 8, 0), (8, 8, 8)])
def test_staged_success_against_200_000_draws(m: tuple[int, ...]) -> None:
    n, c = (8, 12, 10), (0, 1, 3)
    rng = np.random.default_rng(3)
    found = np.zeros(REPETITIONS, np.bool_)
    for made, hits, paid in zip(n, c, m, strict=True):
        found |= rng.hypergeometric(hits, made - hits, paid, REPETITIONS) > 0
    error = 4 * math.sqrt(0.25 / REPETITIONS)
    assert staged_success(n, c, m) == pytest.approx(found.mean(), abs=error)


def test_one_stage_is_pass_at_k() -> None:
    for k in range(1, 9):
        assert staged_success([8], [3], [k]) == pytest.approx(float(pass_at_k(8, 3, k)), rel=1e-12)


def test_staged_success_at_the_edges() -> None:
    assert staged_success([8, 8], [0, 0], [8, 8]) == 0
    assert staged_success([8, 8], [8, 0], [1, 8]) == 1
    assert staged_success([8], [3], [0]) == 0
    assert math.isnan(staged_success([8, 8], [3, 3], [8, 9]))
    with pytest.raises(ValueError, match="more successes than draws"):
        staged_success([8], [9], [1])
    with pytest.raises(ValueError, match="0 or more"):
        staged_success([8], [3], [-1])


def test_staged_best_by_listing_every_choice() -> None:
    rng = np.random.default_rng(5)
    stages = [np.maximum(np.round(rng.lognormal(0, 1, n), 1), 1.0) for n in (5, 4, 6)]
    for m in ((2, 0, 3), (1, 1, 1), (5, 4, 6), (0, 2, 0)):
        choices = [list(combinations(one, k)) for one, k in zip(stages, m, strict=True)]
        expected = np.mean([max(sum(picked, ())) for picked in product(*choices)])
        assert staged_best(stages, m) == pytest.approx(expected, rel=1e-12)
    assert staged_best(stages, (0, 0, 0)) == 0
    assert math.isnan(staged_best(stages, (6, 0, 0)))
    with pytest.raises(ValueError, match="3 stages of values, 2 of budgets"):
        staged_best(stages, (1, 1))


def test_best_of_nothing_reads_well_until_cross_fitted() -> None:
    """5 problems, 32 draws, steps 0 to 5, 2,000 repetitions, and never a change."""
    rates = np.array([0.094, 0.031, 1.0, 0.375, 0.375])
    rng = np.random.default_rng(11)
    naive, cross, fresh = [], [], []
    for repetition in range(2000):
        hits = rng.random((6, 5, 32)) < rates[:, None]
        again = rng.random((5, 32)) < rates[:, None]
        found = best_of_adaptation(hits, again, splits=4, seed=repetition)
        naive.append(found.naive - rates.mean())
        cross.append(found.cross_fitted - rates.mean())
        fresh.append((found.fresh or 0.0) - rates.mean())
    assert 100 * np.mean(naive) == pytest.approx(3.5, abs=0.3)
    assert abs(100 * np.mean(cross)) < 0.2
    assert abs(100 * np.mean(fresh)) < 0.2


def test_best_of_something_is_found() -> None:
    rng = np.random.default_rng(2)
    rates = np.array([0.2, 0.3, 0.8, 0.4])
    hits = rng.random((4, 5, 200)) < rates[:, None, None]
    found = best_of_adaptation(hits)
    assert found.chosen == 2
    assert found.fresh is None
    assert found.cross_fitted == pytest.approx(hits[2].mean(), abs=1e-12)
    assert found.naive == pytest.approx(hits[2].mean())


def test_ties_are_shared() -> None:
    hits = np.zeros((3, 2, 4), np.bool_)
    hits[1, 0, 0] = hits[2, 1, 3] = True
    found = best_of_adaptation(hits, splits=400)
    assert found.naive == 1 / 8
    assert 0 < found.cross_fitted < 1 / 8
    with pytest.raises(ValueError, match="two draws a problem"):
        best_of_adaptation(np.zeros((3, 2, 1), np.bool_))
