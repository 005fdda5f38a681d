"""The one table that curves over k are made with: where in the order the last kept draw stands."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tasks.statistics.arrays import Floats, log_choose, log_factorials


@lru_cache(maxsize=8)
def last_kept(n: int, ks: tuple[int, ...], top: int, size: int) -> Floats:
    """P(a random k-subset of n ranks has rank s as its m-th) = C(s, m−1)·C(n−1−s, k−m)/C(n, k).

    Shape (size, len(ks)), row s from 0. Columns with k > n are NaN, those with k < m zero.
    """
    wanted, rank = np.asarray(ks, np.int64), np.arange(size)
    factorials = log_factorials(n)
    total = np.where(wanted <= n, log_choose(n, wanted), np.nan)
    others = np.where((wanted >= top) & (wanted <= n), wanted - top, 0)
    behind = n - 1 - rank
    left = behind[:, None] - others[None, :]
    # log C(s, m-1) + log C(n-1-s, k-m) - log C(n, k): only the last term needs two dimensions.
    table = (log_choose(rank, top - 1) + factorials[np.maximum(behind, 0)])[:, None] - (
        total + factorials[others]
    )[None, :]
    table -= factorials[np.maximum(left, 0)]
    np.exp(table, out=table)
    table[left < 0] = 0.0
    table[:, wanted < top] = 0.0
    table[:, wanted > n] = np.nan
    table.flags.writeable = False  # it is shared
    return table
