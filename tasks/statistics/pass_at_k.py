"""pass@k without bias, from n draws of which c succeed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tasks.statistics.arrays import Floats, log_avoids


def pass_at_k(n: ArrayLike, c: ArrayLike, k: ArrayLike) -> Floats:
    """P(at least one success among k of the n draws) = 1 − C(n−c, k)/C(n, k), broadcast.

    The estimator of Chen et al. 2021 (arXiv 2107.03374), in log space, within 1e-9 for n up to 10⁷.
    With "fast and correct" as the success it is fast_p@k. NaN where n < k: k draws cannot be had
    from fewer. Raises ValueError for k < 1 or c outside 0…n.
    """
    draws, successes, wanted = np.broadcast_arrays(
        np.asarray(n, np.int64), np.asarray(c, np.int64), np.asarray(k, np.int64)
    )
    if np.any(wanted < 1):
        raise ValueError("k must be at least 1")
    if np.any((successes < 0) | (successes > draws)):
        raise ValueError("successes must lie between 0 and the number of draws")
    defined = wanted <= draws
    missed = log_avoids(draws, successes, np.minimum(wanted, draws))
    return 0.0 - np.expm1(np.where(defined, missed, np.nan))
