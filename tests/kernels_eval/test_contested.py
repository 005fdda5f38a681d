"""Overheads that seem to hide work: chance is found out, work is charged. On simulated batches."""

from __future__ import annotations

import contextlib
import itertools
from collections import deque
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kernels_eval.measure import _CONTESTED_PAIRS, Measurement, Progress
from kernels_eval.timing.batch import Batch
from kernels_eval.timing.gpu_clocks import GpuClocks
from kernels_eval.timing.speed import Speedometer
from kernels_eval.timing.statistics import FAST, LAUNCH_SPREAD, Speedup, Trials
from tests.kernels_eval.speeds import QUICK, SLOW, Told

CALLS, CALL_NS, NOISE_NS, LUCK_NS = 60, 50_000, 100_000, 300_000


class Simulated:
    """A worker whose batches take what they claim and an overhead that varies as on a virtual GPU.

    unlucky: so many batches, warm-ups among them, cost 0.3 ms more by chance.
    hidden_ns: what a batch really takes beyond its claim. launched: share of the claim until all is
        launched. waited_ns: for the core, a batch. slow_every: one batch of so many comes from a
        slow core. early_ns: how long before the end of its batches it says that they are done.
        longer: times as long as usual that a call takes. traffic: copies are under way beside it.
    """

    def __init__(
        self,
        seed: int,
        *,
        unlucky: int = 0,
        hidden_ns: int = 0,
        launched: float = 0.1,
        waited_ns: int = 0,
        late: bool = False,
        own_ns: int = 0,
        slow_every: int = 0,
        early_ns: int = 0,
        longer: float = 1.0,
        traffic: bool = False,
    ) -> None:
        self._waited_ns, self._late, self._own_ns = waited_ns, late, own_ns
        self._slow_every, self._early_ns = slow_every, early_ns
        self._rng = np.random.default_rng(seed)
        self._unlucky, self._hidden_ns, self._launched = unlucky, hidden_ns, launched
        self._call_ns, self._traffic = CALL_NS * longer, traffic
        self.runs = self.settled = 0
        self.worker = SimpleNamespace(children_ticks=lambda: 0, pin=lambda cores: None)  # noqa: ARG005

    def within_fixed(self, sets: list[Any]) -> bool:  # noqa: ARG002
        return True

    def run(self, sets: list[Any], timeout_s: float, *, steady_s: float = 0.0) -> Batch:  # noqa: ARG002
        self.runs += len(sets) >= CALLS  # what precedes a batch is none
        claimed = round(self._call_ns * len(sets) * self._rng.normal(1.0, 0.002))
        slow = self._slow_every > 0 and self.runs % self._slow_every == 0
        claimed = round(1.7 * claimed) if slow else claimed
        claimed -= self._early_ns
        luck = LUCK_NS if self.runs <= self._unlucky else 0
        over = round(2_000_000 + self._hidden_ns + luck + NOISE_NS * self._rng.normal())
        over += self._waited_ns if self._late else 0
        launched = round(claimed * self._launched)
        cpu = claimed + self._own_ns
        core_ns = SLOW if slow else QUICK
        wall = claimed + over
        return Batch(
            calls=len(sets),
            wall_ns=wall,
            claimed_ns=claimed,
            waited_ns=self._waited_ns,
            judge_waited_ns=0,
            cpu_ns=cpu,
            aside_ns=self._own_ns,
            launched_ns=launched,
            core_ns=core_ns,
            traffic=self._traffic,
        )

    def distance(self, sets: list[Any], settle: Any) -> float:  # noqa: ARG002
        return 0.0


def measured(
    candidate: Simulated,
    reference: Simulated,
    budget: Any,
    progress: Progress | None = None,
    speed: Speedometer | None = None,
    quiet_ms: Sequence[float] = (),
) -> Speedup:
    nothing = contextlib.nullcontext
    bench = SimpleNamespace(
        config=SimpleNamespace(timeout_s=1.0),
        device=SimpleNamespace(single_core=False, on_gpu=True),
        silent=nothing,
        speed=speed or Speedometer((0,), one_at_a_time=False),
        drawing=nothing,
    )
    clocks = GpuClocks(slack_ns=1_000_000)
    for _ in range(8):
        clocks.learn(reference.run([None] * CALLS, 1.0))
    theirs = SimpleNamespace(
        runner=reference,
        problem=SimpleNamespace(set_bytes=1024, settled=None),
        clocks=clocks,
        budget=budget,
        calls=lambda: CALLS,
        candidate_calls=lambda batch: CALLS,  # noqa: ARG005
        most_calls=lambda: 4 * CALLS,
        quiet_ms=deque(quiet_ms),
        alike=lambda speedup: True,  # noqa: ARG005
    )
    pending = SimpleNamespace(runner=candidate, first=None, again=False)
    subject = Measurement(bench, theirs, pending, progress or Progress())  # type: ignore[arg-type]
    return subject._compare(itertools.repeat(None), CALLS)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(5))
