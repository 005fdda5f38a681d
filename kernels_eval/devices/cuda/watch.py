"""Whether the device works for anybody but the judge, from one moment to another.

Processes take turns on a GPU: while one has it, nothing of another's runs. A kernel of the judge's
that looks at the clock over and over sees every turn of somebody else's as a gap between two looks,
in whatever way that work was started. Streams of a stopped process can wait without using anything,
for a word of memory to change for example, and go on when the judge writes inputs there.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import torch

_SOURCE = """
__device__ unsigned long long now() {
    unsigned long long ns;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(ns));
    return ns;
}
extern "C" __global__ void watch(
    volatile long long* asked, volatile long long* seen, int turn, int least_ns, int most_ns
) {
    unsigned long long first = now(), last = first, lost = 0;
    seen[0] = turn;
    while (asked[0] != turn && last - first < most_ns) {
        for (int look = 0; look < 16; look++) {
            unsigned long long next = now();
            if (next - last > least_ns) lost += next - last;
            last = next;
        }
    }
    seen[2] = lost;
    seen[3] = last - first;
    __threadfence_system();
    seen[1] = turn;
}
"""
_GAP_NS = 50_000
"""Between two looks lies a microsecond, twenty while memory on the host is slow to answer."""
_MOST_NS = 1_000_000_000
"""Then the kernel ends by itself: something of the judge's may wait for it, as a kernel does that
the driver has yet to load. Inputs are written in a millisecond, and a core waited for in fifty."""
_ANSWERS_S = 0.5


@functools.cache
def _kernel() -> Callable[..., Any]:
    made: Callable[..., Any] = torch.cuda._compile_kernel(_SOURCE, "watch")
    return made


class Watch:
    """At most one at a time on a device. It does not end by `torch.cuda.synchronize`."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        # Side by side in memory of the host that the device reads and writes.
        self._asked = torch.zeros(8, dtype=torch.int64).pin_memory()
        self._seen = torch.zeros(8, dtype=torch.int64).pin_memory()
        self._ask, self._answer = self._asked.numpy(), self._seen.numpy()
        self._turn = 0
        self.on = False

    def begin(self) -> bool:
        """Whether it runs; if not, somebody else keeps the device."""
        if self.on:
            self.end()
        self._turn += 1
        arguments = (self._asked, self._seen, self._turn, _GAP_NS, _MOST_NS)
        _kernel()((1, 1, 1), (1, 1, 1), arguments, stream=self._stream)
        self.on = self._answered(0)
        if not self.on:
            self._ask[0] = self._turn  # once it does run
        return self.on

    def end(self) -> int | None:
        """Nanoseconds that others had the device since it began; None if it is not known."""
        self.on = False
        self._ask[0] = self._turn
        if not self._answered(1):
            return None
        lost, watched = int(self._answer[2]), int(self._answer[3])
        return lost if lost or watched < _MOST_NS else None

    def _answered(self, word: int) -> bool:
        deadline = time.monotonic() + _ANSWERS_S
        while self._answer[word] != self._turn:
            if time.monotonic() > deadline:
                return False
        return True


@functools.cache
def watch_on(device: torch.device) -> Watch:
    """The one of this device."""
    return Watch(device)
