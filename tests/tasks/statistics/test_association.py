"""Rank correlations within problems: against scipy, and where pooling would mislead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from tasks.statistics import (
    partial_correlation,
    pooled_spearman,
    quarter_weights,
)
from tasks.statistics.arrays import Floats
from tasks.statistics.association import rank_within


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


def test_ranks_within_problems_are_scipys_one_by_one() -> None:
    rng = np.random.default_rng(4)
    sizes = [1, 7, 3, 12]
    values = rng.integers(0, 5, sum(sizes)).astype(float)
    block = np.repeat(np.arange(4), sizes)
    expected = np.concatenate([rankdata(values[block == i]) for i in range(4)])
    assert rank_within(values, block).tolist() == expected.tolist()


Problem = tuple[Floats, Floats, Floats]


def of_length_alone(rng: np.random.Generator, bend: str, problems: int, n: int) -> list[Problem]:
    """Surprisal and speed that follow the length, each with noise of its own."""
    found = []
    for _ in range(problems):
        z = np.round(np.exp(rng.normal(5, 0.5, n)))
        u = (np.log(z) - 5) / 0.5
        slope, noise = rng.choice([-1, 1]), 0.6 * rng.normal(size=(2, n))
        shape = {"line": u, "square": u**2, "sine": np.sin(2 * u), "slopes": slope * u}[bend]
        found.append((shape + noise[0], shape + noise[1], z))
    return found


@pytest.mark.parametrize("bend", ["line", "square", "sine", "slopes"])
@pytest.mark.parametrize(("problems", "n"), [(20, 5), (20, 10), (6, 40)])
def test_where_length_alone_matters_nothing_is_left_at_equal_length(
    bend: str, problems: int, n: int
) -> None:
    rng = np.random.default_rng(2)
    false = [
        partial_correlation(of_length_alone(rng, bend, problems, n)).p < 0.05 for _ in range(200)
    ]
    # Nominal 5 %: four standard errors of 200 studies are 6 points.
    assert np.mean(false) < 0.11
    plain = [one[:2] for one in of_length_alone(rng, bend, 20, 40)]
    assert pooled_spearman(plain).p < 1e-6


@pytest.mark.parametrize("height", [2.0, 6.0])
@pytest.mark.parametrize(("problems", "n"), [(3, 12), (20, 5), (20, 10)])
def test_a_step_at_one_length_is_no_correlation(height: float, problems: int, n: int) -> None:
    """Curves without a step found something in up to 70 % of these."""
    rng = np.random.default_rng(5)

    def stepped() -> Problem:
        z = np.round(np.exp(rng.normal(5, 0.5, n)))
        x, y = height * (z > 190) + 0.6 * rng.normal(size=(2, n))
        return x, y, z

    false = [partial_correlation([stepped() for _ in range(problems)]).p < 0.05 for _ in range(100)]
    # Nominal 5 %: three standard errors of 100 studies are 6.5 points.
    assert np.mean(false) < 0.115


def test_what_length_does_not_explain_is_left() -> None:
    rng = np.random.default_rng(3)
    problems = [(x, y + 0.6 * x, z) for x, y, z in of_length_alone(rng, "square", 20, 20)]
    found = partial_correlation(problems)
    assert found.rho > 0.2
    assert found.p < 1e-3


def test_where_all_are_of_one_length_it_is_the_plain_correlation() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=60)
    y = x + rng.normal(size=60)
    found = partial_correlation([(x, y, np.full(60, 100.0))])
    assert found.rho == pytest.approx(spearmanr(x, y).statistic)


def test_few_lengths_are_compared_each_by_itself() -> None:
    """Any curve over five lengths is taken away whole: of two without noise nothing is left."""
    rng = np.random.default_rng(6)
    z = rng.choice([50.0, 60.0, 80.0, 120.0, 200.0], 200)
    jump = {50.0: 0.0, 60.0: 3.0, 80.0: -1.0, 120.0: 2.0, 200.0: 0.5}
    x = np.array([jump[length] for length in z])
    assert np.isnan(partial_correlation([(x, x + 0.0, z)]).rho)
    noise = rng.normal(size=200)
    assert partial_correlation([(x + noise, x + noise, z)]).rho == pytest.approx(1)


def test_what_says_nothing_is_nan_or_left_out() -> None:
    assert np.isnan(pooled_spearman([]).rho)
    assert np.isnan(pooled_spearman([(np.ones(5), np.arange(5.0))]).rho)
    assert np.isnan(partial_correlation([]).rho)
    three = np.arange(1.0, 4)
    assert np.isnan(partial_correlation([(three, three, three)]).rho)
    assert partial_correlation([(three, three, three * np.nan)]).draws == 0
    holed = (np.array([1.0, 2, 3, np.nan, np.inf]), np.array([1.0, 2, 3, 9, 9]))
    assert pooled_spearman([holed]).draws == 3
    assert pooled_spearman([(np.arange(2.0), np.arange(2.0))]).problems == 0


def test_quarters_start_with_the_highest_and_ties_share() -> None:
    def weights(*scores: float) -> list[list[float]]:
        found: list[list[float]] = quarter_weights(
            np.array(scores), np.zeros(len(scores), np.int64)
        ).tolist()
        return found

    assert np.argmax(weights(*range(8)), axis=0).tolist() == [3, 3, 2, 2, 1, 1, 0, 0]
    assert np.max(weights(*range(8)), axis=0).tolist() == [1.0] * 8
    assert weights(*[0.0] * 9) == [[0.25] * 9] * 4
    assert weights() == [[]] * 4
    # Of five, the first quarter ends within the second draw.
    assert weights(5, 4, 3, 2, 1)[0] == [1, 0.25, 0, 0, 0]


@given(st.lists(st.integers(0, 4).map(float), min_size=1, max_size=30))
def test_every_quarter_holds_a_quarter(scores: list[float]) -> None:
    block = np.r_[np.zeros(3, np.int64), np.ones(len(scores), np.int64)]
    found = quarter_weights(np.array([1.0, 2.0, 3.0, *scores]), block)[:, 3:]
    assert found.sum(axis=1) == pytest.approx([len(scores) / 4] * 4)
    assert found.sum(axis=0) == pytest.approx([1.0] * len(scores))
