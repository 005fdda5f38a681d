"""Tolerance, statistics, clocks and physics: each against what is known of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kernels_eval.devices.cuda.device import CudaDevice
from kernels_eval.timing import physics
from kernels_eval.timing.batch import Batch
from kernels_eval.timing.clocks import Clocks
from kernels_eval.timing.statistics import FAST, Budget, Trials, _critical, estimate
from kernels_eval.truth.fixed import FixedTolerance
from kernels_eval.truth.tolerance import make_truth


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def _product(generator: torch.Generator, depth: int) -> tuple[torch.Tensor, torch.Tensor]:
    a = torch.randn(64, depth, generator=generator)
    b = torch.randn(depth, 64, generator=generator)
    return a, b


@pytest.mark.parametrize("depth", [16, 256, 4096, 65536])
@pytest.mark.parametrize("sign", [0.0, 1.0])
def test_sequential_float32_sums_pass(generator: torch.Generator, depth: int, sign: float) -> None:
    terms = torch.randn(512, depth, generator=generator)
    terms = terms.abs() if sign else terms
    truth = make_truth(terms.sum(1), terms.double().sum(1), depth)
    naive = torch.zeros(512)
    for column in terms.t():
        naive += column
    assert truth.distance(naive) <= 1


@pytest.mark.parametrize("depth", [16, 256, 4096])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_fails(generator: torch.Generator, depth: int, dtype: torch.dtype) -> None:
    a, b = _product(generator, depth)
    truth = make_truth(a @ b, a.double() @ b.double(), depth)
    rounded = a.to(dtype).float() @ b.to(dtype).float()
    assert truth.distance(rounded.reshape(-1)) > 2


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e6])
def test_tolerance_follows_the_scale(generator: torch.Generator, scale: float) -> None:
    exact = torch.rand(4096, generator=generator, dtype=torch.float64) * scale
    truth = make_truth(exact.float(), exact, 1)
    assert truth.distance(exact.float()) <= 1
    assert truth.distance(torch.zeros(4096)) > 1e4
    assert truth.distance((exact * 1.0001).float()) > 1


def test_one_wrong_element_among_a_million_shows(generator: torch.Generator) -> None:
    exact = torch.randn(1 << 20, generator=generator, dtype=torch.float64)
    truth = make_truth(exact.float(), exact, 1024)
    wrong = exact.float()
    wrong[77777] += 0.01
    assert truth.distance(wrong) > 1


def test_infinities_and_integers_are_exact() -> None:
    exact = torch.tensor([1.0, -math.inf, math.nan, 2.0], dtype=torch.float64)
    truth = make_truth(exact.float(), exact, 1)
    assert truth.distance(exact.float()) <= 1
    assert truth.distance(torch.tensor([1.0, -math.inf, 0.0, 2.0])) == math.inf
    assert truth.distance(torch.tensor([math.nan, -math.inf, math.nan, 2.0])) == math.inf
    whole = torch.arange(5)
    assert make_truth(whole, whole, 1).distance(whole.clone()) == 0
    assert make_truth(whole, whole, 1).distance(whole + 1) == math.inf


def test_fixed_tolerance_is_kernelbench_s() -> None:
    fixed = FixedTolerance(torch.tensor([0.0, 1.0]))
    assert fixed.distance(torch.tensor([0.9e-4, 1.0])) <= 1
    assert fixed.distance(torch.tensor([1.1e-4, 1.0])) > 1


def test_signed_rank_critical_values() -> None:
    # P(W ≤ T) for n = 8: 1/256, 2/256; for n = 10: 1, 2, 3, 5 of 1024 (exact enumeration).
    assert _critical(8) == 0
    assert _critical(10) == 2
    assert _critical(20) > _critical(10)


def _pairs(
    rng: np.random.Generator, ratio: float, noise: float, budget: Budget = FAST
) -> float | None:
    trials = Trials(budget)
    while True:
        candidate, reference = np.exp(noise * rng.standard_normal(2))
        speedup = trials.add(candidate, reference * ratio, False, 0.006)
        if speedup is not None:
            return speedup.low


@pytest.mark.parametrize(
    ("noise", "budget"),
    [(0.002, FAST), (0.02, FAST), (0.2, FAST), (0.02, CudaDevice.budgets["fast"])],
    ids=["cpu-0.002", "cpu-0.02", "cpu-0.2", "gpu-0.02"],
)
def test_equal_kernels_are_not_fast(noise: float, budget: Budget) -> None:
    rng = np.random.default_rng(7)
    lows = [_pairs(rng, 1.0, noise, budget) for _ in range(200)]
    assert sum(low is not None and low > 1 for low in lows) <= 6  # 1 % of 200, and three sigma


def test_slow_batches_that_look_disturbed_leave_no_choice_of_the_best() -> None:
    """A candidate that has two batches of three thrown away: all count in the end."""
    rng = np.random.default_rng(3)
    trials, speedup = Trials(FAST), None
    while speedup is None:
        candidate = float(np.exp(0.1 * rng.standard_normal()))
        speedup = trials.add(candidate, 1.0, candidate > 0.955, 0.006)
    assert trials.given_up
    assert speedup.low < 1.0


def test_pairs_that_nobody_disturbed_suffice() -> None:
    trials, count, speedup = Trials(FAST), 0, None
    while speedup is None:
        count += 1
        speedup = trials.add(1.0, 1.0, count % 3 == 0, 0.006)
    assert not trials.given_up
    assert count <= 12


def test_a_real_speedup_is_seen() -> None:
    rng = np.random.default_rng(8)
    lows = [_pairs(rng, 1.2, 0.03) for _ in range(100)]
    assert sum(low is not None and low > 1 for low in lows) >= 99


def test_many_pairs_only_where_noise_is_large() -> None:
    def pairs(ratio: float, noise: float, draw_s: float = 0.0) -> int:
        rng = np.random.default_rng(4)
        trials, count = Trials(CudaDevice.budgets["fast"]), 0
        while True:
            candidate, reference = np.exp(noise * rng.standard_normal(2))
            count += 1
            drawn_s = count * draw_s
            if trials.add(candidate, reference * ratio, False, 0.006, drawn_s) is not None:
                return count

    assert pairs(1.0, 0.001) == pairs(60.0, 0.05) == 8
    assert 8 < pairs(1.0, 0.02) < pairs(1.0, 0.1)
    assert pairs(1.5, 0.1) > 8  # clear, but 1.3 or 1.7?
    assert pairs(1.0, 0.1, draw_s=0.1) == 20  # two seconds of drawing are enough
    assert pairs(1.0, 0.1, draw_s=1.0) == 8  # but for so many pairs


def test_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(9)
    held = 0
    for _ in range(300):
        candidate = np.exp(0.05 * rng.standard_normal(12))
        reference = 1.3 * np.exp(0.05 * rng.standard_normal(12))
        speedup = estimate(candidate, reference)
        held += speedup.low <= 1.3 <= speedup.high
    assert held >= 0.93 * 300


def _batch(wall: int, claimed: int, cpu: int, waited: int = 0) -> Batch:
    return Batch(10, wall, claimed, waited, 0, cpu)


def test_a_lying_clock_gains_a_percent_at_most() -> None:
    clocks = Clocks(single_core=True)
    for _ in range(5):
        clocks.learn(_batch(10_200_000, 10_000_000, 10_050_000))
    honest = clocks.milliseconds(_batch(10_200_000, 10_000_000, 10_050_000))
    assert honest == pytest.approx(1.0)
    for claim in (1, 1_000_000, 9_000_000, 9_800_000):
        assert clocks.milliseconds(_batch(10_200_000, claim, 10_050_000)) > 0.98


def test_others_on_the_core_are_left_out_but_own_threads_are_not() -> None:
    clocks = Clocks(single_core=True)
    for _ in range(5):
        clocks.learn(_batch(10_200_000, 10_000_000, 10_050_000))
    others = _batch(14_200_000, 14_000_000, 10_050_000, waited=4_000_000)
    assert clocks.milliseconds(others) == pytest.approx(1.0, rel=0.02)
    own = _batch(14_200_000, 14_000_000, 14_050_000, waited=4_000_000)
    assert clocks.milliseconds(own) == pytest.approx(1.4, rel=0.02)


def test_physics_spares_caches_and_lookups() -> None:
    class Slow:
        def cache_bytes(self) -> int:
            return 1 << 20

        def bandwidth(self, *, again: bool = False) -> float:
            del again
            return 1e10

    assert physics.bound_ms(1 << 20, Slow(), 1.0) is None
    assert physics.bound_ms(100_000_000, Slow(), 1.0) is None  # the reference reads some of it
    bound = physics.bound_ms(100_000_000, Slow(), 12.0)
    assert bound == pytest.approx(10.0)
    assert physics.impossible(0.1, bound)
    assert not physics.impossible(6.0, bound)


def test_the_best_bandwidth_counts() -> None:
    measured = iter([2e9, 9e9, 1e9])
    best = physics.Best(lambda: next(measured))
    assert best() == best() == 2e9  # measured once unless asked for
    assert best(again=True) == 9e9
    assert best(again=True) == 9e9
