"""Two clocks, and the kernel's accounts as witness.

Quiet machine: the worker's clock is taken where the judge's agrees, else the judge's counts.
On one timing core the scheduler's accounts allow more: what other processes took is known exactly
(run-queue wait of /proc/PID/schedstat) and can be left out, since whatever a thread of the
candidate's own did meanwhile stands in the process's CPU clock, which is a lower bound.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median

from kernels_eval.timing.batch import Batch

RELATIVE_SLACK = 0.01
"""Of a batch's time by the judge's clock."""
_SLACK_NS = 50_000
EXCESS_NS = 100_000
STRICT_NS = 50_000
_TYPICAL_OVERHEAD_NS = 300_000.0


class Clocks:
    """Knows what waking and stopping a worker costs, from the trusted reference's quiet batches.

    - A worker's claim is believed if nobody else had its core and the judge's wall time exceeds the
      claim by no more than the usual overhead plus 1 % and 50 µs. A forged clock gains no more
      than that per batch.
    - Otherwise, on one core: wall time less both waits and the usual overhead, but no less than the
      CPU time all its threads took. On several cores: wall time less the usual overhead.
    - Of the worker's wait no more is left out than the CPU time that it took itself. Whoever waits
      while a process of its own works, one that ends unseen, pays for that work either way: with
      b for its own time and w for the other's, max(b, b + w - min(w, b)) is never less than w.

    So a late thread or an output computed when looked at costs what it took.
    """

    def __init__(self, single_core: bool, slack_ns: int = _SLACK_NS) -> None:
        """`slack_ns`: beyond the usual overhead and 1 %, before a batch counts as disturbed."""
        self._single_core = single_core
        self._slack_ns = slack_ns
        self._walls: dict[int, deque[int]] = {}
        self._cpus: deque[int] = deque(maxlen=64)

    def learn(self, batch: Batch) -> None:
        """From a batch of the reference."""
        if batch.waited_ns + batch.judge_waited_ns < _SLACK_NS:
            self._remember(batch)

    def _remember(self, batch: Batch) -> None:
        known = self._walls.setdefault(batch.calls, deque(maxlen=64))
        known.append(batch.overhead_ns - batch.waited_ns - batch.judge_waited_ns)
        self._cpus.append(batch.cpu_ns - batch.claimed_ns)

    def usual(self, calls: int) -> float:
        """Nanoseconds that a batch of so many calls costs on top; of the next known number."""
        if not self._walls:
            return _TYPICAL_OVERHEAD_NS
        nearest = min(self._walls, key=lambda known: abs(known - calls))
        return median(self._walls[nearest])

    def on_top_ns(self, batch: Batch) -> float:
        """What a batch cost beyond its claim, without what others are known to have taken."""
        return float(batch.overhead_ns)

    def agrees(self, batch: Batch) -> bool:
        """Whether the judge's clock bears the worker's claim out."""
        slack = self._slack_ns + RELATIVE_SLACK * batch.wall_ns
        late = batch.judge_waited_ns if self._single_core else 0
        near = 0 <= batch.overhead_ns - late <= self.usual(batch.calls) + slack
        return near and (not self._single_core or self._busy(batch) <= batch.claimed_ns + slack)

    def hideable_ns(self, batch: Batch) -> float:
        """How much of a batch's time a forged claim can leave out."""
        return self._slack_ns + RELATIVE_SLACK * batch.wall_ns

    def unseen_ns(self, batch: Batch) -> float:
        """The same once it was measured strictly (see `Excess`)."""
        return self.hideable_ns(batch)

    def _busy(self, batch: Batch) -> float:
        return batch.cpu_ns - (median(self._cpus) if self._cpus else 0.0)

    def milliseconds(self, batch: Batch) -> float:
        """Time per call."""
        if self.agrees(batch) and not batch.disturbed:
            total = float(batch.claimed_ns)
        elif self._single_core:
            busy = self._busy(batch)
            waited = min(batch.waited_ns, max(0.0, busy)) + batch.judge_waited_ns
            total = max(busy, batch.wall_ns - waited - self.usual(batch.calls))
        else:
            total = batch.wall_ns - self.usual(batch.calls)
        return max(total, 1.0) / batch.calls / 1e6

    def disturbed(self, batch: Batch) -> bool:
        """Whether the pair should be measured again: others interfered and cannot be left out.

        One who always contradicts the clock gains nothing: in the end every pair counts, by it.
        """
        return not self._single_core and (batch.disturbed or not self.agrees(batch))


class Excess:
    """What a candidate's batches cost on top of their claims, beyond what the reference's cost.

    One batch's overhead varies by some hundred microseconds on a GPU (the device goes from one
    process to the other in time slices); the median over the pairs says whether work is hidden
    behind the claims. It is charged to the candidate if it is more than 100 µs and 1 % of a batch;
    or strictly, if it is more than 50 µs and three standard errors. By some tens of microseconds
    honest kernels differ, so that is for those who would otherwise be called faster by as little.
    """

    def __init__(self, clocks: Clocks, *, strict: bool = False) -> None:
        self._clocks = clocks
        self._strict = strict
        self._theirs: list[Batch] = []
        self._ours: list[Batch] = []

    def add(self, theirs: Batch, ours: Batch) -> None:
        """One pair that nobody disturbed."""
        self._theirs.append(theirs)
        self._ours.append(ours)

    @property
    def pairs(self) -> int:
        return len(self._ours)

    def milliseconds(self) -> float:
        """Per call; 0 if there is none."""
        if not self._theirs:
            return 0.0
        theirs, ours = (
            list(map(self._clocks.on_top_ns, side)) for side in (self._theirs, self._ours)
        )
        more = median(theirs) - median(ours)
        allowed = EXCESS_NS + RELATIVE_SLACK * median(batch.wall_ns for batch in self._theirs)
        if self._strict:
            allowed = min(allowed, max(STRICT_NS, 3 * _error_of_difference(ours)))
        return more / self._theirs[-1].calls / 1e6 if more > allowed else 0.0


def _error_of_difference(values: list[float]) -> float:
    """Of two medians of as many such values each; by their median absolute deviation, which for a
    normal distribution is the standard deviation over 1.4826, and a median's error 1.2533 times a
    mean's. The reference's are taken: the candidate decides how much its own vary."""
    middle = median(values)
    deviation = 1.4826 * median(abs(value - middle) for value in values)
    return float(1.2533 * deviation * math.sqrt(2 / len(values)))
