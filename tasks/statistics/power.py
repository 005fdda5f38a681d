"""How many problems would settle a comparison."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm


def problems_needed(
    differences: ArrayLike, *, level: float = 0.05, power: float = 0.8
) -> int | None:
    """Problems for a two-sided paired test to find the mean difference seen here.

    n = ((z₁₋α/2 + z₁₋β)·σ/δ)², by the normal approximation (Cohen 1988), at least 2, with the
    standard deviation σ and mean δ of the differences given, NaN left out. None where no number
    would do or none can be said: no difference, or fewer than two problems. It assumes that further
    problems are like these, and that the difference is as large as it looks, which is hopeful.
    """
    given = np.asarray(differences, np.float64)
    known = given[~np.isnan(given)]
    if len(known) < 2 or abs(known.mean()) < 1e-12:
        return None
    wanted = float(norm.ppf(1 - level / 2) + norm.ppf(power))
    return max(2, math.ceil((wanted * float(known.std(ddof=1) / abs(known.mean()))) ** 2))
