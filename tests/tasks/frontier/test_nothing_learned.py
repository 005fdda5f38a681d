"""Where nothing is learned nothing is claimed: few studies here, benchmarks/adaptation_null.py has
many."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.adapt.units import BASE_ARM
from tasks.frontier.boa import arm_boa, null_band
from tasks.frontier.compare import against_placebos, family
from tasks.frontier.curves import budget_grid, paid, staged_curve, staged_gain
from tasks.frontier.stages import Track
from tasks.frontier.study import Study
from tasks.frontier.verdict import Finding, shown
from tests.tasks.frontier.make import Floats, run_of, speeds, stage

DRAWS = 20_000


def test_staged_forms_against_simulated_draws() -> None:
    rng = np.random.default_rng(7)
    tables = np.round(speeds(rng, np.array([[0.1, 0.2, 0.4]]), 3, 6)[0], 1)
    stages = [stage(one, np.arange(6)) for one in tables]
    track, budgets = Track(tuple(stages), np.zeros((6, 3))), budget_grid(6, 2)
    for at in (2, 8, 14):
        best, fast = np.zeros(DRAWS), np.zeros(DRAWS, np.bool_)
        for one, m in zip(stages, paid(track, 6, budgets)[at], strict=True):
            if m:
                picks = rng.random((DRAWS, 6)).argsort(axis=1)[:, :m]
                best = np.maximum(best, one.gain[picks].max(axis=1))
                fast |= one.fast[picks].any(axis=1)
        for form, seen in ((staged_curve, fast.astype(float)), (staged_gain, best)):
            error = 4 * seen.std() / np.sqrt(DRAWS) + 1e-9
            assert form(track, 6, budgets)[at] == pytest.approx(seen.mean(), abs=error)


def _paper(rng: np.random.Generator) -> Floats:
    """5 problems, 6 stages, 32 draws, at the paper's rates before any step."""
    rates = np.array([0.094, 0.031, 1.0, 0.375, 0.375])
    return np.where(rng.random((5, 6, 32)) < rates[:, None, None], 1.5, 0.5)


def test_naive_best_of_adaptation_reads_what_its_band_says_and_crossed_does_not() -> None:
    rng = np.random.default_rng(4)
    naive, crossed, middle, inside = [], [], [], 0
    for _ in range(60):
        base = _paper(rng)
        run = run_of(base, {"a": _paper(rng)[:, 1:]})
        band, best = null_band(run), arm_boa(run, "a")
        assert band is not None
        assert best is not None
        naive.append(best.naive)
        crossed.append(best.cross_fitted)
        middle.append(band.mean)
        inside += band.low <= best.naive <= band.high
    truth = 0.375
    assert 100 * (np.mean(naive) - truth) == pytest.approx(3.4, abs=0.8)
    assert 100 * (np.mean(middle) - truth) == pytest.approx(3.4, abs=0.8)
    assert abs(100 * (np.mean(crossed) - truth)) < 1
    assert inside >= 54


def test_no_arm_is_called_better() -> None:
    rng = np.random.default_rng(9)
    for _ in range(15):
        rates = rng.beta(0.5, 8, 12)
        arms = {name: speeds(rng, rates, 2, 6) for name in ("a", "b", "placebo")}
        study = Study((run_of(speeds(rng, rates, 3, 6), arms),))
        tests = family(study.arms, study.budgets, [study.whole])
        rivals = against_placebos(study.arms, study.budgets, [study.whole])
        for name in ("a", "b"):
            assert shown(tests[name], rivals[name]).finding is not Finding.BETTER
    assert BASE_ARM not in tests
