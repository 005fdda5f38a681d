"""A paired difference: what it claims where nothing is there, and where something is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from tasks.statistics import mcnemar_exact, paired_difference
from tasks.statistics.student import skewed_student
from tasks.statistics.sum_law import coins


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
    assert found.p == pytest.approx(min(1, 2 * min(found.p_greater, found.p_less)))
    swapped = paired_difference(
        1 - picked, 1 - chance, coins(1 - chance) if law == "coins" else None
    )
    assert swapped.mean == pytest.approx(-found.mean)
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low), abs=1e-6)
    assert swapped.p == pytest.approx(found.p, abs=1e-9)


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


def test_without_skew_it_is_students() -> None:
    values = np.array([-2.0, -1, 0, 1, 2]) + 0.7
    found = skewed_student(values, 5)
    reach = student.ppf(0.975, 4) * values.std(ddof=1) / np.sqrt(5)
    assert (found.low, found.high) == pytest.approx((0.7 - reach, 0.7 + reach))
    plain = 0.7 / (values.std(ddof=1) / np.sqrt(5))
    assert found.greater == pytest.approx(student.sf(plain, 4))
    # Problems that cannot differ are no degrees of freedom.
    assert skewed_student(values, 3).high > found.high


def test_skew_brings_the_near_end_nearer_and_pushes_none_away() -> None:
    values = np.array([-0.05] * 16 + [0.95] * 4)
    found = skewed_student(values, 20)
    reach = student.ppf(0.975, 19) * values.std(ddof=1) / np.sqrt(20)
    assert values.mean() - reach < found.low < values.mean()
    assert found.high == pytest.approx(values.mean() + reach)
