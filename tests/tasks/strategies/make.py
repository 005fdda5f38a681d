"""Problems with chosen outcomes, in memory and through an import into a lake."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from storage import Lake
from tasks.imports import import_results
from tasks.strategies import Draws

Row = tuple[int, int, float | None, bool, float | None]
"""problem_id, sample_index, mean_logprob, correct, speedup"""


def draws(
    logprobs: Sequence[float], speedups: Sequence[float | None], problem_id: int = 1
) -> Draws:
    """One problem; a speedup of None is an incorrect draw."""
    given = [np.nan if value is None else value for value in speedups]
    correct = np.array([value is not None for value in speedups])
    speedup = np.array(given, np.float64)
    return Draws(
        run_id="r",
        suite="s",
        level=1,
        problem_id=problem_id,
        sample_index=np.arange(len(correct), dtype=np.int64) * 10,
        n_tokens=np.full(len(correct), 10.0),
        sum_logprob=10 * np.array(logprobs, np.float64),
        mean_logprob=np.array(logprobs, np.float64),
        correct=correct,
        fast_1=correct & (np.nan_to_num(speedup) > 1),
        speedup=speedup,
    )


def random_rows(problems: int, n: int, seed: int) -> list[Row]:
    """`problems` problems of n draws; the easy and the hard, no ties in the log-probabilities."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for problem_id in range(1, problems + 1):
        rate = rng.random()
        for sample_index in range(n):
            correct = bool(rng.random() < rate)
            speedup = float(rng.lognormal(0, 0.6)) if correct else None
            rows.append((problem_id, sample_index, -float(rng.gamma(2.0)), correct, speedup))
    return rows


def imported(lake: Lake, run_id: str, rows: Sequence[Row], folder: Path) -> None:
    """The rows as run `run_id`, by way of a CSV file."""
    path = folder / f"{run_id}.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["problem_id", "sample_index", "mean_logprob", "correct", "speedup"])
        out.writerows(rows)
    import_results(path, run_id, lake)
