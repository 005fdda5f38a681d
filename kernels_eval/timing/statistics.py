"""From pairs of trials to a speedup with an interval, and when to stop measuring.

The point is the ratio of medians. The interval must hold on machines whose noise is anything but
normal, and although measuring stops early. It is the hull of two:

- the 95 % percentile interval of the ratio of medians over 1000 bootstrap resamples of pairs;
- the distribution-free interval for the centre of the paired log ratios that inverts Wilcoxon's
  signed-rank test: order statistics of the Walsh averages (M. Hollander, D. Wolfe, "Nonparametric
  Statistical Methods", section 3.3), at 0.3 % per side.

The second one is exact for a candidate equal to the reference whatever the noise, because the order
within each pair is tossed with a coin: the sign of every log ratio is then a fair coin too. With at
most three looks (0.39 % at 8 pairs, 0.3 % at the others) the chance of a false `fast_1` stays below
1 %; stopping because the interval is narrow does not depend on the signs.
Last, both ends move out by exp(1.96·spread): two processes running the same code differ by about
half a percent on a GPU and by more than one on a CPU (placement of pages), which no number of
trials averages out. Small kernels on a GPU differ by more (`between_processes`).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]

PROCESS_SPREAD = 0.005
"""Standard deviation of the log time between processes that run the same code."""
CPU_SPREAD = 0.012
"""The same on a CPU. Where inputs and outputs fill the second-level cache, medians of 48 pairs of
equal candidates scatter by 0.012 within one judge, of which some 0.007 are the trials' own, and the
medians of six judges, of one reference each, by 0.006."""
KINDS_SPREAD, _KINDS_AT_MOST = 0.05, 0.06
"""The same on a CPU for kernels that are not alike, per unit of the logarithm of their speedup, and
at most. What runs on a core's other thread slows a plain loop and a library's by different shares,
and does so for seconds: judges of their own, on a virtual machine whose cores were slow most of the
time, called a plain matrix product 0.0135 to 0.024 times as fast as torch's. Of any two intervals
of 35 judges 10 % had nothing in common, 1.7 % of a loss's (0.3 times as fast), 0.5 % of a softmax's
(0.08); with it, of 28 judges', 0, 0.5 and 0 %."""
PLACEMENT_MS = 0.00013
"""The same of a call on a GPU, besides: where a process's memory lies. On an H100 a reference took
11.22 µs a call and 16 candidates equal to it 11.08, or 30.31 and 30.19."""
LAUNCH_SPREAD = 0.035
"""The same where launching decides. Eight kernels of 17 to 60 µs on an H100, each measured by two
judges on a quiet machine: the logarithms of their speedups vary by 0.038 (root mean square), of
which a part is the trials' own scatter. Within one judge equal kernels vary by 0.007."""
LUCK = 1.25
"""On a CPU 2 of 327 processes of a reference (torch.relu on 1 MB, a virtual machine of two cores)
were 15 % slower than their equals all their life, with other inputs in other places again and
again; why is not known. All 50 candidates beside one of them were `fast_1`, with intervals from up
to 1.13. Of 943 others, equal to their reference too, 21 were, from up to 1.05."""
_SIDE = 0.003
_RESAMPLES = 1000
_PAIRS_AGAIN, _SECONDS_AGAIN, _ROUGH_AGAIN = 48, 0.6, 0.25
_ROUGH = 0.1
_QUIET_SHARE = 0.5
"""Of the pairs tried, in the end."""


@dataclass(frozen=True)
class Speedup:
    """Reference time over candidate time: ratio of medians, with an interval of at least 95 %."""

    ratio: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """Relative width of the interval."""
        return self.high / self.low - 1.0


