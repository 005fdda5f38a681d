"""The array types of this room, and binomial coefficients in log space."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]


_SUMMED = 10_000


def log_choose(n: ArrayLike, k: ArrayLike) -> Floats:
    """log C(n, k), elementwise with broadcasting; −inf where there is nothing to choose.

    By log-gamma: the relative error of C(n, k) stays below 1e-9 for n up to 10⁵.
    """
    whole, part = np.broadcast_arrays(np.asarray(n, np.float64), np.asarray(k, np.float64))
    possible = (part >= 0) & (part <= whole)
    whole, part = np.where(possible, whole, 0.0), np.where(possible, part, 0.0)
    value = gammaln(whole + 1) - gammaln(part + 1) - gammaln(whole - part + 1)
    return np.where(possible, value, -np.inf)


def log_avoids(n: Ints, a: Ints, k: Ints) -> Floats:
    """log of P(a random k-subset of n draws avoids a given ones) = C(n−a, k)/C(n, k), elementwise.

    Arrays of one shape, 0 ≤ a ≤ n and 0 ≤ k ≤ n. As a sum of min(a, k) logarithms, since log-gamma
    loses digits as n grows; with more than 10⁴ of them the chance is next to nothing for n up to
    10⁷, and log-gamma does.
    """
    fewer, more = np.minimum(a, k), np.maximum(a, k)
    summed = fewer <= _SUMMED
    total = np.where(summed, 0.0, log_choose(n - a, k) - log_choose(n, k))
    with np.errstate(divide="ignore"):  # log 0, where none can be avoided
        for i in range(int(fewer[summed].max(initial=0))):
            left = np.maximum(n - more - i, 0)
            total = total + np.where(summed & (i < fewer), np.log(left / np.maximum(n - i, 1)), 0.0)
    return np.asarray(total, np.float64)


@lru_cache(maxsize=4)
def log_factorials(n: int) -> Floats:
    """log 0! … log n!, shape (n + 1,)."""
    table = np.asarray(gammaln(np.arange(n + 1, dtype=np.float64) + 1), np.float64)
    table.flags.writeable = False  # it is shared
    return table


def small_choose(n: Floats, k: int) -> Floats:
    """C(n, k) for whole n ≥ 0 and a small k, as a product, in which n < k leaves a factor 0."""
    value = n if k else np.ones_like(n)
    for j in range(1, k):
        value = value * (n - j) / (j + 1)
    return value


def misses(n: int, ks: Ints, upto: int) -> Floats:
    """P(a random k-subset of n draws avoids a given draws) = C(n−a, k)/C(n, k).

    Shape (upto + 1, len(ks)), row a; columns with k > n are NaN, since no such subset exists.
    """
    avoided = np.arange(upto + 1, dtype=np.int64)[:, None]
    wanted = np.asarray(ks, np.int64)[None, :]
    total = np.where(wanted <= n, log_choose(n, wanted), np.nan)
    return np.exp(log_choose(n - avoided, wanted) - total)


def check_ks(ks: Ints) -> Ints:
    """The sample budgets as int64. Raises ValueError for one below 1."""
    wanted = np.atleast_1d(np.asarray(ks, np.int64))
    if np.any(wanted < 1):
        raise ValueError(f"k must be at least 1, got {wanted.min()}")
    return wanted
