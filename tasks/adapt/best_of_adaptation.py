"""Best of Adaptation: how good a checkpoint is that was chosen because it looked best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.statistics.arrays import Bools, Floats

SPLITS = 64


@dataclass(frozen=True)
class BestOfAdaptation:
    """Success rates of the chosen checkpoint.

    naive: on the draws that it was chosen by. With nothing learned at all it is the maximum of
        noise, and too high.
    cross_fitted: chosen on one half of each problem's draws and scored on the other, over many
        halvings. No extra draws; a choice by half the draws, so a little worse than the real one.
    fresh: on draws made for it afterwards; None without any.
    chosen: the stage that looks best; the first of several.
    """

    naive: float
    cross_fitted: float
    fresh: float | None
    chosen: int


def best_of_adaptation(
    hits: Bools, fresh: Bools | None = None, *, splits: int = SPLITS, seed: int = 0
) -> BestOfAdaptation:
    """The three rates.

    hits: successes of each checkpoint's own draws, shape (stages, problems, draws).
    fresh: of the chosen checkpoint, shape (problems, draws).

    Stages that tie share their probability of being chosen. Raises ValueError for fewer than two
    draws a problem.
    """
    stages, _, draws = hits.shape
    if draws < 2:
        raise ValueError("cross-fitting needs two draws a problem or more")
    rates = hits.mean(axis=(1, 2))
    rng = np.random.default_rng(seed)
    total = 0.0
    for _ in range(splits):
        # One order of the draws for all stages and problems: they were drawn independently.
        order = rng.permutation(draws)
        halves = (hits[:, :, order[: draws // 2]], hits[:, :, order[draws // 2 :]])
        first, second = (half.mean(axis=(1, 2)) for half in halves)
        total += _of_best(first, second) + _of_best(second, first)
    return BestOfAdaptation(
        naive=float(rates.max()),
        cross_fitted=total / (2 * splits),
        fresh=None if fresh is None else float(fresh.mean()),
        chosen=int(rates.argmax()) if stages else 0,
    )


def _of_best(chosen_by: Floats, scored_by: Floats) -> float:
    """The score of whatever stage the other half prefers."""
    return float(scored_by[chosen_by == chosen_by.max()].mean())
