"""A paired difference: what it claims where nothing is there, and where something is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson_binom
from scipy.stats import t as student

from tasks.statistics import mcnemar_exact, paired_difference
from tasks.statistics.sum_law import coins, outcomes_of


def studies(
    shares: np.ndarray, rho: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Pick by score among 32 correct draws, and the control's chance; any shape of problems."""
    from scipy.stats import norm

    score, other = rng.normal(size=(2, *shares.shape, 32))
    speed = rho * score + np.sqrt(1 - rho**2) * other
    fast = speed > -norm.ppf(shares)[..., None]
    best = score.argmax(axis=-1)[..., None]
    return np.take_along_axis(fast, best, axis=-1)[..., 0].astype(float), fast.mean(axis=-1)


@pytest.mark.parametrize("problems", [10, 20, 50])
@pytest.mark.parametrize("share", [0.02, 0.05, 0.95, (1, 9), (9, 1), (1, 1)])
def test_noise_is_not_claimed_to_be_an_effect(
    share: float | tuple[float, float], problems: int
) -> None:
    """Today's BCa interval leaves out 0 in up to 78 % of these."""
    rng = np.random.default_rng(5)
    shape = (300, problems)
    shares = np.full(shape, share) if isinstance(share, float) else rng.beta(*share, shape)
    picked, chance = studies(np.clip(shares, 1e-9, 1 - 1e-9), 0.0, rng)
    found = [paired_difference(a, b, coins(b)) for a, b in zip(picked, chance, strict=True)]
    # 5 % and two and a half standard errors of 300 studies.
    assert np.mean([one.p < 0.05 for one in found]) <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 300)
    assert np.mean([one.low <= 0 <= one.high for one in found]) >= 0.92


@pytest.mark.parametrize(("rho", "least"), [(0.2, 0.15), (0.3, 0.40), (0.5, 0.87)])
def test_an_effect_is_found_as_often_as_by_the_exact_test(rho: float, least: float) -> None:
    rng = np.random.default_rng(6)
    picked, chance = studies(np.clip(rng.beta(2, 2, (300, 20)), 1e-9, 1 - 1e-9), rho, rng)
    found = [
        paired_difference(a, b, coins(b)).p < 0.05 for a, b in zip(picked, chance, strict=True)
    ]
    assert np.mean(found) >= least


@settings(max_examples=150, deadline=None)
@given(st.integers(2, 12), st.integers(0, 10_000), st.sampled_from(["coins", "flips"]))
def test_the_interval_leaves_out_0_exactly_where_p_is_below_5_percent(
    problems: int, seed: int, law: str
) -> None:
    rng = np.random.default_rng(seed)
    chance = rng.integers(0, 9, problems) / 8
    picked = (rng.random(problems) < rng.random()).astype(float)
    picked = np.where((chance == 0) | (chance == 1), chance, picked)
    found = paired_difference(picked, chance, coins(chance) if law == "coins" else None)
    assert found.low <= found.mean <= found.high
    assert (found.low > 0 or found.high < 0) == (found.p < 0.05)
    # Its own side's chance, and at most about as much of the other's.
    assert min(found.p_greater, found.p_less) <= found.p + 1e-9
    assert found.p_greater + found.p_less == pytest.approx(1)
    swapped = paired_difference(
        1 - picked, 1 - chance, coins(1 - chance) if law == "coins" else None
    )
    assert swapped.mean == pytest.approx(-found.mean)
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low), abs=1e-4)
    assert swapped.p == pytest.approx(found.p, abs=1e-4)


def test_alike_on_every_problem_leaves_the_problem_that_is_missing() -> None:
    found = paired_difference(np.full(20, 0.4), np.full(20, 0.4))
    assert (found.mean, found.p, found.informative) == (0, 1, 0)
    # Of another kind are at most 1 − 0.025^(1/20) of all problems.
    assert found.high == -found.low == pytest.approx(1 - 0.025 ** (1 / 20))
    # One in twenty that differs cannot make more of a difference than its kind has problems.
    one = np.where(np.arange(20) == 0, 1.0, 0.0)
    assert paired_difference(one, np.zeros(20)).high <= 0.25


def test_outcomes_of_0_and_1_go_by_mcnemar() -> None:
    a, b = np.array([1.0] * 14 + [0] * 6), np.array([0.0] * 12 + [1] * 3 + [0] * 5)
    found = paired_difference(a, b)
    exact = mcnemar_exact(12, 1)
    # Mid-P halves the chance of the very outcome seen, 13·½¹³ on either side.
    assert found.p_greater >= exact.p / 2 - 13 * 0.5**14 - 1e-9
    assert found.p < 0.05


def test_what_one_problem_or_none_says() -> None:
    nothing = paired_difference([np.nan], [0.5])
    assert (nothing.problems, np.isnan(nothing.mean)) == (0, True)
    one = paired_difference([1.0, np.nan], [0.5, 0.5])
    assert (one.problems, one.mean) == (1, 0.5)
    assert np.isnan([one.low, one.high, one.p]).all()


@pytest.mark.parametrize("hits", [0, 1, 2, 3, 4])
def test_p_counts_both_sides_of_scipys_law(hits: int) -> None:
    """Rare outcomes: a side that has none so far out adds nothing."""
    chance = np.full(10, 0.04)
    picked = (np.arange(10) < hits).astype(float)
    law = poisson_binom(chance)
    upper = float(law.sf(hits) + law.pmf(hits) / 2)
    # 0 hits are 0.4 below the mean, and only 2 or more farther above it.
    wanted = upper if hits else float(law.pmf(0) / 2 + law.sf(0))
    assert paired_difference(picked, chance, coins(chance)).p == pytest.approx(wanted, abs=1e-4)


