"""Estimates with intervals, along the number of samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the ends of its 95 % interval; the ends may be unknown."""

    mean: float
    low: float | None
    high: float | None


Curve = Mapping[int, Interval]
"""An estimate by number of samples k; k without one (k > n, nothing correct) is absent."""
