"""How fast the timing core is, which core to take, and what a slow one means for an interval."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from kernels_eval.timing.batch import Batch
from kernels_eval.timing.conditions import Conditions
from kernels_eval.timing.speed import Speedometer
from kernels_eval.timing.statistics import FAST, LAUNCH_SPREAD, Trials
from tests.kernels_eval.speeds import QUICK, SLOW, Told


def seconds(wait: Callable[[], object]) -> float:
    started = time.monotonic()
    wait()
    return time.monotonic() - started


def test_another_core_is_taken_while_one_is_slow() -> None:
    speed = Told({4: QUICK, 5: QUICK, 6: SLOW})
    assert speed.cores == (6,)
    speed.settle(1.0)
    assert speed.cores == (4,)
    speed.of[5] -= 500
    speed.settle(1.0)
    assert speed.cores == (4,), "moving costs warm caches; a little faster is no reason"


def test_where_all_are_slow_the_fastest_is_taken_in_the_end() -> None:
    speed = Told({4: SLOW, 5: SLOW - 1000, 6: SLOW})
    assert 0.01 < seconds(lambda: speed.settle(0.01)) < 1.0
    assert speed.cores == (5,)
    assert speed.slowed(speed.read())


def test_a_batch_starts_when_its_core_is_at_full_speed_again() -> None:
    speed = Told({4: QUICK, 5: SLOW}, first={5: [SLOW, SLOW, QUICK, SLOW]})
    assert speed.steady(1.0) == QUICK
    assert speed.cores == (5,), "a worker's caches are warm there"
    assert speed.steady(0.0) == SLOW


def test_what_may_be_waited_is_for_all_waits_together() -> None:
    speed = Told({5: SLOW})
    speed.allow(0.03)
    assert 0.03 < seconds(lambda: [speed.steady(0.02), speed.settle(1.0)]) < 0.5
    assert seconds(lambda: [speed.steady(1.0), speed.settle(1.0)]) < 0.02
    speed.allow(0.03)
    assert 0.03 < seconds(lambda: speed.settle(1.0)) < 0.5


def test_a_real_core_is_read_by_a_thread_that_ends() -> None:
    before, threads = os.sched_getaffinity(0), threading.active_count()
    speed = Speedometer(tuple(sorted(before)), one_at_a_time=True)
    readings = [speed.read() for _ in range(50)]
    assert all(reading > 0 for reading in readings)
    assert 1.0 <= speed.slowness(min(readings)) <= speed.slowness(max(readings))
    speed.settle(0.05)
    assert set(speed.cores) < before or len(before) == 1
    assert os.sched_getaffinity(0) == before
    speed.close()
    speed.close()
    assert threading.active_count() == threads


def test_several_that_time_at_once_are_not_read() -> None:
    speed = Speedometer((0, 1), one_at_a_time=False)
    assert speed.cores == (0, 1)
    assert speed.read() == 0
    assert seconds(lambda: [speed.settle(1.0), speed.steady(1.0)]) < 0.1
    assert not speed.slowed(0)


def pair(*, candidate: float, reference: float, core_ns: int) -> dict[bool, Batch]:
    """Shares of the claim until all is launched, by side."""
    return {
        side: Batch(10, 2_000_000, 1_000_000, 0, 0, 1_000_000, 0, round(share * 1e6), core_ns)
        for side, share in ((True, candidate), (False, reference))
    }


@pytest.mark.parametrize(
    ("candidate", "reference", "matters"), [(0.95, 0.2, True), (0.2, 0.95, True), (0.2, 0.3, False)]
)
def test_a_slow_core_matters_to_who_waits_for_it(
    candidate: float, reference: float, matters: bool
) -> None:
    conditions = Conditions(Told({1: QUICK}), gpu=True)
    assert not conditions.add(pair(candidate=candidate, reference=reference, core_ns=QUICK))
    slowed = conditions.add(pair(candidate=candidate, reference=reference, core_ns=SLOW))
    assert slowed is matters
    assert conditions.waits is matters


@pytest.mark.parametrize("waits", [True, False], ids=["candidate", "reference"])
def test_who_waited_for_a_slow_core_may_be_that_much_faster(waits: bool) -> None:
    """1.75 times as fast as measured, and no slower."""
    conditions = Conditions(Told({1: QUICK}), gpu=True)
    shares = (
        {"candidate": 0.95, "reference": 0.2} if waits else {"candidate": 0.2, "reference": 0.9}
    )
    for _ in range(8):
        conditions.add(pair(**shares, core_ns=SLOW))
    times = [0.03] * 8
    calm = conditions.speedup(times, times, given_up=False)
    found = conditions.speedup(times, times, given_up=True)
    assert calm.width == pytest.approx(math.expm1(2 * 1.96 * LAUNCH_SPREAD))
    assert found.ratio == calm.ratio
    if waits:
        assert (found.low, found.high) == pytest.approx((calm.low, calm.high * SLOW / QUICK))
    else:
        assert (found.low, found.high) == pytest.approx((calm.low * QUICK / SLOW, calm.high))


def test_small_kernels_differ_by_where_their_memory_lies() -> None:
    conditions = Conditions(Told({1: QUICK}), gpu=True)
    conditions.add(pair(candidate=0.2, reference=0.2, core_ns=QUICK))
    small, large = (
        conditions.speedup([ms] * 8, [ms] * 8, given_up=False).width for ms in (0.01, 1.0)
    )
    assert 0.04 < small < 0.07
    assert large < 0.021


def test_slow_pairs_are_measured_again_and_leave_no_trace() -> None:
    trials, count, speedup = Trials(FAST), 0, None
    while speedup is None:
        count += 1
        slowed = count % 3 > 0
        speedup = trials.add(1.7 if slowed else 1.0, 1.0, False, 0.006, slowed=slowed)
    assert not trials.given_up
    assert speedup.ratio == 1.0
    assert count == 3 * FAST.min_pairs


def test_pairs_that_take_long_are_not_measured_again_for_ever() -> None:
    """A fifth of a second each, of which the batches are a quarter."""
    budget = replace(FAST, again_seconds=3.0)
    for share, given_up, ratio in ((2, False, 1.0), (8, True, 1 / 1.7)):
        trials, count, speedup = Trials(budget), 0, None
        while speedup is None:
            count += 1
            slowed = count % share > 0
            speedup = trials.add(
                1.7 if slowed else 1.0, 1.0, False, 0.05, 0.15 * count, slowed=slowed
            )
        assert trials.given_up is given_up
        assert speedup.ratio == pytest.approx(ratio)
        assert count <= 18


def test_a_core_that_stays_slow_is_given_up() -> None:
    trials, speedup = Trials(FAST), None
    while speedup is None:
        speedup = trials.add(1.7, 1.0, False, 0.006, slowed=True)
    assert trials.given_up
    assert len(trials.kept()[0]) == FAST.patience * FAST.max_pairs
