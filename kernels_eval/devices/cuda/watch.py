"""Whether the device works for anybody but the judge, from one moment to another.

Processes take turns on a GPU: while one has it, nothing of another's runs. A kernel of the judge's
that looks at the clock over and over sees every turn of somebody else's as a gap between two looks,
in whatever way that work was started. Streams of a stopped process can wait without using anything,
for a word of memory to change for example, and go on when the judge writes inputs there.

Copies between host and device need no turn. But the kernel looks at a word on the host, too, 1.4 to
1.8 us each time on an H200, and 2.2 to 3.7 us while copies fill the way there.
"""

from __future__ import annotations

import functools
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
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
    unsigned long long first = now(), last = first, lost = 0, looks = 0;
    seen[0] = turn;
    while (asked[0] != turn && last - first < most_ns) {
        looks++;
        for (int time = 0; time < 16; time++) {
            unsigned long long next = now();
            if (next - last > least_ns) lost += next - last;
            last = next;
        }
    }
    seen[2] = lost;
    seen[3] = last - first;
    seen[4] = looks;
    __threadfence_system();
    seen[1] = turn;
}
"""
_GAP_NS = 50_000
"""Two readings lie 8 us apart at most when nobody else uses the device, 20 beside copies from and
to the host. A turn of somebody else's took 300 us and more (H200)."""
_TRAFFIC = 1.3
"""Times what a look at the host usually takes."""
_KNOWN, _EVERY, _QUIET_SHARE = 4096, 32, 0.1
"""Watches that are remembered, how often it is found out what is usual (a quantile of thousands
takes a tenth of a millisecond, inside a clock now and then), and which of them that is."""
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
        self._looks: deque[float] = deque(maxlen=_KNOWN)
        self._usual_ns = math.inf
        """Of a look at the host, when nobody copies."""
        self.on = False
        self.traffic = False
        """Whether copies between host and device were under way at the last one."""

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
        look_ns = watched / max(1, int(self._answer[4]))
        self.traffic = look_ns > _TRAFFIC * self._usual_ns
        self._looks.append(look_ns)
        if self._turn % _EVERY == 0:
            self._usual_ns = float(np.quantile(self._looks, _QUIET_SHARE))
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
