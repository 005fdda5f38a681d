"""Rank correlations within problems: against scipy, and where pooling would mislead."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from tasks.statistics import pooled_spearman, quartile_of


def test_one_problem_is_plain_spearman() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    y = x + rng.normal(size=40)
    found, expected = pooled_spearman([(x, y)]), spearmanr(x, y)
    assert found.rho == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.draws, found.problems) == (40, 1)


def test_differences_between_problems_make_no_correlation() -> None:
    rng = np.random.default_rng(1)
    problems = [(rng.normal(size=50) + 10 * i, rng.normal(size=50) + 10 * i) for i in range(8)]
    assert abs(pooled_spearman(problems).rho) < 0.15


def test_what_length_explains_is_gone_at_equal_length() -> None:
    rng = np.random.default_rng(2)
    length = [rng.normal(size=200) for _ in range(3)]
    problems = [(z + 0.3 * rng.normal(size=200), z + 0.3 * rng.normal(size=200)) for z in length]
    assert pooled_spearman(problems).p < 1e-6
    partial = pooled_spearman(problems, length)
    assert abs(partial.rho) < 0.15


def test_the_partial_is_the_textbooks() -> None:
    rng = np.random.default_rng(3)
    z = rng.normal(size=60)
    x, y = z + rng.normal(size=60), z + rng.normal(size=60)
    xy, xz, yz = (spearmanr(*pair).statistic for pair in ((x, y), (x, z), (y, z)))
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert pooled_spearman([(x, y)], [z]).rho == pytest.approx(expected)


def test_what_says_nothing_is_nan_or_left_out() -> None:
    assert np.isnan(pooled_spearman([]).rho)
    assert np.isnan(pooled_spearman([(np.ones(5), np.arange(5.0))]).rho)
    holed = (np.array([1.0, 2, 3, np.nan, np.inf]), np.array([1.0, 2, 3, 9, 9]))
    assert pooled_spearman([holed]).draws == 3
    assert pooled_spearman([(np.arange(2.0), np.arange(2.0))]).problems == 0


def test_quartiles_start_with_the_highest_and_keep_ties_together() -> None:
    assert quartile_of(np.arange(8.0)).tolist() == [4, 4, 3, 3, 2, 2, 1, 1]
    assert len(set(quartile_of(np.zeros(9)).tolist())) == 1
    assert np.isnan(quartile_of(np.array([np.nan, 1.0]))).tolist() == [True, False]
