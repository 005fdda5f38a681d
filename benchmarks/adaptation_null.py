"""Can a comparison of arms be fooled? Closed forms against draws, and studies in which nothing, or
something known, was learned.

- Staged closed forms (chance of success, delivered speedup) and cross-fitting against 200,000
  simulated draws each.
- A placebo study: 5 problems × 32 draws, steps 0 to 5, nothing ever learned, 2,000 repetitions.
  What Best of Adaptation reads: naive, cross-fitted, fresh; and the null band of `bon frontier`.
- Coverage of the paired interval: studies of 10, 20 and 50 problems (8 draws × 4 stages, stage 0
  shared) of populations whose true difference is known, 2,000 a cell, in both endpoints. Success at
  20 rollouts is a chance between 0 and 1 on each problem, at 32, all that was drawn, 0 or 1.
- Claims: how often the rule (Holm over arms and endpoints, and the placebo beaten as well) calls an
  arm better, where nothing was learned, where the placebo gains as much, and where an arm gains.
- Guards: how often they stop a study whose evaluator stands still, and one that drifts.

Writes benchmarks/records/adaptation_null.json. About 15 minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from tasks.adapt.best_of_adaptation import best_of_adaptation
from tasks.adapt.units import BASE_ARM
from tasks.frontier.boa import null_band
from tasks.frontier.compare import Endpoint, against_placebos, compare, family
from tasks.frontier.curves import budget_grid, paid, staged_curve, staged_gain
from tasks.frontier.guards import LEVEL, stages_agree
from tasks.frontier.stages import Run, Stage, Track
from tasks.frontier.study import Arm
from tasks.frontier.verdict import Finding, shown
from tasks.statistics.arrays import log_avoids

RECORD = Path(__file__).parent / "records" / "adaptation_null.json"
Floats: TypeAlias = NDArray[np.float64]
SIZES = (10, 20, 50)
GROUP, STAGES = 8, 4
CORRECT, SPREAD = 0.6, 0.5
"""Share of correct draws; standard deviation of log speedup within a problem."""

Level = Callable[[np.random.Generator, int], tuple[Floats, Floats]]
"""(generator, problems) → mean log speedup of the base model, and what a step adds; (problems,)"""


def normal(mean: float, sd: float, gain: float) -> Level:
    return lambda rng, size: (rng.normal(mean, sd, size), np.full(size, gain))


def _half(rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    return rng.normal(-1.2, 0.8, size), np.where(rng.random(size) < 0.5, 0.4, 0.0)


POPULATIONS: dict[str, Level] = {
    "nothing learned": normal(-1.2, 0.8, 0.0),
    "+0.3 a step": normal(-1.2, 0.8, 0.3),
    "+0.4 a step on half of them": _half,
    "easy, +0.1 a step": normal(-0.3, 0.5, 0.1),
    "hard, +0.2 a step": normal(-2.0, 0.5, 0.2),
}
"""Log speedups are normal within a problem, with a mean that differs from problem to problem."""


def truth(level: Floats, gain: Floats) -> Floats:
    """E[P(some draw is fast)] and E[log of the delivered speedup] over these problems;
    (budgets, 2)."""
    means = level[:, None] + gain[:, None] * np.arange(STAGES)
    x = np.linspace(0, 6, 601)
    found = []
    for budget in BUDGETS:
        log_f = np.zeros((len(level), len(x)))
        for stage in range(STAGES):
            draws = np.clip(budget - GROUP * stage, 0, GROUP)
            above = 1 - ndtr((x[None, :] - means[:, stage, None]) / SPREAD)
            log_f += draws * np.log1p(-CORRECT * above)
        f = np.exp(log_f)
        found.append([(1 - f[:, 0]).mean(), np.trapezoid(1 - f, x, axis=1).mean()])
    return np.array(found)


def stages_of(rng: np.random.Generator, level: Floats, gain: Floats, first: int) -> Floats:
    """Log speedups, NaN where incorrect; (problems, stages from `first` on, draws)."""
    steps = np.arange(first, STAGES)
    means = level[:, None, None] + gain[:, None, None] * steps[None, :, None]
    size = (len(level), len(steps), GROUP)
    drawn = means + SPREAD * rng.normal(size=size)
    return np.where(rng.random(size) < CORRECT, drawn, np.nan)


BUDGETS = np.array([GROUP * STAGES // 2 + GROUP // 2, GROUP * STAGES])
"""Rollouts of a problem: in the middle of the third stage, and all."""


def arm_of(name: str, logs: Floats) -> Arm:
    """(problems, stages, draws); no costs. The tables of `tasks.frontier.study`, all problems at
    once; of the speedup only that of the whole budget (a test holds them against each other)."""
    hits = (np.nan_to_num(logs, nan=-1.0) > 0).sum(axis=2)
    due = np.clip(BUDGETS[:, None] - GROUP * np.arange(STAGES), 0, GROUP)
    n, c, m = np.broadcast_arrays(GROUP, hits[:, None, :], due[None, :, :])
    success = 0.0 - np.expm1(log_avoids(n, c, m).sum(axis=2))
    best = np.fmax(np.nan_to_num(logs, nan=-1.0).max(axis=(1, 2)), 0.0)
    gain = np.stack([np.full(len(best), np.nan), best], axis=1)
    return Arm(name, success, gain, success, gain, {}, 0)


def _track(logs: Floats) -> Track:
    numbers = np.arange(logs.shape[1])
    return Track(tuple(Stage(one > 0, one, numbers) for one in logs), np.zeros((len(numbers), 3)))


def study(rng: np.random.Generator, level: Floats, gains: Mapping[str, Floats]) -> dict[str, Arm]:
    """All arms begin with the base arm's first stage."""
    base = stages_of(rng, level, np.zeros(len(level)), 0)
    arms = {BASE_ARM: arm_of(BASE_ARM, base)}
    for name, gain in gains.items():
        own = np.concatenate([base[:, :1], stages_of(rng, level, gain, 1)], axis=1)
        arms[name] = arm_of(name, own)
    return arms


