"""How far a measurement differs from night to night though nothing changed.

A kernel with a few nights behind it knows its own variance badly, and many kernels together know
what is usual. Both are weighed as Smyth's moderated t does (G. K. Smyth, Statistical Applications
in Genetics and Molecular Biology 3 (2004), article 3): variances follow s0² times an inverse χ²
with d0 degrees of freedom, both from the variances of all; each becomes
(d0·s0² + d·s²)/(d0 + d), with d0 + d degrees of freedom.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import digamma, polygamma

from tasks.statistics.arrays import Floats

_LEAST_DEVIATION = 1e-4
"""Of log times: no clock is better, and equal times must not divide by nothing."""

_MOST_FREEDOM = 1e4


def moderated(variances: Floats, freedom: Floats) -> tuple[Floats, Floats]:
    """Variances and their degrees of freedom, each with what all of them say.

    variances: NaN where a measurement was made fewer than twice; freedom: of each, 0 there, for
    which the usual variance stands. Both of one shape. All NaN where none has any.
    """
    known = ~np.isnan(variances) & (freedom > 0)
    if not known.any():
        return np.full_like(variances, np.nan), np.zeros_like(freedom)
    own, d = np.maximum(variances[known], _LEAST_DEVIATION**2), freedom[known]
    usual, d0 = _usual(own, d)
    spread = np.full_like(variances, usual)
    degrees = np.full_like(freedom, d0)
    spread[known] = (d0 * usual + d * own) / (d0 + d)
    degrees[known] = d0 + d
    return spread, degrees


def _usual(own: Floats, d: Floats) -> tuple[float, float]:
    """s0² and d0, by the mean and the variance of log s²."""
    e = np.log(own) - digamma(d / 2) + np.log(d / 2)
    if len(own) < 2:
        return float(np.exp(e[0])), 0.0
    beyond = float(e.var(ddof=1) - polygamma(1, d / 2).mean())
    if beyond <= 0:
        return float(np.exp(e.mean())), _MOST_FREEDOM
    d0 = min(2 * _trigamma_inverse(beyond), _MOST_FREEDOM)
    return float(np.exp(e.mean() + digamma(d0 / 2) - math.log(d0 / 2))), d0


def _trigamma_inverse(value: float) -> float:
    """x with trigamma(x) = value > 0, by Newton's method as in Smyth's appendix."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-10:
            break
    return x
