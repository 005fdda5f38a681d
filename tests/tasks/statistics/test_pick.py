"""The law of the pick against every subset, and against draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.statistics import (
    best_at_k,
    expected_at,
    pass_at_k,
    pick_probabilities,
    rank_values,
)
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


@pytest.mark.parametrize("top", [1, 2, 3, 5])
@pytest.mark.parametrize("tied", [False, True])
def test_it_agrees_with_200000_draws(top: int, tied: bool) -> None:
    rng = np.random.default_rng(0)
    n, c, k, times = 64, 30, 8, 200_000
    scores = rng.integers(0, 6, c).astype(float) if tied else rng.normal(size=c)
    speedups = rng.lognormal(size=c)
    values = np.append(speedups, np.zeros(n - c))
    ranks = np.append(-scores, np.full(n - c, np.inf))
    total, squares = 0.0, 0.0
    for _ in range(20):
        subset = np.argsort(rng.random((times // 20, n), np.float32), axis=1)[:, :k]
        # A random order of the subset breaks ties; a stable sort by score keeps it among equals.
        order = np.argsort(ranks[subset], axis=1, kind="stable")[:, :top]
        picks = values[np.take_along_axis(subset, order, axis=1)].max(axis=1)
        total, squares = total + picks.sum(), squares + (picks**2).sum()
    mean = total / times
    error = np.sqrt((squares / times - mean**2) / times)
    law = pick_probabilities(scores, speedups, n, [k], top=top)[:, 0]
    assert abs(mean - law @ speedups) < 4 * error


@pytest.mark.parametrize("top", [2, 3, 4])
def test_many_values_of_many_problems_are_the_law_of_each(top: int) -> None:
    rng = np.random.default_rng(5)
    ks, n = [1, 2, 3, 9, 12], 12
    correct = rng.random((8, n)) < np.array([0, 0.1, 0.3, 0.5, 0.5, 0.7, 0.9, 1.0])[:, None]
    values, speedups = rng.normal(size=(3, 8, n)), rng.lognormal(size=(8, n))
    scores = rng.integers(0, 4, (8, n)).astype(float)
    scores[3] = 1.0  # no preference
    scores[~correct] = np.nan  # what does not matter
    found = expected_at(rank_values(values, scores, speedups, correct, top=top), ks)
    for i, right in enumerate(correct):
        law = pick_probabilities(scores[i, right], speedups[i, right], n, ks, top=top)
        np.testing.assert_allclose(found[:, i], values[:, i, right] @ law, atol=1e-12)
        for k in (1, 2, 3):
            brute = pick_law(scores[i, right], speedups[i, right], int(right.sum()) + 2, k, top)
            short = pick_probabilities(
                scores[i, right], speedups[i, right], int(right.sum()) + 2, [k], top=top
            )
            np.testing.assert_allclose(short[:, 0], brute, atol=1e-12)


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
