"""The two clocks on a GPU: the worker's claim is the time between two events on the device.

A wait for the core before the first event or after the last one does not touch the claim. Measured
on an H100 with a busy process on every core: of 588 batches of 3.68 ms half waited more than 2.4 ms
for the core, mostly to be woken, and nine claims in ten lay within 0.2 % of each other.
"""

from __future__ import annotations

from kernels_eval.timing.batch import Batch
from kernels_eval.timing.clocks import EXCESS_NS, RELATIVE_SLACK, STRICT_NS, Clocks

_EARLY, _DOUBT = 0.25, 0.35
"""Of what a batch usually costs on top: from the device's last work to the judge's first own work
there. Who says too early that it is done overlaps that with work: 160 to 175 of 700 to 790 us were
gained on an H200, whether the process or the device said so. And what is doubted, with a margin."""


class GpuClocks(Clocks):
    """Believes a claim that the judge's clock bears out, less what others took of the cores.

    - Others can only have taken what the scheduler says the worker waited, and not what the
      worker's other threads used meanwhile: that stands in the CPU clocks of process and thread.
    - A wait outside the claim adds to what the batch cost on top of it, one inside does not: so it
      is seen which it was, and only the latter makes the pair be measured again.
    """

    def __init__(self, slack_ns: int) -> None:
        """`slack_ns`: beyond the usual overhead and 1 %, before a batch counts as disturbed."""
        super().__init__(single_core=False, slack_ns=slack_ns)

    def learn(self, batch: Batch) -> None:
        """From a quiet batch of the reference; from others, too, as long as there was none."""
        if self._walls:
            super().learn(batch)
        else:
            self._remember(batch)

    def on_top_ns(self, batch: Batch) -> float:
        return batch.overhead_ns - self._others_ns(batch)

    def _others_ns(self, batch: Batch) -> float:
        return max(0.0, batch.waited_ns + batch.judge_waited_ns - batch.aside_ns)

    def agrees(self, batch: Batch) -> bool:
        slack = self._slack_ns + RELATIVE_SLACK * batch.wall_ns
        return batch.overhead_ns >= 0 and self.on_top_ns(batch) <= self.usual(batch.calls) + slack

    def milliseconds(self, batch: Batch) -> float:
        total = float(batch.claimed_ns)
        if not self.agrees(batch):
            total += max(0.0, self.on_top_ns(batch) - self.usual(batch.calls))
        return max(total, 1.0) / batch.calls / 1e6

    def hideable_ns(self, batch: Batch) -> float:
        return _DOUBT * self.usual(batch.calls) + EXCESS_NS + RELATIVE_SLACK * batch.wall_ns

    def unseen_ns(self, batch: Batch) -> float:
        return _EARLY * self.usual(batch.calls) + STRICT_NS

    def disturbed(self, batch: Batch) -> bool:
        inside = self.usual(batch.calls) - self.on_top_ns(batch)
        return not self.agrees(batch) or (batch.disturbed and inside > self._others_ns(batch) / 2)
