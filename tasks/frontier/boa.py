"""Best of Adaptation of each arm, beside what it reads where nothing changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from storage.ledger import ProblemKey
from tasks.adapt.best_of_adaptation import BestOfAdaptation, best_of_adaptation
from tasks.adapt.units import BASE_ARM
from tasks.frontier.stages import Run, Track
from tasks.statistics.arrays import Bools
from tasks.statistics.bootstrap import Estimate

PERMUTATIONS = 1000
_ELEMENTS = 4_000_000


def hits_of(tracks: Sequence[Track]) -> Bools | None:
    """Successes over the stages at which every problem has draws, as many of each as where there
    are fewest, the first by their numbers; (stages, problems, draws). None for fewer than two."""
    if not tracks:
        return None
    steps = [
        step
        for step in range(min(len(one.stages) for one in tracks))
        if all(len(one.stages[step]) for one in tracks)
    ]
    draws = min((len(one.stages[step]) for one in tracks for step in steps), default=0)
    if draws < 2:
        return None
    return np.array([[one.stages[step].fast[:draws] for one in tracks] for step in steps])


def arm_boa(run: Run, arm: str) -> BestOfAdaptation | None:
    """Chosen over all problems of the run, as the paper does."""
    return _best(run.arms[arm])


def _best(tracks: Mapping[ProblemKey, Track]) -> BestOfAdaptation | None:
    hits = hits_of(list(tracks.values()))
    return None if hits is None else best_of_adaptation(hits)


def null_band(run: Run, seed: int = 0) -> Estimate | None:
    """What the naive number reads where nothing was learned: the base arm's draws, dealt out to its
    stages at random again and again. Mean, and where 95 % of these lie. None as above."""
    hits = hits_of(list(run.arms[BASE_ARM].values()))
    if hits is None:
        return None
    stages, problems, draws = hits.shape
    pooled = np.moveaxis(hits, 0, 1).reshape(problems, stages * draws)
    rng = np.random.default_rng(seed)
    found: list[float] = []
    rows = max(1, _ELEMENTS // pooled.size)
    while len(found) < PERMUTATIONS:
        size = min(rows, PERMUTATIONS - len(found))
        dealt = rng.permuted(np.tile(pooled, (size, 1, 1)), axis=2)
        rates = dealt.reshape(size, problems, stages, draws).mean(axis=(1, 3))
        found += rates.max(axis=1).tolist()
    low, high = np.quantile(found, [0.025, 0.975])
    return Estimate(float(np.mean(found)), float(low), float(high))
