"""How many problems would settle a comparison, by the very test that it is settled by."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm
from scipy.stats import t as student

from tasks.statistics.arrays import Floats
from tasks.statistics.paired_difference import PairedDifference

_FEWEST = 6
"""Problems, of any claim."""

_STUDIES = 4000
"""Studies imagined at each size: a standard error of 0.6 points of the power."""

_ELEMENTS = 500_000
"""Problems imagined at each size, in all studies together; more than 1,000 problems ask for 500
studies."""

_IMAGINED = 1000
"""Problems up to which studies are imagined; beyond, the normal approximation is as good."""

_MOST = 1_000_000
_SEED = 80


def problems_needed(
    differences: ArrayLike,
    chance_variances: ArrayLike,
    chance_skews: ArrayLike | None = None,
    *,
    level: float = 0.05,
    power: float = 0.8,
) -> int | None:
    """Problems with which `paired_difference` would find the mean difference seen here.

    Args:
        differences: a − b, shape (problems,), no NaN.
        chance_variances: of a on each problem, were there no difference; the same shape.
        chance_skews: the third central moments of the same, none by default.
        level: of the two-sided test; for the best of several rules, less (Holm's adjustment).
        power: the share of such studies that would settle it.

    Returns:
        At least 6. None where no number up to a million would do, or none can be said: no
        difference, or fewer than two problems.

    Studies of other sizes are imagined by drawing from these problems, with their outcomes. That
    further problems are like these, and the difference as large as it looks, is hopeful: the number
    is no surer than the difference (`needed_at_least`).
    """
    change = np.asarray(differences, np.float64)
    variance = np.asarray(chance_variances, np.float64)
    skew = np.zeros_like(variance) if chance_skews is None else np.asarray(chance_skews)
    if len(change) < 2 or abs(change.mean()) < 1e-9:
        return None
    if change.mean() < 0:
        change, skew = -change, -skew
    rough = _roughly(change, variance, level, power)
    if rough > _IMAGINED:
        return rough if rough <= _MOST else None
    problems = np.stack([change, variance, skew])
    at, found = max(rough, _FEWEST), 0
    for _ in range(8):
        reached = _power(problems, at, level)
        # On this scale power grows like the root of the number of problems.
        z = norm.ppf(np.clip(reached, 0.02, 0.98)) + norm.ppf(1 - level / 2)
        wanted = norm.ppf(power) + norm.ppf(1 - level / 2)
        found = max(_FEWEST, math.ceil(at * float(np.clip(wanted / max(z, 0.2), 0.5, 2)) ** 2))
        if abs(found - at) <= 0.02 * at or found > _IMAGINED:
            break
        at = found
    return found


def needed_at_least(needed: int | None, seen: PairedDifference) -> int | None:
    """Problems that would do were the difference the largest that its interval holds.

    They fall with the square of the difference. There is no such bound above while the interval
    holds 0. None where `needed` is.
    """
    farthest = seen.high if seen.mean > 0 else seen.low
    if needed is None or not math.isfinite(farthest) or not farthest:
        return None
    return max(_FEWEST, math.ceil(needed * (seen.mean / farthest) ** 2 - 1e-6))


def _roughly(change: Floats, variance: Floats, level: float, power: float) -> int:
    """((z₁₋α/2·σ₀ + z₁₋β·σ₁)/δ)², the larger of with σ₀ = σ by chance and with σ₀ = σ seen."""
    seen = float(change.std(ddof=1))
    least = max(seen, math.sqrt(float(variance.mean())))
    wanted = float(norm.ppf(1 - level / 2)) * least + float(norm.ppf(power)) * seen
    return math.ceil((wanted / float(change.mean())) ** 2)


def _power(problems: Floats, size: int, level: float) -> float:
    """The share of imagined studies of so many problems in which the test finds it.

    As `score_test`, in moments: what the differences show beyond the tilt that fits them is noise,
    and a gamma law with the same skew stands for the exact one (Wilson and Hilferty).
    """
    rng = np.random.default_rng((_SEED, size))
    studies = min(_STUDIES, max(500, _ELEMENTS // size))
    drawn = rng.integers(0, problems.shape[1], (studies, size))
    change, variance, skew = (one.sum(axis=1) for one in problems[:, drawn])
    squares = (problems[0, drawn] ** 2).sum(axis=1)
    variance = np.maximum(variance, 1e-12)
    excess = np.maximum(squares - variance - skew / variance * change, 0.0) * size / (size - 2)
    wide = float(student.ppf(1 - level / 2, size - 1) / norm.ppf(1 - level / 2)) ** 2
    spread = np.sqrt(variance + wide * excess)
    lean = skew / spread**3
    lean = np.where(np.abs(lean) < 1e-6, 1e-6, lean)
    cube = 1 + lean * norm.ppf(1 - level / 2) / 6 - lean**2 / 36
    return float((change / spread > 2 / lean * (cube**3 - 1)).mean())
