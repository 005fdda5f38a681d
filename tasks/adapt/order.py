"""The order in which the draws of a round are judged: shuffled over the arms.

An evaluator that drifts (a machine that grows warm or busy) then drifts alike for all of them. The
judge takes problem after problem, since a problem's reference and inputs are shared by its
candidates; within a problem the arms are shuffled, and the problems among themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.plan import SHARD_SIZE, Shard


def shuffled(shards: Sequence[Shard], seed: int, step: int) -> list[Shard]:
    """All draws of a round, up to 64 of one problem together, in an order that the seed decides."""
    order = np.random.Generator(np.random.Philox([seed % 2**64, step]))
    drawn: dict[tuple[str, int, int], list[int]] = {}
    problems = {shard.problem_key: shard.problem for shard in shards}
    for shard in shards:
        drawn.setdefault(shard.problem_key, []).extend(shard.sample_indices)
    keys = sorted(drawn)
    found = []
    for key in [keys[i] for i in order.permutation(len(keys))]:
        indices = order.permutation(sorted(drawn[key])).tolist()
        found += [
            Shard(problems[key], tuple(indices[first : first + SHARD_SIZE]))
            for first in range(0, len(indices), SHARD_SIZE)
        ]
    return found
