"""What a budget buys an arm on each problem: chance of success, and speedup, in closed form.

The rollouts of an adaptation are spent in the order in which it made them: all of stage 0, then
those after one step, and so on, the last stage in part. Best-of-N's draws are all from one model,
so that any of them could have been drawn first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tasks.frontier.stages import Stage, Track
from tasks.statistics.arrays import Bools, Floats, Ints, log_avoids
from tasks.statistics.best_at_k import best_at_k
from tasks.statistics.pass_at_k import pass_at_k

_FINE = 64
"""Budgets up to which every one is worked out; beyond, about so many in all."""


def budget_grid(group: int, last: int) -> Ints:
    """Rollouts of one problem at which curves are worked out: from 1 to all, each stage's end among
    them; shape (budgets,)."""
    whole = group * (last + 1)
    if whole <= _FINE:
        return np.arange(1, whole + 1)
    even = np.unique(np.round(np.geomspace(1, whole, _FINE)).astype(np.int64))
    ends = group * np.arange(1, last + 2)
    if len(ends) > _FINE:
        ends = ends[:: len(ends) // _FINE + 1]
    return np.unique(np.concatenate([even, ends, [whole]]))


def paid(track: Track, group: int, budgets: Ints) -> Ints:
    """Draws of each stage that a budget pays for; shape (budgets, stages). A stage has no more to
    give than its draws with a verdict."""
    before = group * np.arange(len(track.stages))
    due = np.clip(budgets[:, None] - before, 0, group)
    return np.asarray(np.minimum(due, track.sizes), np.int64)


def staged_curve(track: Track, group: int, budgets: Ints) -> Floats:
    """P(some draw is fast_1) = 1 − Π_s C(n_s − c_s, m_s)/C(n_s, m_s); shape (budgets,)."""
    found = np.zeros(len(budgets))
    reached = 0.0
    for stage, inside, m in partly(track, group, budgets):
        hits = int(stage.fast.sum())
        if len(stage):
            found[inside] = np.maximum(reached, pass_at_k(len(stage), hits, m))
        else:
            found[inside] = reached
        reached = max(reached, float(hits > 0))
    return found


def split_curve(track: Track, group: int, tail: int) -> Floats:
    """P(some draw is fast_1) of "s steps, then search": what is learned from at each stage before
    s, and all draws of stage s, its tail among them; shape (stages,), by s. NaN from where the arm
    has ended."""
    hits = np.array([stage.fast.sum() for stage in track.stages], np.int64)
    size = len(track.stages)
    m = np.tril(np.full((size, size), group - tail), -1) + np.diag(np.full(size, group))
    n, c = (np.broadcast_to(one, m.shape) for one in (track.sizes, hits))
    missed = log_avoids(n, c, np.minimum(m, track.sizes)).sum(axis=1)
    return np.asarray(np.where(track.sizes > 0, 0.0 - np.expm1(missed), np.nan), np.float64)


def staged_gain(track: Track, group: int, budgets: Ints) -> Floats:
    """E[log of the speedup that is delivered], the largest gain drawn; shape (budgets,)."""
    found = np.zeros(len(budgets))
    reached = 0.0
    for stage, inside, m in partly(track, group, budgets):
        own = np.maximum(stage.gain, reached)
        found[inside] = best_at_k(own, m) if len(stage) else reached
        reached = float(own.max(initial=reached))
    return found


def partly(track: Track, group: int, budgets: Ints) -> Iterator[tuple[Stage, Bools, Ints]]:
    """Stage by stage the budgets that end in it, and the draws of it that each pays for; all
    earlier stages are paid in full, so that only one of a budget's stages is left to chance."""
    for step, stage in enumerate(track.stages):
        inside = (budgets > group * step) & (budgets <= group * (step + 1))
        yield stage, inside, np.minimum(budgets[inside] - group * step, len(stage))


def pooled_curve(track: Track, budgets: Ints) -> Floats:
    """Best-of-N's: all stages are of one model; shape (budgets,)."""
    hits = sum(int(stage.fast.sum()) for stage in track.stages)
    return pass_at_k(track.draws, hits, np.minimum(budgets, track.draws))


def pooled_gain(track: Track, budgets: Ints) -> Floats:
    """The same of the log of the speedup that is delivered."""
    gains = np.concatenate([stage.gain for stage in track.stages])
    return best_at_k(gains, np.minimum(budgets, track.draws))


def table(curves: Sequence[Floats], budgets: Ints) -> Floats:
    """Problems below each other, shape (problems, budgets), also of no problem."""
    return np.array(curves, np.float64).reshape(-1, len(budgets))
