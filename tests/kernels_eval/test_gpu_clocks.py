"""Claims of a GPU's worker against the judge's clock, others on the cores. Simulated batches."""

from __future__ import annotations

import pytest

from kernels_eval.timing.batch import Batch
from kernels_eval.timing.gpu_clocks import GpuClocks

CALLS, TRUE_NS, OVER_NS = 10, 4_000_000, 1_400_000


@pytest.fixture
def clocks() -> GpuClocks:
    known = GpuClocks(slack_ns=1_000_000)
    for _ in range(5):
        known.learn(batch())
    return known


def batch(
    *, claim: int = TRUE_NS, waited: int = 0, judge_waited: int = 0, more: int = 0, aside: int = 0
) -> Batch:
    """`more`: wall time beyond that of a quiet batch of the true length. `aside`: its threads'."""
    wall = TRUE_NS + OVER_NS + more
    return Batch(CALLS, wall, claim, waited, judge_waited, TRUE_NS + 350_000, aside)


@pytest.mark.parametrize(("worker", "judge"), [(0, 0), (3, 0), (0, 5), (3, 5)])
def test_waits_outside_the_claim_leave_it_alone(clocks: GpuClocks, worker: int, judge: int) -> None:
    waited, late = worker * 1_000_000, judge * 1_000_000
    one = batch(waited=waited, judge_waited=late, more=waited + late)
    assert not clocks.disturbed(one)
    assert clocks.milliseconds(one) == pytest.approx(0.4)


def test_a_wait_between_calls_is_measured_again(clocks: GpuClocks) -> None:
    one = batch(claim=TRUE_NS + 3_000_000, waited=3_000_000, more=3_000_000)
    assert clocks.disturbed(one)


@pytest.mark.parametrize("claim", [1, 1_000_000, 2_500_000])
def test_a_forged_claim_is_found_out_on_a_quiet_machine(clocks: GpuClocks, claim: int) -> None:
    one = batch(claim=claim)
    assert clocks.disturbed(one)
    assert clocks.milliseconds(one) == pytest.approx(0.4, rel=0.02)


def test_one_s_own_thread_is_no_excuse(clocks: GpuClocks) -> None:
    """It keeps the main thread waiting for 3 ms, in which the device works unclaimed."""
    one = batch(claim=1_000_000, waited=3_000_000, aside=3_000_000)
    assert clocks.disturbed(one)
    assert clocks.milliseconds(one) == pytest.approx(0.4, rel=0.02)


def test_a_claim_too_high_is_its_own_loss(clocks: GpuClocks) -> None:
    assert clocks.milliseconds(batch(claim=9_000_000)) == pytest.approx(0.9)


def test_a_machine_that_is_never_quiet_is_learnt_from_all_the_same() -> None:
    clocks = GpuClocks(slack_ns=100_000)
    clocks.learn(batch(waited=3_000_000, more=3_000_000))
    assert clocks.usual(CALLS) == OVER_NS
    assert not clocks.disturbed(batch(waited=2_000_000, more=2_000_000))
