"""The definitions themselves: every subset, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np

from tasks.statistics.arrays import Floats


def pick_law(
    scores: Sequence[float], speedups: Sequence[float], n: int, k: int, top: int
) -> Floats:
    """P(pick) over all k-subsets of n draws, of which the first len(scores) are correct."""
    law = np.zeros(len(scores))
    for subset in combinations(range(n), k):
        for kept, share in kept_sets([i for i in subset if i < len(scores)], scores, top):
            if kept:
                law[max(kept, key=lambda i: (speedups[i], -i))] += share
    return law / comb(n, k)


def kept_sets(
    correct: list[int], scores: Sequence[float], top: int
) -> list[tuple[list[int], float]]:
    """Every equally likely set of the `top` highest scores, ties broken in every way."""
    if len(correct) <= top:
        return [(correct, 1.0)]
    border = sorted((scores[i] for i in correct), reverse=True)[top - 1]
    sure = [i for i in correct if scores[i] > border]
    tied = [i for i in correct if scores[i] == border]
    ways = list(combinations(tied, top - len(sure)))
    return [([*sure, *way], 1 / len(ways)) for way in ways]
