"""KernelBench's own procedure, for comparison with published numbers.

Seed 42 for weights and inputs; 5 correctness trials, whose seeds are drawn after seeding with 42;
100 timing trials of single calls on one set of inputs; means; the eager reference. `fast` takes 1
and 5, as the paper's fast mode does. The two processes, the clocks and the sandbox stay: it is the
statistics, tolerances and inputs that are KernelBench's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from kernels_eval.timing.statistics import Speedup, Times

SEED = 42


@dataclass(frozen=True)
class Trials:
    """How many trials of each kind."""

    correctness: int
    timing: int


FAST = Trials(correctness=1, timing=5)
FULL = Trials(correctness=5, timing=100)


def correctness_seeds(count: int) -> list[int]:
    """The seeds KernelBench draws for its correctness trials."""
    generator = torch.Generator().manual_seed(SEED)
    return [
        int(torch.randint(0, 2**32 - 1, (1,), generator=generator).item()) for _ in range(count)
    ]


def estimate(candidate: Times, reference: Times) -> Speedup:
    """Ratio of means; 95 % percentile interval of 1000 bootstrap resamples of each side."""
    generator = np.random.default_rng(SEED)
    shape = (1000, len(candidate))
    mine = candidate[generator.integers(0, len(candidate), size=shape)].mean(axis=1)
    other = reference[generator.integers(0, len(reference), size=shape)].mean(axis=1)
    low, high = np.quantile(other / mine, (0.025, 0.975))
    return Speedup(float(reference.mean() / candidate.mean()), float(low), float(high))
