"""Do the intervals cover? Simulated studies of 20 problems × 64 samples, 500 repetitions.

Pass rates of problems come from a Beta population, so that the truth of pass@k is known:
1 − Π (b + i)/(a + b + i), i < k. Compared with the cluster bootstrap of this project is the same
with a second stage that draws samples within the drawn problems again. Surprisal's fast_1@8 is
simulated too, its truth from 4,000 further problems. Writes benchmarks/records/coverage.json.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tasks.statistics import RATE, bootstrap_mean, expected_at, pass_at_k, rank_values

RECORD = Path(__file__).parent / "records" / "coverage.json"
PROBLEMS, SAMPLES, KS = 20, 64, (1, 2, 4, 8, 16, 64)
POPULATIONS = ((2.0, 2.0), (1.0, 1.0), (0.5, 1.5), (1.0, 4.0), (4.0, 1.0))
RESAMPLES = 1000
Floats: TypeAlias = NDArray[np.float64]


def coverage(low: Floats, high: Floats, truth: Floats) -> list[float]:
    """Share of studies whose interval holds the truth; ends of shape (studies, columns)."""
    inside = (low <= truth + 1e-12) & (truth <= high + 1e-12)
    return [round(float(one), 3) for one in inside.mean(axis=0)]


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--record", type=Path, default=RECORD)
    arguments = parser.parse_args()
    rng = np.random.default_rng(7)
    studies = arguments.studies
    rows = []
    for a, b in POPULATIONS:
        truth = np.array([1 - np.prod([(b + i) / (a + b + i) for i in range(k)]) for k in KS])
        passes = rng.binomial(SAMPLES, rng.beta(a, b, (PROBLEMS, studies)))
        values = pass_at_k(SAMPLES, passes[:, :, None], KS).reshape(PROBLEMS, -1)
        _, low, high = (one.reshape(studies, -1) for one in bootstrap_mean(values, bounds=RATE))
        rows.append(
            {
                "population": f"Beta({a:g}, {b:g})",
                "k": list(KS),
                "truth": [round(float(one), 4) for one in truth],
                "covered": coverage(low, high, truth),
                "mean_width": [round(float(one), 3) for one in (high - low).mean(axis=0)],
                "covered_two_stages": coverage(*two_stages(passes, rng), truth),
            }
        )
    truth = surprisal_values(4000, rng).mean()
    values = np.stack([surprisal_values(PROBLEMS, rng) for _ in range(studies)], axis=1)
    _, low, high = bootstrap_mean(values, bounds=RATE)
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
        "versions": {name: version(name) for name in ("numpy", "scipy")},
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    arguments.record.write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
