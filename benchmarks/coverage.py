"""Do the intervals cover? Simulated studies of 20 problems × 64 samples, 500 repetitions.

Ten thousand more, others, tell noise from truth: the standard error is 0.2 points instead of 1.

Pass rates of problems come from Beta populations, whose truth of pass@k is
1 − Π (b + i)/(a + b + i), i < k, and from two others: problems of two kinds only, and a mixture
with hopeless ones. Beside this project's interval stand what it was chosen over: the BCa cluster
bootstrap, Student's t on the logit scale, a bootstrap with a second stage that draws samples
within the drawn problems again, and each of the two intervals it is made of, alone. Surprisal's
fast_1@8 and a geometric mean are simulated too; paired differences are in `claims.py`. `must_cover`
says below which coverage no interval gets that keeps what its data do not contradict (see
`must_keep`).
Writes benchmarks/records/coverage.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom
from scipy.stats import t as student

from tasks.statistics import (
    bootstrap_mean,
    expected_at,
    pass_at_k,
    rank_values,
    rate_interval,
)

RECORD = Path(__file__).parent / "records" / "coverage.json"
PROBLEMS, SAMPLES, KS = 20, 64, (1, 2, 4, 8, 16, 32, 64)
BETAS = ((2.0, 2.0), (1.0, 1.0), (0.5, 1.5), (1.0, 4.0), (4.0, 1.0))
RESAMPLES = 1000
ALPHA = 0.05
BAR = 0.92, 0.97
Floats: TypeAlias = NDArray[np.float64]


def coverage(low: Floats, high: Floats, truth: Floats) -> list[float]:
    """Share of studies whose interval holds the truth; ends of shape (studies, columns)."""
    return shares((low <= truth + 1e-12) & (truth <= high + 1e-12))


def shares(hits: NDArray[np.bool_]) -> list[float]:
    """Of the studies (rows), by column."""
    return [round(float(one), 4) for one in hits.mean(axis=0)]


@dataclass(frozen=True)
class Population:
    """Where a problem's chance of a correct draw comes from."""

    name: str
    draw: Callable[[np.random.Generator, tuple[int, ...]], Floats]
    truth: Floats
    """E[1 − (1 − p)^k], shape (len(KS),)"""


def populations() -> list[Population]:
    """The Beta ones, two point masses, and a mixture (its truth from a million problems)."""
    found = []
    for a, b in BETAS:
        truth = np.array([1 - np.prod([(b + i) / (a + b + i) for i in range(k)]) for k in KS])
        found.append(Population(f"Beta({a:g}, {b:g})", partial(_beta, a, b), truth))
    ks = np.array(KS)
    halves = 1 - (0.98**ks + 0.4**ks) / 2
    found.append(Population("half 0.02, half 0.6", _halves, halves))
    many = _mixture(np.random.default_rng(3), (1_000_000,))
    truth = np.array([(1 - (1 - many) ** k).mean() for k in KS])
    found.append(Population("12 % 0, 18 % Beta(1, 20), 70 % Beta(6, 3)", _mixture, truth))
    return found


