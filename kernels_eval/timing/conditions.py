"""Under what the pairs were measured, and what that means for the interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from kernels_eval.timing.batch import Batch
from kernels_eval.timing.speed import SLOW, Speedometer
from kernels_eval.timing.statistics import (
    Speedup,
    between_moments,
    between_processes,
    estimate,
)
from kernels_eval.types import Finding, Severity

_GIVEN_UP = "the machine was hardly ever undisturbed and at full speed: every pair counts"
_TAKEN = "others kept taking the timing cores: what they took is left out by the system's account"
_TRAFFIC_SLOWS = 1.1
"""Kernels by copies between host and device: a ReLU of 64 MB by 4 to 6 % (H200)."""


class Conditions:
    """Who waits for launches, how fast the core was, and whether others took it.

    Sides: True is the candidate's, False the reference's.
    """

    def __init__(self, speed: Speedometer, *, gpu: bool) -> None:
        self._speed = speed
        self._gpu = gpu
        self._launch_bound: dict[bool, list[bool]] = {True: [], False: []}
        self._slowness: list[float] = []
        self._taken: list[bool] = []
        self._traffic: list[bool] = []
        self.waits = False
        """Whether a side of the last pair waited for launches."""

    def add(self, batches: Mapping[bool, Batch]) -> bool:
        """Take one pair; whether something was slower than it can be, and that matters.

        The core, to who waits for launches; the way between host and device to everybody.
        """
        for side, batch in batches.items():
            self._launch_bound[side].append(batch.launch_bound)
        self.waits = any(batch.launch_bound for batch in batches.values())
        slowness = self._speed.slowness(max(batch.core_ns for batch in batches.values()))
        self._slowness.append(slowness)
        self._taken.append(any(batch.disturbed for batch in batches.values()))
        self._traffic.append(any(batch.traffic for batch in batches.values()))
        return self._traffic[-1] or (self.waits and slowness > SLOW)

    @property
    def beside_copies(self) -> bool:
        """Whether most pairs were measured beside copies between host and device."""
        return bool(self._traffic) and bool(median(self._traffic))

    def speedup(
        self, candidate_ms: Sequence[float], reference_ms: Sequence[float], *, given_up: bool
    ) -> Speedup:
        """From the times of the pairs that count.

        given_up: all do, although the core was slow or disturbed. Who waits for launches may then
        take as much less time as the core was slower than it can be, and everybody who was timed
        beside copies between host and device.
        """
        candidate, reference = np.array(candidate_ms), np.array(reference_ms)
        bound = {side: bool(median(each)) for side, each in self._launch_bound.items()}
        medians = float(np.median(candidate)), float(np.median(reference))
        spread = between_moments(medians[1] / medians[0])
        if self._gpu:
            quicker_ms = min(medians)
            spread = between_processes(quicker_ms, launch_bound=any(bound.values()))
        result = estimate(candidate, reference, spread)
        slower = median(self._slowness) if given_up else 1.0
        slowed = _TRAFFIC_SLOWS if given_up and self.beside_copies else 1.0
        return Speedup(
            ratio=result.ratio,
            low=result.low / slowed / (slower if bound[False] else 1.0),
            high=result.high * slowed * (slower if bound[True] else 1.0),
        )

    def finding(self, *, given_up: bool) -> Finding | None:
        """What is to be told of the machine, if anything."""
        if not given_up and not median(self._taken):
            return None
        return Finding("busy-machine", Severity.INFO, _GIVEN_UP if given_up else _TAKEN)