def closed_forms(draws: int) -> dict[str, Any]:
    """Largest distance from what simulated draws give, in their standard errors."""
    rng = np.random.default_rng(1)
    worst, cells = {"success": 0.0, "gain": 0.0}, 0
    for _ in range(6):
        size, stages = int(rng.integers(3, 11)), int(rng.integers(1, 5))
        logs = np.where(
            rng.random((stages, size)) < 0.6, rng.normal(-0.5, 0.7, (stages, size)), np.nan
        )
        logs = np.round(logs, 1)
        track = Track(
            tuple(Stage(one > 0, one, np.arange(size)) for one in logs), np.zeros((size, 3))
        )
        budgets = budget_grid(size, stages - 1)
        for at in rng.choice(len(budgets), min(4, len(budgets)), replace=False):
            m = paid(track, size, budgets)[at]
            best = np.zeros(draws)
            fast = np.zeros(draws, np.bool_)
            for one, count in zip(track.stages, m, strict=True):
                if not count:
                    continue
                picks = rng.random((draws, size)).argpartition(count - 1, axis=1)[:, :count]
                best = np.fmax(best, one.gain[picks].max(axis=1))
                fast |= one.fast[picks].any(axis=1)
            forms = {
                "success": float(staged_curve(track, size, budgets)[at]),
                "gain": float(staged_gain(track, size, budgets)[at]),
            }
            for name, seen in (("success", fast.astype(float)), ("gain", best)):
                error = seen.std() / math.sqrt(draws)
                apart = abs(forms[name] - seen.mean())
                if error < 1e-12:
                    assert apart < 1e-9
                    continue
                worst[name] = max(worst[name], apart / error)
                cells += 1
    return {"draws": draws, "cells": cells, "largest_z": _round(worst)}