def test_chance_is_not_charged(seed: int) -> None:
    candidate = Simulated(seed, unlucky=10)
    speedup = measured(candidate, Simulated(seed + 100), FAST)
    assert candidate.runs >= _CONTESTED_PAIRS
    assert speedup.ratio == pytest.approx(1.0, abs=0.005)
    assert speedup.low <= 1.0 <= speedup.high


@pytest.mark.parametrize("seed", range(5))
def test_hidden_work_is_charged(seed: int) -> None:
    """0.6 ms of a batch that claims 3 ms."""
    speedup = measured(Simulated(seed, hidden_ns=600_000), Simulated(seed + 100), FAST)
    assert speedup.ratio == pytest.approx(1 / 1.2, abs=0.03)
    assert speedup.high < 1.0


@pytest.mark.parametrize("seed", range(5))
def test_hidden_work_is_charged_although_a_thread_of_its_own_has_the_core(seed: int) -> None:
    """0.6 ms of a batch in which the main thread waits for just as long, for one of its own."""
    candidate = Simulated(seed, hidden_ns=600_000, waited_ns=600_000, own_ns=600_000)
    speedup = measured(candidate, Simulated(seed + 100), FAST)
    assert speedup.ratio == pytest.approx(1 / 1.2, abs=0.03)
    assert speedup.high < 1.0


@pytest.mark.parametrize("seed", range(5))
def test_who_says_early_that_it_is_done_gains_little(seed: int) -> None:
    """0.25 ms of 3 ms would be 9 %; longer batches tell, and an honest 9 % is found to be that."""
    candidate = Simulated(seed, early_ns=250_000)
    speedup = measured(candidate, Simulated(seed + 100), FAST)
    assert 1.0 < speedup.ratio < 1.03
    assert speedup.low < 1.0
    honest = measured(Simulated(seed), Simulated(seed + 100, longer=1.09), FAST)
    assert honest.ratio == pytest.approx(1.09, abs=0.01)
    assert honest.low > 1.0


def test_copies_beside_the_reference_gain_nothing() -> None:
    """They slow it by 6 %; known is how quick it is without, and the interval is wider."""
    progress, known = Progress(), [CALL_NS / 1e6] * 8
    slowed = Simulated(2, longer=1.06, traffic=True)
    speedup = measured(Simulated(1), slowed, FAST, progress, quiet_ms=known)
    assert speedup.ratio == pytest.approx(1.0, abs=0.01)
    assert speedup.low < 0.95
    assert [finding.rule for finding in progress.findings] == ["busy-machine"]


def test_a_large_gain_is_not_doubted() -> None:
    candidate, progress = Simulated(1), Progress()
    measured(candidate, Simulated(2, longer=1.5), FAST, progress)
    assert candidate.runs < 20
    assert progress.findings == []


def test_agreeing_overheads_cost_no_more_pairs() -> None:
    candidate = Simulated(1)
    measured(candidate, Simulated(2), FAST)
    assert candidate.runs < 20


def test_a_launch_bound_kernel_is_not_known_to_the_percent() -> None:
    fast = measured(Simulated(1, launched=0.97), Simulated(2, launched=0.97), FAST)
    slow = measured(Simulated(1), Simulated(2), FAST)
    assert slow.width < 0.04
    assert fast.width > 2 * 1.96 * LAUNCH_SPREAD


def test_launches_from_a_slow_core_are_measured_again() -> None:
    """Every second batch of the candidate takes 1.7 times as long; the reference waits for none."""
    progress = Progress()
    candidate = Simulated(1, launched=0.97, slow_every=2)
    speedup = measured(candidate, Simulated(2), FAST, progress, Told({0: QUICK}))
    assert speedup.ratio == pytest.approx(1.0, abs=0.005)
    assert speedup.width < 0.17
    assert progress.findings == []
    assert len(progress.candidate_ms) < candidate.runs // 2 + 1


def test_a_quiet_machine_is_not_given_up_late() -> None:
    """One disturbed pair behind many good ones takes nothing back."""
    trials = Trials(FAST)
    for _ in range(3 * FAST.max_pairs):
        trials.add(1.0, 1.0, disturbed=False, wall_s=0.0)
    trials.add(9.0, 1.0, disturbed=True, wall_s=0.0)
    assert not trials.given_up
    assert 9.0 not in trials.kept()[0]


def test_a_busy_machine_is_said_to_be_one() -> None:
    quiet, busy = Progress(), Progress()
    measured(Simulated(1), Simulated(2), FAST, quiet)
    measured(Simulated(1, waited_ns=1_000_000), Simulated(2), FAST, busy)
    assert quiet.findings == []
    (finding,) = busy.findings
    assert finding.rule == "busy-machine"
    assert "every pair counts" in finding.message


def test_waiting_to_be_woken_disturbs_nothing() -> None:
    """3 ms a batch, as on a core that another process wants all the time. It is told."""
    progress = Progress()
    candidate = Simulated(1, waited_ns=3_000_000, late=True)
    speedup = measured(candidate, Simulated(2), FAST, progress)
    (finding,) = progress.findings
    assert finding.rule == "busy-machine"
    assert "left out" in finding.message
    assert candidate.runs < 20
    assert speedup.ratio == pytest.approx(1.0, abs=0.005)
    assert speedup.width < 0.04
