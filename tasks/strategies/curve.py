"""strategy@K on one problem, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.statistics import pick_probabilities
from tasks.statistics.arrays import Floats
from tasks.strategies.base import Applicability, Draws, Strategy


@dataclass(frozen=True, eq=False)
class Curve:
    """What the strategy's pick is worth at every k; arrays of shape (len(ks),), NaN for k > n."""

    applicability: Applicability
    success: Floats
    """P(the pick is correct) = pass@k, whatever the strategy."""
    fast_1: Floats
    """P(the pick is fast_1); no correct draw counts as failure."""
    speedup_mean: Floats
    """E[speedup of the pick], no correct draw counting 0."""
    log_speedup_mean: Floats
    """E[log speedup | there is a pick]; NaN where no draw is correct."""
    pick: int | None
    """Sample index of the pick among all n draws; tied scores yield to the earlier draw."""


def curve(strategy: Strategy, draws: Draws, ks: Sequence[int]) -> Curve:
    """The strategy over all k-subsets of the problem's draws (see `pick_probabilities`)."""
    scores, applicability = strategy.scores(draws)
    speedup = draws.speedup[draws.correct]
    law = pick_probabilities(scores, speedup, draws.n, np.asarray(ks), top=strategy.top)
    # Sums of probabilities may round to a hair above 1.
    success = np.minimum(law.sum(axis=0), 1.0) + np.where(np.asarray(ks) <= draws.n, 0.0, np.nan)
    fast_1 = _expected(law, draws.fast_1[draws.correct].astype(np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        log_speedup = _expected(law, np.log(speedup)) / np.where(success > 0, success, np.nan)
    return Curve(
        applicability=applicability,
        success=success,
        fast_1=np.minimum(fast_1, success),
        speedup_mean=_expected(law, speedup) + 0 * success,
        log_speedup_mean=log_speedup,
        pick=_pick(scores, speedup, strategy.top, draws),
    )


def _expected(law: Floats, values: Floats) -> Floats:
    """Σ p·x. An unknown x matters only where it can be picked."""
    return np.asarray(np.where(law == 0, 0.0, law * values[:, None]).sum(axis=0), np.float64)


def _pick(scores: Floats, speedup: Floats, top: int, draws: Draws) -> int | None:
    if not len(scores):
        return None
    kept = np.argsort(-scores, kind="stable")[:top]
    # Draws are exchangeable: the first of equals is as good a random choice as any.
    fastest = kept[np.argmax(np.where(np.isnan(speedup[kept]), -np.inf, speedup[kept]))]
    return int(draws.sample_index[draws.correct][fastest])