def cross_fitting(draws: int) -> dict[str, Any]:
    """The cross-fitted rate beside what it estimates: the true rate of the checkpoint that half of
    the draws prefer. One checkpoint is truly better by 10 points."""
    rng = np.random.default_rng(2)
    rates = np.array([0.3, 0.35, 0.4, 0.3])[:, None] + np.array([-0.2, 0.0, 0.2])
    half, chosen, crossed = 8, np.empty(draws), np.empty(draws)
    counts = rng.binomial(half, rates, (draws, *rates.shape)).sum(axis=2)
    best = counts == counts.max(axis=1, keepdims=True)
    chosen = (best * rates.mean(axis=1)).sum(axis=1) / best.sum(axis=1)
    for i in range(draws):
        hits = rng.random((*rates.shape, 2 * half)) < rates[:, :, None]
        crossed[i] = best_of_adaptation(hits, splits=1, seed=i).cross_fitted
    error = math.hypot(chosen.std(), crossed.std()) / math.sqrt(draws)
    return {
        "draws": draws,
        "true_rate_of_the_chosen": round(float(chosen.mean()), 5),
        "cross_fitted": round(float(crossed.mean()), 5),
        "z": round(float((crossed.mean() - chosen.mean()) / error), 2),
    }


def placebo_study(repetitions: int) -> dict[str, Any]:
    """The paper's problems at step 0; points above the truth."""
    rates = np.array([0.094, 0.031, 1.0, 0.375, 0.375])
    rng = np.random.default_rng(11)
    found = np.empty((repetitions, 3))
    later = 0
    for i in range(repetitions):
        hits = rng.random((6, 5, 32)) < rates[:, None]
        again = rng.random((5, 32)) < rates[:, None]
        best = best_of_adaptation(hits, again, splits=16, seed=i)
        found[i] = (best.naive, best.cross_fitted, best.fresh or 0.0)
        each = hits.mean(axis=(1, 2))
        later += bool((each[1:] > each[0]).any())
    bands, inside = [], 0
    for i in range(min(repetitions, 300)):
        hits = rng.random((5, 6, 32)) < rates[:, None, None]
        band = null_band(_run(np.where(hits, 0.5, np.nan)), seed=i)
        arm = rng.random((6, 5, 32)) < rates[:, None]
        arm[0] = hits[:, 0]
        assert band is not None
        bands.append(band.mean - rates.mean())
        inside += band.low <= arm.mean(axis=(1, 2)).max() <= band.high
    above = 100 * (found.mean(axis=0) - rates.mean())
    return {
        "repetitions": repetitions,
        "points_above_the_truth": dict(
            zip(("naive", "cross_fitted", "fresh"), np.round(above, 2).tolist(), strict=True)
        ),
        "some_later_step_beats_step_0": round(later / repetitions, 3),
        "null_band": {
            "studies": len(bands),
            "points_above_the_truth": round(100 * float(np.mean(bands)), 2),
            "holds_naive_of_an_arm_that_learned_nothing": round(inside / len(bands), 3),
        },
    }


def _run(logs: Floats) -> Run:
    """Only a base arm; (problems, stages, draws)."""
    tracks = {("s", 1, i): _track(own) for i, own in enumerate(logs)}
    return Run("r", 0, "problem", logs.shape[2], logs.shape[1] - 1, {BASE_ARM: tracks})


def coverage(studies: int) -> list[dict[str, Any]]:
    """Of the 95 % interval, per cent of the studies that have one; and how often its test
    rejects."""
    rows = []
    cells: list[tuple[Endpoint, int]] = [("fast_1", int(one)) for one in BUDGETS]
    cells.append(("delivered_speedup", WHOLE[0]))
    for number, (name, population) in enumerate(POPULATIONS.items()):
        level, gain = population(np.random.default_rng(99), 10_000)
        apart = truth(level, gain) - truth(level, np.zeros(len(level)))
        true = np.array([*apart[:, 0], apart[-1, 1]])
        for size in SIZES:
            rng = np.random.default_rng((7, number, size))
            held, rejected, without = np.zeros((3, len(true)))
            for _ in range(studies):
                own_level, own_gain = population(rng, size)
                arms = study(rng, own_level, {"a": own_gain})
                found = [
                    compare(arms["a"], arms[BASE_ARM], BUDGETS, endpoint, budget).seen
                    for endpoint, budget in cells
                ]
                low, high, p = np.array([(it.low, it.high, it.p) for it in found]).T
                held += (low <= true) & (true <= high)
                rejected += p < 0.05
                without += np.isnan(low)
            for i, (endpoint, budget) in enumerate(cells):
                rows.append(
                    {
                        "population": name,
                        "endpoint": endpoint,
                        "rollouts": budget,
                        "problems": size,
                        "difference": round(float(true[i]), 4),
                        "coverage": round(float(100 * held[i] / (studies - without[i])), 1),
                        "rejected": round(float(100 * rejected[i] / studies), 1),
                        "without_an_interval": round(float(100 * without[i] / studies), 1),
                    }
                )
    return rows