@dataclass(frozen=True)
class Budget:
    """When to stop: a narrow interval, one clearly beside 1, or out of pairs or time."""

    min_pairs: int
    max_pairs: int
    seconds: float
    """Of both sides' undisturbed calls together, beyond the smallest number of pairs."""
    width: float
    clear: float
    """An interval that ends this far (relative) from 1 is clear."""
    batch_ms: float
    """What one batch of the reference should last at least."""
    draw_seconds: float
    """For inputs and their answers, beyond the smallest number of pairs: a call of 20 µs on 16 MB
    takes milliseconds to draw and answer, and a batch has a hundred of them."""
    wait_seconds: float
    """For the timing core to be at full speed, where launching decides."""
    patience: int = 2
    """Pairs are measured again until this many times `max_pairs` were tried."""
    again_seconds: float = math.inf
    """For pairs that have to be measured again, their inputs and answers among it."""
    loosens: bool = False
    """`width` grows with the number of pairs: many are for noise that fewer cannot settle."""
    rough: float = math.inf
    """An interval wider than this share of its distance from 1 (in logarithms), and wider than
    `_ROUGH`, does not end the measurement although it is clear: twice as fast may mean four times.
    """

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of pairs at which a clear interval ends the measurement."""
        return (self.min_pairs, (self.min_pairs + self.max_pairs) // 2)

    def again(self) -> Budget:
        """For a candidate that is measured again: enough to tell small gains from noise.

        Large inputs are drawn for a shorter time than at first: they are what takes long.
        """
        return replace(
            self,
            max_pairs=max(self.max_pairs, _PAIRS_AGAIN),
            seconds=max(self.seconds, _SECONDS_AGAIN),
            draw_seconds=self.draw_seconds / 4,
            loosens=True,
            rough=_ROUGH_AGAIN,
        )


FAST = Budget(
    min_pairs=8,
    max_pairs=16,
    seconds=0.2,
    width=0.03,
    clear=0.05,
    batch_ms=3.0,
    draw_seconds=2.0,
    wait_seconds=2.0,
)
FULL = Budget(
    min_pairs=20,
    max_pairs=60,
    seconds=6.0,
    width=0.006,
    clear=math.inf,
    batch_ms=10.0,
    draw_seconds=60.0,
    wait_seconds=20.0,
)


def may_be_luck(low: float) -> bool:
    """Whether an interval from `low` on may be one process's luck: see LUCK."""
    return 1.0 < low < LUCK


def between_moments(ratio: float) -> float:
    """Standard deviation of the log speedup on a CPU between processes and times of measuring."""
    return math.hypot(CPU_SPREAD, min(_KINDS_AT_MOST, KINDS_SPREAD * abs(math.log(ratio))))


def between_processes(call_ms: float, *, launch_bound: bool) -> float:
    """Standard deviation of the log time of a GPU's call of `call_ms` between processes."""
    if launch_bound:
        return LAUNCH_SPREAD
    return math.hypot(PROCESS_SPREAD, PLACEMENT_MS / call_ms)


def estimate(candidate: Times, reference: Times, spread: float = PROCESS_SPREAD) -> Speedup:
    """The ratio of medians and its interval, from paired trials (milliseconds).

    spread: between processes, see PROCESS_SPREAD.
    """
    ratio = float(np.median(reference) / np.median(candidate))
    boot_low, boot_high = _bootstrap(candidate, reference)
    rank_low, rank_high = _signed_rank(np.log(reference / candidate))
    factor = math.exp(1.96 * spread)
    return Speedup(
        ratio=ratio,
        low=min(ratio, boot_low, math.exp(rank_low)) / factor,
        high=max(ratio, boot_high, math.exp(rank_high)) * factor,
    )


def _bootstrap(candidate: Times, reference: Times) -> tuple[float, float]:
    """95 % percentile interval of the ratio of medians; resampling is seeded, so repeatable."""
    pairs = len(candidate)
    picks = np.random.default_rng(pairs).integers(0, pairs, size=(_RESAMPLES, pairs))
    resampled = np.median(reference[picks], axis=1) / np.median(candidate[picks], axis=1)
    low, high = np.quantile(resampled, (0.025, 0.975))
    return float(low), float(high)