def test_where_effects_differ_by_problem_their_spread_decides() -> None:
    """Sure hits on one kind and sure misses on another, as many: by chance the sum would scatter
    far less than it does over problems."""
    chance = np.tile([0.3, 0.7], 25)
    picked = np.tile([1.0, 0.0], 25)
    flipped = np.where(np.arange(50) < 9, 1 - chance.round(), picked)
    found = paired_difference(flipped, chance, coins(chance))
    change = flipped - chance
    plain = student.ppf(0.975, 49) * change.std(ddof=1) / np.sqrt(50)
    by_chance = 1.96 * np.sqrt(0.21 / 50)
    width = (found.high - found.low) / 2
    assert by_chance * 1.2 < width < plain * 1.1
    assert width == pytest.approx(plain, rel=0.12)


def test_the_end_away_from_0_has_room_for_other_problems() -> None:
    """All picks fast: the law has no more to give than these problems' 1 − p, others may have."""
    chance = np.array([0.9, 0.95, 0.8, 0.97, 0.6, 0.99, 0.85, 0.9, 0.92, 0.88])
    found = paired_difference(np.ones(10), chance, coins(chance))
    change = 1 - chance
    # Between the degrees of freedom of the problems and of those that say something, 9 and 10.
    reach = student.ppf(0.975, 9.5) * change.std(ddof=1) / np.sqrt(10)
    assert found.high == pytest.approx(change.mean() + reach)


def test_where_the_law_has_more_to_give_the_end_is_the_tests() -> None:
    """Three misses among fifty picks with chances of 80 to 98 %: their spread, large as a few
    misses make it, is not what the sum's is."""
    chance = np.linspace(0.8, 0.98, 50)
    picked = np.where(np.arange(50) % 17 == 8, 0.0, 1.0)
    found = paired_difference(picked, chance, coins(chance))
    change = picked - chance
    reach = student.ppf(0.975, 49.5) * change.std(ddof=1) / np.sqrt(50)
    assert found.mean < found.high < change.mean() + 0.8 * reach


@pytest.mark.parametrize("seed", range(3))
def test_runs_of_a_problem_are_one_problem(seed: int) -> None:
    """Two runs that always agree say as much as one of them."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(2, 2, 12)
    first, second = (rng.random((2, 12)) < chance).astype(float)
    rows = [(np.array([0.5, 0.0]), np.array([p, 1 - p])) for p in np.repeat(chance, 2)]
    problem = np.repeat(np.arange(12), 2)
    found = paired_difference((first + second) / 2, chance, outcomes_of(rows, problem))
    assert found.problems == found.informative == 12
    assert (found.low > 0 or found.high < 0) == (found.p < 0.05)
    one = paired_difference(first, chance, coins(chance))
    assert found.high - found.low < one.high - one.low


def test_two_arms_are_at_least_as_unsure_as_their_spread() -> None:
    rng = np.random.default_rng(4)
    change = 0.3 + 0.05 * rng.normal(size=15)
    found = paired_difference(change, np.zeros(15))
    plain = student.ppf(0.975, 14) * change.std(ddof=1) / np.sqrt(15)
    assert found.p < 0.001
    assert found.high - found.mean >= plain * 0.99


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 15), st.integers(0, 10_000))
def test_near_the_end_of_a_continuous_law_interval_and_p_agree(problems: int, seed: int) -> None:
    """Nearly all picks at their best: values of rates just below 1, a few far below."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(problems):
        values = 1 - rng.exponential(0.02, 40) * (rng.random(40) < 0.5)
        rows.append((values, np.full(40, 1 / 40)))
    b = np.array([values.mean() for values, _ in rows])
    a = np.array([rng.choice(values) for values, _ in rows]) - rng.choice([0, 0.03])
    found = paired_difference(a, b, outcomes_of(rows))
    assert found.low <= found.mean <= found.high
    assert (found.low > 0 or found.high < 0) == (found.p < 0.05)


def test_what_is_not_settled_is_told_with_an_interval_that_holds_0() -> None:
    found = paired_difference([1, 1, 1, 1, 1, 1, 1], [0.5] * 7, bounds=None)
    assert math.isnan(found.low)  # all alike, and nothing bounds a difference
    assert found.p < 0.05
    seen = paired_difference([3.0, 2, 4, 3, 2, 5, 3], [0.0] * 7, bounds=None)
    assert seen.low > 0
    open_ = seen.unsettled(tested=True)
    assert (open_.low, open_.high, open_.p) == (0.0, seen.high, seen.p)
    few = seen.unsettled(tested=False)
    assert few.low == 0.0
    assert math.isnan(few.p)
    assert math.isnan(found.unsettled(tested=True).low)


def test_the_end_away_from_0_reaches_as_far_as_skewness_says() -> None:
    """Rare gains: Student's interval leaves the truth below its upper end far more often."""
    rng = np.random.default_rng(1)
    held = {"student": 0, "ours": 0}
    for _ in range(400):
        change = np.where(rng.random(25) < 0.15, rng.exponential(1.0, 25), 0.0)
        if not change.any():
            continue
        truth, reach = 0.15, 2.064 * change.std(ddof=1) / 5
        found = paired_difference(change, np.zeros(25), bounds=None)
        held["student"] += change.mean() + reach >= truth
        held["ours"] += found.high >= truth
    assert held["ours"] - held["student"] > 20
    mirrored = paired_difference(np.zeros(25), change, bounds=None)
    assert mirrored.low == pytest.approx(-found.high)
