"""What a comparison settles. Every sentence on a comparison words one of these, no more."""

from __future__ import annotations

import math
from enum import StrEnum

from tasks.statistics import PairedDifference

SURE = 0.05

FEWEST_PROBLEMS = 6
"""With fewer, two arms that change places by the toss of a coin are all on one side in 6 %
(2 · ½⁵), and what holds of so few says little about others: nothing is tested."""


class Verdict(StrEnum):
    """Of strategy a against strategy b, in the share of problems with a fast pick."""

    BETTER = "better"
    WORSE = "worse"
    NOISE = "noise"
    """Settled as measured, but unsettled kernels could undo it, were they faster."""
    OPEN = "open"
    """These data cannot tell the two apart."""
    ALIKE = "alike"
    """The two come out the same on every problem, whatever the unsettled kernels are."""
    UNDEFINED = "undefined"
    """No problem defines both."""


def verdict(
    seen: PairedDifference, p: float, at_most: PairedDifference, p_at_most: float
) -> Verdict:
    """From the difference as measured and were every unsettled kernel faster, each with its
    adjusted p.

    An adjusted p is never below the pair's own, and the interval leaves out 0 exactly where the
    adjusted one is below 5 % (`compare`); so a difference is settled by an interval on one side
    of 0, and open by one that holds it.
    """
    if not seen.problems:
        return Verdict.UNDEFINED
    if not seen.informative:
        return Verdict.OPEN if at_most.informative else Verdict.ALIKE
    if seen.problems < FEWEST_PROBLEMS or math.isnan(p) or p >= SURE:
        return Verdict.OPEN
    if not p_at_most < SURE or (seen.mean > 0) != (at_most.mean > 0):
        return Verdict.NOISE
    return Verdict.BETTER if seen.mean > 0 else Verdict.WORSE
