"""The law of the pick against every subset, and against draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.statistics import best_at_k, pass_at_k, pick_probabilities
from tests.tasks.statistics.brute import pick_law

numbers = st.integers(0, 4).map(float)


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[float], list[float], int]:
    n = draw(st.integers(1, 8))
    c = draw(st.integers(0, n))
    exact = st.lists(numbers, min_size=c, max_size=c)
    return draw(exact), draw(exact), n


@settings(max_examples=150, deadline=None)
@given(problems(), st.integers(1, 4))
def test_it_is_the_law_over_all_subsets(
    problem: tuple[list[float], list[float], int], top: int
) -> None:
    scores, speedups, n = problem
    law = pick_probabilities(scores, speedups, n, range(1, n + 2), top=top)
    assert law.shape == (len(scores), n + 1)
    for k in range(1, n + 1):
        np.testing.assert_allclose(law[:, k - 1], pick_law(scores, speedups, n, k, top), atol=1e-12)
    assert np.isnan(law[:, n]).all()


@pytest.mark.parametrize("top", [1, 2, 3, 5])
@pytest.mark.parametrize("tied", [False, True])
def test_large_problems_stay_a_law(top: int, tied: bool) -> None:
    rng = np.random.default_rng(top)
    n, c = 1500, 700
    scores = rng.integers(0, 40, c).astype(float) if tied else rng.normal(size=c)
    ks = [1, 2, 7, 64, 512, 1024, 1500]
    law = pick_probabilities(scores, rng.lognormal(size=c), n, ks, top=top)
    assert (law >= 0).all()
    np.testing.assert_allclose(law.sum(axis=0), pass_at_k(n, c, ks), atol=1e-9)


@pytest.mark.parametrize("top", [1, 3])
def test_it_agrees_with_200000_draws(top: int) -> None:
    rng = np.random.default_rng(0)
    n, c, k, times = 64, 30, 8, 200_000
    scores, speedups = rng.normal(size=c), rng.lognormal(size=c)
    values = np.append(speedups, 0.0)
    order = np.append(np.argsort(-scores), np.full(n - c, c))
    subset = np.argpartition(rng.random((times, n), np.float32), k, axis=1)[:, :k]
    drawn = np.sort(subset, axis=1)  # places in the order of score; incorrect ones last
    picks = values[order[drawn[:, :top]]].max(axis=1)
    law = pick_probabilities(scores, speedups, n, [k], top=top)[:, 0]
    assert abs(picks.mean() - law @ speedups) < 4 * picks.std() / np.sqrt(times)


def test_speedups_as_scores_are_best_at_k() -> None:
    rng = np.random.default_rng(1)
    speedups = rng.lognormal(size=20)
    law = pick_probabilities(speedups, speedups, 33, [1, 4, 33])
    values = np.append(speedups, np.zeros(13))
    np.testing.assert_allclose(speedups @ law, best_at_k(values, [1, 4, 33]))


def test_constant_scores_are_a_random_choice() -> None:
    law = pick_probabilities(np.zeros(5), np.arange(5.0), 9, [3])
    np.testing.assert_allclose(law[:, 0], pass_at_k(9, 5, 3) / 5)


def test_the_whole_set_has_one_pick() -> None:
    scores, speedups = [3.0, 2.0, 1.0, 0.0], [1.0, 5.0, 2.0, 9.0]
    assert pick_probabilities(scores, speedups, 6, [6])[:, 0].tolist() == [1, 0, 0, 0]
    np.testing.assert_allclose(
        pick_probabilities(scores, speedups, 6, [6], top=3)[:, 0], [0, 1, 0, 0], atol=1e-12
    )


def test_infinite_scores_are_scores_and_nan_is_refused() -> None:
    law = pick_probabilities([-np.inf, np.inf, 0.0], [1.0, 1.0, 1.0], 3, [3])
    assert law[:, 0].tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match="NaN"):
        pick_probabilities([np.nan], [1.0], 1, [1])


def test_an_unknown_speedup_counts_as_slowest() -> None:
    law = pick_probabilities([2.0, 1.0], [np.nan, 0.1], 2, [2], top=2)
    np.testing.assert_allclose(law[:, 0], [0, 1], atol=1e-12)


@pytest.mark.parametrize(("ks", "top"), [([0], 1), ([1], 0)])
def test_k_and_top_start_at_one(ks: list[int], top: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        pick_probabilities([1.0], [1.0], 2, ks, top=top)