def _signed_rank(differences: Times) -> tuple[float, float]:
    """Interval for the centre of symmetry of `differences`, from their Walsh averages."""
    count = len(differences)
    rows, columns = np.triu_indices(count)
    walsh = np.sort((differences[rows] + differences[columns]) / 2)
    rank = _critical(count)
    return float(walsh[rank]), float(walsh[len(walsh) - 1 - rank])


@functools.cache
def _critical(count: int) -> int:
    """Largest T with P(W ≤ T) ≤ 0.3 % for the signed-rank statistic W of `count` pairs; at least 0.

    Each rank 1…n belongs to W with probability one half: the distribution by convolution.
    """
    ways = np.zeros(count * (count + 1) // 2 + 1)
    ways[0] = 1.0
    for rank in range(1, count + 1):
        ways[rank:] += ways[:-rank].copy()
        ways /= 2.0
    cumulative = np.cumsum(ways)
    return max(0, int(np.searchsorted(cumulative, _SIDE, side="right")) - 1)


class Trials:
    """The pairs so far, and whether they suffice.

    Measured again are pairs that are disturbed (another process held the core, or the clocks
    disagree) and pairs during which the core was slower than it can be. If too few others can be
    had, all pairs count: the interval is then wide, and says so. Too few is less than
    `_QUIET_SHARE` of those not slowed, whoever it is that disturbs: a candidate that makes its slow
    batches look disturbed cannot have its best ones chosen. The core's speed it cannot feign.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._pairs: list[tuple[float, float, bool]] = []
        self._spent_s = self._again_s = self._drawn_s = 0.0
        self._slowed = 0
        self.given_up = False

    def add(
        self,
        candidate_ms: float,
        reference_ms: float,
        disturbed: bool,
        wall_s: float,
        drawn_s: float = 0.0,
        *,
        slowed: bool = False,
    ) -> Speedup | None:
        """Take one pair; the speedup if this was the last one needed, else None.

        `drawn_s`: seconds that drawing has taken for this candidate so far.
        """
        again = disturbed or slowed
        self._pairs.append((candidate_ms, reference_ms, again))
        self._slowed += slowed
        if again:
            self._again_s += wall_s + drawn_s - self._drawn_s
        else:
            self._spent_s += wall_s
        self._drawn_s = drawn_s
        quiet, tried = sum(not pair[2] for pair in self._pairs), len(self._pairs)
        patient = (
            tried < self._budget.patience * self._budget.max_pairs
            and self._again_s < self._budget.again_seconds
        )
        if again and patient:
            return None
        least = max(self._budget.min_pairs, _QUIET_SHARE * (tried - self._slowed))
        self.given_up = not patient and quiet < least
        candidate, reference = self.kept()
        pairs = len(candidate)
        if pairs < self._budget.min_pairs:
            return None
        speedup = estimate(np.array(candidate), np.array(reference))
        return speedup if not patient or self._enough(speedup, pairs, drawn_s) else None

    def kept(self) -> tuple[list[float], list[float]]:
        """Candidate and reference times of the pairs that count, in order."""
        pairs = [pair for pair in self._pairs if self.given_up or not pair[2]]
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]

    def _informs(self, speedup: Speedup) -> bool:
        width = math.log1p(speedup.width)
        return width <= max(_ROUGH, self._budget.rough * abs(math.log(speedup.ratio)))

    def _enough(self, speedup: Speedup, pairs: int, drawn_s: float) -> bool:
        budget = self._budget
        spent = self._spent_s >= budget.seconds or drawn_s >= budget.draw_seconds
        if pairs >= budget.max_pairs or spent:
            return True
        clear = speedup.low > 1 + budget.clear or speedup.high < 1 - budget.clear
        if clear and pairs in budget.looks and self._informs(speedup):
            return True
        wanted = budget.width * (pairs / budget.min_pairs if budget.loosens else 1.0)
        return speedup.width <= wanted
