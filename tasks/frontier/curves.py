"""What a budget buys an arm on each problem: chance of success, and speedup, in closed form.

The rollouts of an adaptation are spent in the order in which it made them: all of stage 0, then
those after one step, and so on, the last stage in part. Best-of-N's draws are all from one model,
so that any of them could have been drawn first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.frontier.stages import Track
from tasks.statistics.arrays import Floats, Ints, log_avoids, log_choose
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
    hits = np.array([stage.fast.sum() for stage in track.stages], np.int64)
    m = paid(track, group, budgets)
    n, c = (np.broadcast_to(one, m.shape) for one in (track.sizes, hits))
    return np.asarray(0.0 - np.expm1(log_avoids(n, c, m).sum(axis=1)), np.float64)


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
    """E[log of the speedup that is delivered], the largest gain drawn; shape (budgets,).

    With F(x) = Π_s C(#{gains of s ≤ x}, m_s)/C(n_s, m_s) it is Σ x·(F(x) − F(before x)).
    """
    m = paid(track, group, budgets)
    x = np.unique(np.concatenate([[0.0], *(stage.gain for stage in track.stages)]))
    log_f = np.zeros((len(budgets), len(x)))
    for s, stage in enumerate(track.stages):
        if not len(stage):
            continue
        below = np.searchsorted(np.sort(stage.gain), x, side="right")
        log_f += log_choose(below[None, :], m[:, s, None]) - log_choose(len(stage), m[:, s, None])
    return np.asarray(np.diff(np.exp(log_f), prepend=0.0, axis=1) @ x, np.float64)


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