WHOLE = [GROUP * STAGES]
CLAIMS: dict[str, tuple[float, float, float]] = {
    "nothing learned by any arm": (0.0, 0.0, 0.0),
    "the placebo gains as much as one arm (+0.3 a step)": (0.3, 0.0, 0.3),
    "one arm gains +0.3 a step, the placebo nothing": (0.3, 0.0, 0.0),
    "one arm gains +0.3 a step, the placebo +0.15": (0.3, 0.0, 0.15),
}
"""What a step adds for two arms, and for the placebo."""


def claims(studies: int) -> list[dict[str, Any]]:
    """Studies in which some arm is called better, per cent; a quarter as many."""
    rows = []
    for number, (name, (first, second, placebo)) in enumerate(CLAIMS.items()):
        for size in SIZES[:2]:
            rng = np.random.default_rng((8, number, size))
            counts: dict[str, int] = {}
            false = 0
            for _ in range(studies):
                level = rng.normal(-1.2, 0.8, size)
                gains = {"a": first, "b": second, "placebo": placebo}
                arms = study(rng, level, {one: np.full(size, by) for one, by in gains.items()})
                tests = family(arms, BUDGETS, WHOLE)
                rivals = against_placebos(arms, BUDGETS, WHOLE)
                found = {one: shown(tests[one], rivals[one]).finding for one in ("a", "b")}
                counts[found["a"].value] = counts.get(found["a"].value, 0) + 1
                wrong = [one for one, by in (("a", first), ("b", second)) if by <= placebo]
                false += any(found[one] is Finding.BETTER for one in wrong)
            rows.append(
                {
                    "studies_of": name,
                    "problems": size,
                    "first_arm_is_called": {
                        one: round(100 * count / studies, 1) for one, count in counts.items()
                    },
                    "false_claims": round(100 * false / studies, 2),
                }
            )
    return rows


def guards(studies: int) -> list[dict[str, Any]]:
    """How often the base arm's stages are said to differ, per cent. drift: log speedup a round."""
    rows = []
    for drift in (0.0, 0.02, 0.05, 0.1):
        for size in (5, 20):
            rng = np.random.default_rng((9, int(1000 * drift), size))
            stopped = 0
            for i in range(studies):
                level = rng.normal(-0.6, 0.8, size)
                logs = stages_of(rng, level, np.full(size, -drift), 0)
                logs = level[:, None, None] + (logs - level[:, None, None]) * 0.2
                stopped += stages_agree(_run(logs), seed=i).p < LEVEL
            rows.append(
                {"drift": drift, "problems": size, "stopped": round(100 * stopped / studies, 1)}
            )
    return rows


def _round(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in values.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=200_000)
    parser.add_argument("--only", nargs="*", help="parts to do again; the record keeps the others")
    parser.add_argument("--out", type=Path, default=RECORD)
    given = parser.parse_args()
    began = time.monotonic()
    record: dict[str, Any] = json.loads(given.out.read_text()) if given.only else {}
    record |= {
        "made_at": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
        "studies": given.studies,
    }
    parts: dict[str, Callable[[], Any]] = {
        "closed_forms": lambda: closed_forms(given.draws),
        "cross_fitting": lambda: cross_fitting(given.draws),
        "placebo_study": lambda: placebo_study(given.studies),
        "guards": lambda: guards(given.studies // 8),
        "claims": lambda: claims(given.studies // 4),
        "coverage": lambda: coverage(given.studies),
    }
    for name, part in parts.items():
        if given.only and name not in given.only:
            continue
        record[name] = part()
        seconds = round(time.monotonic() - began)
        if not given.only:
            record["seconds"] = seconds
        given.out.write_text(json.dumps(record, indent=1) + "\n")
        print(f"{name}: {seconds} s", flush=True)
    print(json.dumps({k: v for k, v in record.items() if k != "coverage"}, indent=1))


if __name__ == "__main__":
    main()
