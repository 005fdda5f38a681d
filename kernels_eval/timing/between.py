"""What a candidate does between batches, when no clock runs.

To lay out arguments and drop its outputs a worker must run, and with it what the candidate left
there to be run: callbacks of the garbage collector, destructors, threads. It has not seen the next
inputs then, but it can fill outputs with zeros, for one. The reference does the same laying out
and dropping; what a candidate takes longer over it is added to its time.
"""

from __future__ import annotations

from statistics import median

from kernels_eval.timing.batch import Batch

SHARE, LEAST_NS = 0.05, 150_000
"""Of a batch, and CPU time: honest workers differ by some 50 µs, under load as well."""


class Between:
    """Over pairs of batches."""

    def __init__(self) -> None:
        self._theirs: list[Batch] = []
        self._ours: list[Batch] = []

    def add(self, theirs: Batch, ours: Batch) -> None:
        """One pair that nobody disturbed."""
        self._theirs.append(theirs)
        self._ours.append(ours)

    def milliseconds(self) -> float:
        """Per call, what the candidate takes longer; 0 if it is not much."""
        if not self._theirs:
            return 0.0
        calls, usual = self._theirs[-1].calls, self._ours[-1].calls
        mine = median(batch.prepared_ns for batch in self._theirs)
        # More calls have more to lay out; fewer have hardly less, since most of it is fixed.
        theirs = median(batch.prepared_ns for batch in self._ours) * max(1.0, calls / usual)
        allowed = max(LEAST_NS, SHARE * median(batch.wall_ns for batch in self._theirs))
        return (mine - theirs) / calls / 1e6 if mine - theirs > allowed else 0.0
