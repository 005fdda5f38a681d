"""Laws of sums against enumeration and scipy, and the ends that invert them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm, poisson_binom

from tasks.statistics import sum_law
from tasks.statistics.sum_law import Outcomes, SumLaw, coins, flips, outcomes_of, sum_test


def by_hand(parts: Outcomes, seen: float) -> tuple[float, float]:
    """Mid-P tails over every combination of outcomes."""
    below = above = 0.0
    for choice in product(*(range(len(row)) for row in parts.values)):
        at = list(choice)
        rows = np.arange(len(parts.values))
        chance = float(parts.chances[rows, at].prod())
        gap = float(parts.values[rows, at].sum()) - seen
        below += chance * (0.5 if abs(gap) < 1e-9 else gap < 0)
        above += chance * (0.5 if abs(gap) < 1e-9 else gap > 0)
    return below, above


@pytest.mark.parametrize("seen", [0, 3, 17, 30])
def test_coins_have_scipys_poisson_binomial_law(seen: int) -> None:
    chances = np.random.default_rng(1).beta(1, 2, 30)
    found = sum_test(coins(chances), float(seen))
    law = poisson_binom(chances)
    half = law.pmf(seen) / 2
    assert found.below == pytest.approx(law.cdf(seen) - half, abs=1e-12)
    assert found.above == pytest.approx(law.sf(seen) + half, abs=1e-12)


def test_a_tail_keeps_its_digits_however_small() -> None:
    # All of 40 at a chance of 1 %: half of 1e-80.
    assert sum_test(coins(np.full(40, 0.01)), 40.0).above == pytest.approx(0.5e-80, rel=1e-6)
    # 39 of 40 at 1 %: 40·0.99·1e-78 times a half, and all of them.
    wanted = 0.5 * 40 * 0.99 * 1e-78 + 1e-80
    assert sum_test(coins(np.full(40, 0.01)), 39.0).above == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("k", [0, 1, 7, 19, 20])
@pytest.mark.parametrize("tilt", [-1.5, 0.7, 3.0])
def test_a_tilt_moves_the_log_odds_of_coins(k: int, tilt: float) -> None:
    law = sum_law.SumLaw(coins(np.full(20, 0.3)), float(k))
    chance = 1 / (1 + np.exp(-(np.log(0.3 / 0.7) + tilt)))
    tilted = law.tilted(tilt)
    assert (tilted.mean, tilted.variance, tilted.third) == pytest.approx(
        (20 * chance, 20 * chance * (1 - chance), 20 * chance * (1 - chance) * (1 - 2 * chance))
    )
    for point in (k, 0 if k < 10 else 20):
        half = binom.pmf(point, 20, chance) / 2
        above = law.tail(tilt, float(point), upper=True)
        assert above == pytest.approx(binom.sf(point, 20, chance) + half, abs=1e-6)
        assert law.tail(tilt, float(point), upper=False) == pytest.approx(1 - above, abs=1e-6)


@pytest.mark.parametrize(("chance", "hits"), [(0.04, 0), (0.01, 1), (0.99, 10), (0.96, 9)])
def test_tails_at_the_ends_of_a_narrow_law(chance: float, hits: int) -> None:
    found = sum_test(coins(np.full(10, chance)), float(hits))
    half = binom.pmf(hits, 10, chance) / 2
    assert found.below == pytest.approx(binom.cdf(hits - 1, 10, chance) + half, abs=1e-12)
    assert found.above == pytest.approx(binom.sf(hits, 10, chance) + half, abs=1e-12)
    beyond = sum_law.SumLaw(coins(np.full(10, chance)), float(hits))
    assert beyond.tail(0.0, -0.7, upper=False) == pytest.approx(0, abs=1e-12)
    assert beyond.tail(0.0, 10.7, upper=True) == pytest.approx(0, abs=1e-12)
    assert beyond.tail(0.0, -0.7, upper=True) == pytest.approx(1)


def test_noise_is_added_as_a_normal_law() -> None:
    law = sum_law.SumLaw(coins(np.full(12, 0.4)), 6.0)
    wanted = sum(binom.pmf(k, 12, 0.4) * norm.sf((7.3 - k) / 1.7) for k in range(13))
    assert law.tail(0.0, 7.3, upper=True, noise=1.7) == pytest.approx(wanted, abs=1e-9)


def test_flips_of_ones_are_mcnemars_binomial() -> None:
    found = sum_test(flips(np.array([1.0, 1, 1, 1, 1, -1, 0, 0])), 4.0)
    assert found.above == pytest.approx(binom.sf(5, 6, 0.5) + binom.pmf(5, 6, 0.5) / 2)
    assert found.below == pytest.approx(1 - found.above)


@pytest.mark.parametrize("seed", range(6))
def test_tails_are_those_of_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [(rng.integers(0, 4, 3) / 3, rng.dirichlet(np.ones(3))) for _ in range(6)]
    rows.append((np.array([0.25]), np.ones(1)))  # a sure one
    parts = outcomes_of(rows)
    seen = float(sum(rng.choice(values) for values, _ in rows))
    found = sum_test(parts, seen)
    assert (found.below, found.above) == pytest.approx(by_hand(parts, seen), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_off_a_lattice_the_error_is_small(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = outcomes_of([(rng.random(4), rng.dirichlet(np.ones(4))) for _ in range(8)])
    seen = float(parts.means.sum() + rng.normal() * np.sqrt(parts.variances.sum()))
    found = sum_test(parts, seen)
    assert (found.below, found.above) == pytest.approx(by_hand(parts, seen), abs=3e-3)


def test_many_parts_go_by_the_saddlepoint_and_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    parts = Outcomes(rng.random((600, 4)), rng.dirichlet(np.ones(4), 600))
    seen = float(parts.means.sum() + 2 * np.sqrt(parts.variances.sum()))
    fast = sum_test(parts, seen)
    monkeypatch.setattr(sum_law, "_CONVOLVED", 1000)
    exact = sum_test(parts, seen)
    for name in ("below", "above"):
        assert getattr(fast, name) == pytest.approx(getattr(exact, name), abs=1e-4)


def test_sure_parts_leave_no_doubt() -> None:
    found = sum_test(coins(np.array([0.0, 1.0, 1.0])), 2.0)
    assert (found.below, found.above) == (0.5, 0.5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([0.0, 0.3, -0.7, 2.0, -4.0, 8.0]))
def test_tails_under_any_tilt_are_those_of_all_outcomes_listed(
    seed: int, signs: bool, tilt: float
) -> None:
    rng = np.random.default_rng(seed)
    n = rng.integers(2, 9)
    parts = flips(rng.integers(1, 9, n) / 8) if signs else coins(rng.random(n))
    at_the_end = seed % 2
    seen = float(sum(v.max() if at_the_end else rng.choice(v) for v in parts.values))
    chosen = np.array(list(product(range(2), repeat=int(n))))
    rows = np.arange(n)
    sums = parts.values[rows, chosen].sum(axis=1)
    scale = float(np.ptp(parts.values, axis=1).max())  # a tilt is in units of the widest part
    logs = np.log(parts.chances[rows, chosen]).sum(axis=1) + tilt * sums / scale
    chances = np.exp(logs - logs.max())
    chances /= chances.sum()
    same = np.abs(sums - seen) < 1e-9
    upper = chances[(sums > seen) & ~same].sum() + chances[same].sum() / 2
    assert SumLaw(parts, seen).tail(tilt, seen, upper=True) == pytest.approx(upper, abs=1e-7)
