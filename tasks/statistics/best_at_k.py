"""The expected best of k draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tasks.statistics.arrays import Floats, check_ks, misses


def best_at_k(values: ArrayLike, ks: ArrayLike) -> Floats:
    """E[max over a random k-subset of the n values], for each k; shape (len(ks),).

    Σ x₍ᵢ₎·C(i−1, k−1)/C(n, k) over ascending order: the i-th smallest is the maximum of exactly
    those subsets that take it and k−1 of the i−1 below it. Incorrect draws enter as 0. NaN where
    k > n, and where a value is NaN.
    """
    wanted = check_ks(np.asarray(ks, np.int64))
    descending = np.sort(np.asarray(values, np.float64))[::-1]
    avoided = misses(len(descending), wanted, len(descending))
    return np.asarray(descending @ (avoided[:-1] - avoided[1:]), np.float64)
