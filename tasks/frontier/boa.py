"""Best of Adaptation of each arm, beside what it reads where nothing changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tasks.adapt.best_of_adaptation import BestOfAdaptation, best_of_adaptation
from tasks.adapt.units import BASE_ARM
from tasks.frontier.stages import Run, Track
from tasks.statistics.arrays import Bools
from tasks.statistics.bootstrap import Estimate

REPETITIONS = 4000


def hits_of(tracks: Sequence[Track]) -> Bools | None:
    """Successes over `_shared` stages; (stages, problems, draws). As many draws of each as where
    there are fewest, the first by their numbers; None for fewer than two."""
    steps = _shared(tracks)
    draws = min((len(one.stages[step]) for one in tracks for step in steps), default=0)
    if draws < 2:
        return None
    return np.array([[one.stages[step].fast[:draws] for one in tracks] for step in steps])


def _shared(tracks: Sequence[Track]) -> list[int]:
    """Stages at which every problem has draws."""
    stages = min((len(one.stages) for one in tracks), default=0)
    return [step for step in range(stages) if all(len(one.stages[step]) for one in tracks)]


def arm_boa(run: Run, arm: str) -> BestOfAdaptation | None:
    """Chosen over all problems of the run, as the paper does; fresh where every problem has draws
    that confirm the one chosen."""
    tracks = list(run.arms[arm].values())
    hits = hits_of(tracks)
    if hits is None:
        return None
    best = best_of_adaptation(hits)
    step = _shared(tracks)[best.chosen]
    fresh = [one.fresh[step] for one in tracks if len(one.fresh) > step and len(one.fresh[step])]
    if len(fresh) < len(tracks):
        return best
    return replace(best, fresh=float(np.mean([one.mean() for one in fresh])))


def null_band(run: Run, seed: int = 0) -> Estimate | None:
    """What the naive number reads of an arm that learns nothing: mean, and where 95 % of such arms
    lie. None as above.

    Such an arm begins with the base arm's first stage and draws on from the same model, whose rate
    on each problem is as sure as all of the base arm's draws make it: Binomial(n, c/n)/n, and then
    Binomial(G, that) in each later stage.
    """
    hits = hits_of(list(run.arms[BASE_ARM].values()))
    if hits is None:
        return None
    stages, problems, draws = hits.shape
    rng = np.random.default_rng(seed)
    size = (REPETITIONS, problems)
    rates = rng.binomial(stages * draws, hits.mean(axis=(0, 2)), size) / (stages * draws)
    found = np.tile(hits[0].mean(), REPETITIONS)
    for _ in range(1, stages):
        found = np.maximum(found, rng.binomial(draws, rates).mean(axis=1) / draws)
    low, high = np.quantile(found, [0.025, 0.975])
    return Estimate(float(found.mean()), float(low), float(high))
