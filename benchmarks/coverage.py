"""Do the intervals cover? Simulated studies of 20 problems × 64 samples, 500 repetitions.

Pass rates of problems come from Beta populations, whose truth of pass@k is
1 − Π (b + i)/(a + b + i), i < k, and from two others: problems of two kinds only, and a mixture
with hopeless ones. Beside this project's interval stand what it was chosen over: the BCa cluster
bootstrap, Student's t on the logit scale, and a bootstrap with a second stage that draws samples
within the drawn problems again. Surprisal's fast_1@8, a paired difference and a geometric mean are
simulated too. Writes benchmarks/records/coverage.json.
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
from scipy.stats import t as student

from tasks.statistics import (
    DIFFERENCE,
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
Floats: TypeAlias = NDArray[np.float64]


def coverage(low: Floats, high: Floats, truth: Floats) -> list[float]:
    """Share of studies whose interval holds the truth; ends of shape (studies, columns)."""
    inside = (low <= truth + 1e-12) & (truth <= high + 1e-12)
    return [round(float(one), 3) for one in inside.mean(axis=0)]


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


def paired_coverage(studies: int, rng: np.random.Generator) -> tuple[float, float]:
    """Of a paired difference of two rates, and of a geometric mean of lognormal speedups."""
    base = rng.beta(2, 2, (PROBLEMS, studies))
    lift = np.clip(base + rng.normal(0.1, 0.15, base.shape), 0, 1)
    many = rng.beta(2, 2, 1_000_000)
    truth = float((np.clip(many + rng.normal(0.1, 0.15, many.shape), 0, 1) - many).mean())
    _, low, high = bootstrap_mean(lift - base, bounds=DIFFERENCE)
    gap = coverage(low[:, None], high[:, None], np.array([truth]))[0]
    logs = rng.normal(0.3, 0.6, (PROBLEMS, studies)) + rng.exponential(0.5, (PROBLEMS, studies))
    _, low, high = bootstrap_mean(logs)
    return gap, coverage(low[:, None], high[:, None], np.array([0.8]))[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--record", type=Path, default=RECORD)
    arguments = parser.parse_args()
    rng = np.random.default_rng(7)
    studies = arguments.studies
    rows = []
    for population in populations():
        truth = population.truth
        passes = rng.binomial(SAMPLES, population.draw(rng, (PROBLEMS, studies)))
        values = pass_at_k(SAMPLES, passes[:, :, None], KS).reshape(PROBLEMS, -1)
        low, high = (one.reshape(studies, -1) for one in rate_interval(values)[1:])
        bca, logit = (
            [one.reshape(studies, -1) for one in ends]
            for ends in (bootstrap_mean(values)[1:], logit_t(values))
        )
        rows.append(
            {
                "population": population.name,
                "k": list(KS),
                "truth": [round(float(one), 4) for one in truth],
                "covered": coverage(low, high, truth),
                "mean_width": [round(float(one), 3) for one in (high - low).mean(axis=0)],
                "all_problems_agree": [
                    round(float(one), 3)
                    for one in (np.ptp(values, axis=0) < 1e-9).reshape(studies, -1).mean(axis=0)
                ],
                "covered_bca": coverage(bca[0], bca[1], truth),
                "covered_logit_t": coverage(logit[0], logit[1], truth),
                "covered_two_stages": coverage(*two_stages(passes, rng), truth),
            }
        )
    truth = surprisal_values(4000, rng).mean()
    values = np.stack([surprisal_values(PROBLEMS, rng) for _ in range(studies)], axis=1)
    _, low, high = rate_interval(values)
    gap, ratio = paired_coverage(studies, rng)
    record = {
        "question": "share of nominal 95 % intervals that hold the truth",
        "problems": PROBLEMS,
        "samples": SAMPLES,
        "studies": studies,
        "standard_error": round(float(np.sqrt(0.95 * 0.05 / studies)), 4),
        "pass_at_k": rows,
        "surprisal_fast_1_at_8": {
            "truth": round(float(truth), 4),
            "covered": coverage(low[:, None], high[:, None], np.array([truth]))[0],
        },
        "difference_of_fast_1_covered": gap,
        "geometric_mean_speedup_covered": ratio,
        "versions": {name: version(name) for name in ("numpy", "scipy")},
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    arguments.record.write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