def _beta(a: float, b: float, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return rng.beta(a, b, shape)


def _halves(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return np.where(rng.random(shape) < 0.5, 0.02, 0.6)


def _mixture(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    kind = rng.random(shape)
    hard = np.where(kind < 0.12, 0.0, rng.beta(1, 20, shape))
    return np.where(kind < 0.3, hard, rng.beta(6, 3, shape))


def logit_t(values: Floats) -> tuple[Floats, Floats]:
    """Student's t on the logit of the mean; ends of shape (columns,). No width at 0 and 1."""
    n = len(values)
    mean = values.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.log(mean / (1 - mean))
        error = values.std(axis=0, ddof=1) / np.sqrt(n) / (mean * (1 - mean))
        reach = student.ppf(0.975, n - 1) * error
        low, high = (1 / (1 + np.exp(-(centre + sign * reach))) for sign in (-1, 1))
    inside = (mean > 0) & (mean < 1)
    return np.where(inside, low, mean), np.where(inside, high, mean)


def two_stages(passes: NDArray[np.int64], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Percentiles when samples are drawn again within drawn problems; ends (studies, len(KS))."""
    lows, highs = [], []
    for study in passes.T:
        drawn = rng.choice(study, (RESAMPLES, PROBLEMS))
        again = rng.binomial(SAMPLES, drawn / SAMPLES)
        means = pass_at_k(SAMPLES, again[:, :, None], KS).mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975], axis=0)
        lows.append(low)
        highs.append(high)
    return np.array(lows), np.array(highs)


def alone(values: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Ends of Jeffreys' interval at every rate, and of mid-P's; both of shape (2, columns).

    Half an observation at 0 and half at 1 join the problems, or a whole one at either in turn.
    """
    found = np.empty((2, 2, values.shape[1]))
    weights = rng.standard_exponential((PROBLEMS, 2 * RESAMPLES))
    halves = rng.gamma(0.5, size=(2, 2 * RESAMPLES))
    turns = np.kron(np.eye(2), np.ones(RESAMPLES)) * rng.standard_exponential(2 * RESAMPLES)
    for i, (at_0, at_1) in enumerate((halves, turns)):
        for j in range(0, values.shape[1], 500):
            total = values[:, j : j + 500].T @ weights + at_1
            total /= weights.sum(axis=0) + at_0 + at_1
            found[i, :, j : j + 500] = np.quantile(total, [ALPHA / 2, 1 - ALPHA / 2], axis=1)
    mean = values.mean(axis=0)
    found[:, 0] = np.where(mean < 1e-12, 0, found[:, 0])
    found[:, 1] = np.where(mean > 1 - 1e-12, 1, found[:, 1])
    return found[0], found[1]


def must_keep(values: Floats, truth: float) -> NDArray[np.bool_]:
    """Studies that give no reason to leave a true mean out of an interval, shape (studies,).

    `values`: shape (problems, studies). A study gives none if some population has that mean and
    gives data like the study's with a chance of 5 % or more (of either tail by itself, so that an
    interval of 95 % may leave out less than this). Few populations are tried, and studies that none
    of them fits count as if they gave a reason, so the share of those that must be kept is a bound
    from below:

    - Where problems are 0 or 1, as all are at k = n: these two, with the binomial chances of so
      many ones or more, and of so many or fewer.
    - Else: problems as seen, and a kind at the far bound that happens to be missing among the n;
      with the truth below the mean seen, the chance is (truth/mean)^n.
    - And where one problem holds 99 % of what the study lacks to a bound: that problem's kind, and
      problems at the bound; the chance is that of one or more of n of that kind.
    """
    n = len(values)
    mean = values.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        unseen = np.where(mean >= truth, truth / mean, (1 - truth) / (1 - mean)) ** n
        kept = np.asarray(unseen >= ALPHA)
        for lack, true_lack in ((1 - values, 1 - truth), (values, truth)):
            whole = lack.sum(axis=0)
            one = (lack.max(axis=0) >= 0.99 * whole) & (whole <= 1) & (whole >= n * true_lack)
            kept |= one & (1 - (1 - true_lack / whole) ** n >= ALPHA)
    binary = ((values == 0) | (values == 1)).all(axis=0)
    ones = (values == 1).sum(axis=0)
    tails = np.minimum(binom.sf(ones - 1, n, truth), binom.cdf(ones, n, truth))
    return np.asarray(np.where(binary, tails >= ALPHA, kept), np.bool_)


def must_cover(values: Floats, truth: Floats) -> list[float]:
    """The share of studies that must be kept, by k; values of shape (problems, studies, len(KS)).

    At k = n a problem is 0 or 1, and the share is exact.
    """
    found = [must_keep(values[:, :, i], float(one)).mean() for i, one in enumerate(truth)]
    passing = np.arange(PROBLEMS + 1)
    kept = must_keep((np.arange(PROBLEMS)[:, None] < passing).astype(np.float64), float(truth[-1]))
    found[-1] = binom.pmf(passing, PROBLEMS, truth[-1])[kept].sum()
    return [round(float(one), 4) for one in found]


def more_studies(
    population: Population, studies: int, rng: np.random.Generator
) -> dict[str, list[float]]:
    """This project's interval in further studies: how often it covers and at which end it fails."""
    truth = population.truth
    passes = rng.binomial(SAMPLES, population.draw(rng, (PROBLEMS, studies)))
    values = pass_at_k(SAMPLES, passes[:, :, None], KS)
    ends = rate_interval(values.reshape(PROBLEMS, -1))[1:]
    low, high = (one.reshape(studies, -1) for one in ends)
    return {
        "covered": coverage(low, high, truth),
        "low_end_above_truth": shares(low > truth + 1e-12),
        "high_end_below_truth": shares(high < truth - 1e-12),
        "must_cover": must_cover(values.reshape(PROBLEMS, studies, -1), truth),
    }


def verdict(covered: list[list[float]], bounds: list[list[float]]) -> dict[str, int]:
    """Of the cells, how many lie in the bar, how many cannot, and how many of the others do not."""
    inside = (np.array(covered) >= BAR[0]) & (np.array(covered) <= BAR[1])
    never = np.array(bounds) > BAR[1]
    return {
        "cells": inside.size,
        "within_bar": int(inside.sum()),
        "cannot_be_within": int(never.sum()),
        "others_outside": int((~inside & ~never).sum()),
    }


def surprisal_values(problems: int, rng: np.random.Generator) -> Floats:
    """fast_1@8 of the most surprising correct draw on simulated problems; shape (problems,).

    Half of each problem's draws are correct on average, and the odds of a correct draw to be fast
    grow with its surprisal, by a slope that differs between problems.
    """
    made = []
    for _ in range(problems):
        correct = rng.random(SAMPLES) < rng.beta(2, 2)
        score = rng.normal(size=SAMPLES)
        logit = rng.normal(0, 1) + rng.normal(0.5, 0.5) * score
        fast = rng.random(SAMPLES) < 1 / (1 + np.exp(-logit))
        chosen = score[correct]
        made.append(rank_values(fast[correct].astype(np.float64), chosen, chosen, SAMPLES))
    return np.array([one[0, 0] for one in expected_at(made, [8])])


def geometric_coverage(studies: int, rng: np.random.Generator) -> float:
    """Of a geometric mean of lognormal speedups."""
    logs = rng.normal(0.3, 0.6, (PROBLEMS, studies)) + rng.exponential(0.5, (PROBLEMS, studies))
    _, low, high = bootstrap_mean(logs)
    return coverage(low[:, None], high[:, None], np.array([0.8]))[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--more", type=int, default=10_000)
    parser.add_argument("--record", type=Path, default=RECORD)
    arguments = parser.parse_args()
    rng = np.random.default_rng(7)
    studies = arguments.studies
    # A generator of their own leaves the 500 studies the same whatever stands beside them.
    other = np.random.default_rng(8)
    rows, covered, more = [], [], {}
    for population in populations():
        truth = population.truth
        passes = rng.binomial(SAMPLES, population.draw(rng, (PROBLEMS, studies)))
        values = pass_at_k(SAMPLES, passes[:, :, None], KS).reshape(PROBLEMS, -1)
        low, high = (one.reshape(studies, -1) for one in rate_interval(values)[1:])
        bca, logit, jeffreys, mid_p = (
            [one.reshape(studies, -1) for one in ends]
            for ends in (bootstrap_mean(values)[1:], logit_t(values), *alone(values, other))
        )
        covered.append(coverage(low, high, truth))
        rows.append(
            {
                "population": population.name,
                "k": list(KS),
                "truth": [round(float(one), 4) for one in truth],
                "covered": covered[-1],
                "mean_width": [round(float(one), 3) for one in (high - low).mean(axis=0)],
                "all_problems_agree": shares((np.ptp(values, axis=0) < 1e-9).reshape(studies, -1)),
                "covered_jeffreys_alone": coverage(jeffreys[0], jeffreys[1], truth),
                "covered_mid_p_alone": coverage(mid_p[0], mid_p[1], truth),
                "covered_bca": coverage(bca[0], bca[1], truth),
                "covered_logit_t": coverage(logit[0], logit[1], truth),
                "covered_two_stages": coverage(*two_stages(passes, rng), truth),
            }
        )
        more[population.name] = more_studies(population, arguments.more, other)
    bounds = [one["must_cover"] for one in more.values()]
    truth = surprisal_values(4000, rng).mean()
    values = np.stack([surprisal_values(PROBLEMS, rng) for _ in range(studies)], axis=1)
    _, low, high = rate_interval(values)
    ratio = geometric_coverage(studies, rng)
    record = {
        "question": "share of nominal 95 % intervals that hold the truth",
        "problems": PROBLEMS,
        "samples": SAMPLES,
        "studies": studies,
        "standard_error": round(float(np.sqrt(0.95 * 0.05 / studies)), 4),
        "pass_at_k": rows,
        "bar": BAR,
        "verdict": verdict(covered, bounds),
        "more_studies": arguments.more,
        "more_standard_error": round(float(np.sqrt(0.95 * 0.05 / arguments.more)), 4),
        "pass_at_k_more": more,
        "verdict_more": verdict([one["covered"] for one in more.values()], bounds),
        "surprisal_fast_1_at_8": {
            "truth": round(float(truth), 4),
            "covered": coverage(low[:, None], high[:, None], np.array([truth]))[0],
        },
        "geometric_mean_speedup_covered": ratio,
        "versions": {name: version(name) for name in ("numpy", "scipy")},
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    arguments.record.write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
