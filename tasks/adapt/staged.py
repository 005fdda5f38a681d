"""What a budget buys that is spent in stages: m_s of the n_s draws that were made at each stage.

Given the trajectory (which adapter came when), the draws of a stage are interchangeable. So the
expectation over all ways to have drawn fewer of them is a closed form, and one trajectory answers
for every split of a budget between steps and search.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tasks.statistics.arrays import Floats, log_avoids, log_choose


def staged_success(n: ArrayLike, c: ArrayLike, m: ArrayLike) -> float:
    """P(some draw succeeds) = 1 − Π_s C(n_s − c_s, m_s)/C(n_s, m_s).

    n, c, m: draws, successes among them, and draws that the budget pays for, per stage: shape
    (stages,). NaN if more are to be paid for than were made. Raises ValueError for negative numbers
    or c above n.
    """
    made, hits, paid = _whole(n), _whole(c), _whole(m)
    if (hits > made).any():
        raise ValueError("more successes than draws at a stage")
    if (paid > made).any():
        return float("nan")
    return -float(np.expm1(log_avoids(made, hits, paid).sum()))


def staged_best(values: Sequence[ArrayLike], m: ArrayLike) -> float:
    """E[the largest value drawn], 0 where nothing is: per stage its values (incorrect: whatever
    counts as nothing delivered) and the draws that the budget pays for.

    With F(x) = Π_s C(#{values of s ≤ x}, m_s)/C(n_s, m_s) it is Σ x·(F(x) − F(before x)). NaN if
    more are to be paid for than were made.
    """
    paid = _whole(m)
    stages = [np.sort(np.asarray(one, np.float64)) for one in values]
    if len(stages) != len(paid):
        raise ValueError(f"{len(stages)} stages of values, {len(paid)} of budgets")
    if any(k > len(one) for one, k in zip(stages, paid, strict=True)):
        return float("nan")
    if not paid.sum():
        return 0.0
    x = np.unique(np.concatenate(stages))
    log_f: Floats = np.zeros(len(x))
    for one, k in zip(stages, paid, strict=True):
        below = np.searchsorted(one, x, side="right")
        log_f = log_f + log_choose(below, int(k)) - log_choose(len(one), int(k))
    f = np.exp(log_f)
    return float(x @ np.diff(f, prepend=0.0))


def _whole(values: ArrayLike) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    found = np.atleast_1d(np.asarray(values, np.int64))
    if (found < 0).any():
        raise ValueError("numbers of draws are 0 or more")
    return found
