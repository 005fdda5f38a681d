"""Two clocks, and the kernel's accounts as witness.

Quiet machine: the worker's clock is taken where the judge's agrees, else the judge's counts.
On one timing core the scheduler's accounts allow more: what other processes took is known exactly
(run-queue wait of /proc/PID/schedstat) and can be left out, since whatever a thread of the
candidate's own did meanwhile stands in the process's CPU clock, which is a lower bound.
"""

from __future__ import annotations

from collections import deque
from statistics import median

from kernels_eval.timing.runner import Batch

_RELATIVE_SLACK = 0.01
_SLACK_NS = 50_000
_TYPICAL_OVERHEAD_NS = 300_000.0


class Clocks:
    """Knows what waking and stopping a worker costs, from the trusted reference's quiet batches.

    - A worker's claim is believed if nobody else had its core and the judge's wall time exceeds the
      claim by no more than the usual overhead plus 1 % and 50 µs. A forged clock gains no more
      than that per batch.
    - Otherwise, on one core: wall time less both waits and the usual overhead, but no less than the
      CPU time all its threads took. On several cores: wall time less the usual overhead.

    So a late thread or an output computed when looked at costs what it took.
    """

    def __init__(self, single_core: bool) -> None:
        self._single_core = single_core
        self._walls: deque[int] = deque(maxlen=64)
        self._cpus: deque[int] = deque(maxlen=64)

    def learn(self, batch: Batch) -> None:
        """From a batch of the reference."""
        if batch.waited_ns + batch.judge_waited_ns < _SLACK_NS:
            self._walls.append(batch.overhead_ns)
            self._cpus.append(batch.cpu_ns - batch.claimed_ns)

    def milliseconds(self, batch: Batch) -> float:
        """Time per call."""
        usual = median(self._walls) if self._walls else _TYPICAL_OVERHEAD_NS
        slack = _SLACK_NS + _RELATIVE_SLACK * batch.wall_ns
        late = batch.judge_waited_ns if self._single_core else 0
        agrees = 0 <= batch.overhead_ns - late <= usual + slack
        busy = batch.cpu_ns - (median(self._cpus) if self._cpus else 0.0)
        if self._single_core:
            agrees = agrees and busy <= batch.claimed_ns + slack
        if agrees and not batch.disturbed:
            total = float(batch.claimed_ns)
        elif self._single_core:
            total = max(busy, batch.wall_ns - batch.waited_ns - late - usual)
        else:
            total = batch.wall_ns - usual
        return max(total, 1.0) / batch.calls / 1e6

    def disturbed(self, batch: Batch) -> bool:
        """Whether the pair should be measured again: others interfered and cannot be left out."""
        return batch.disturbed and not self._single_core
