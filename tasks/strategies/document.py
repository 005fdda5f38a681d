"""The document behind `bon strategies --json`, the report and the summary of a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from storage import Lake
from tasks.statistics import Resampling, bootstrap_mean, bootstrap_median
from tasks.statistics.arrays import Floats
from tasks.strategies.base import LEAST_SPREAD, Applicability, strategies
from tasks.strategies.compare import Comparison, compare
from tasks.strategies.load import load_draws
from tasks.strategies.study import Study, study


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(_Frozen):
    """A value over problems with its 95 % interval; null where undefined, never 0 or 1.

    The interval needs two problems at least.
    """

    mean: float | None
    low: float | None
    high: float | None


class StrategyAtK(_Frozen):
    """One strategy at one budget, over all problems that have k draws: one denominator for all."""

    problems: int
    """With at least k judged draws."""
    fast_1: Estimate
    """P(the pick is correct and faster than 1x); a problem without a correct draw is a failure."""
    success: Estimate
    """P(the pick is correct) = pass@k."""
    speedup_geomean: Estimate
    """Over picks that are correct: exp of the mean over problems of E[log speedup | correct]."""
    speedup_median: Estimate
    """Of the same: the median problem's typical pick."""
    speedup_mean: Estimate
    """E[speedup], an incorrect pick counting 0. Dominated by a few large values."""


class StrategyCurve(_Frozen):
    """One strategy over all budgets, and on how many problems its scores mean something."""

    k: dict[int, StrategyAtK]
    top: int
    """Kernels that are timed to make one pick."""
    problems: int
    applicable: int
    abstained_missing: int
    """Problems with a correct draw that could not be scored: all correct draws tie there."""
    abstained_narrow: int
    """Problems whose spread of log-probabilities is below `least_spread`: ranking by noise."""


class ProblemSpread(_Frozen):
    """How widely the log-probabilities of one problem's draws are spread."""

    suite: str
    level: int
    problem_id: int
    logprob_std: float | None
    """Nats per token, over all judged draws."""
    applicable: bool


class Fast1Comparison(_Frozen):
    """fast_1 of a minus that of b, paired by problem."""

    difference: Estimate
    cohens_h: float | None
    a_better: int
    b_better: int
    mcnemar_p: float | None
    """Exact, two-sided, over the problems where a and b differ."""
    mcnemar_p_holm: float | None


class SpeedupComparison(_Frozen):
    """Speedup of a over that of b on problems where both picks are correct."""

    ratio: Estimate
    """Geometric mean."""
    pairs: int
    """Problems where the two differ: what Wilcoxon ranks."""
    wilcoxon_statistic: float | None
    wilcoxon_p: float | None
    """Two-sided, on log ratios."""
    wilcoxon_p_holm: float | None


class PairedComparison(_Frozen):
    """Strategy a against strategy b at one budget; Holm's adjustment is over all comparisons."""

    a: str
    b: str
    k: int
    problems: int
    applicable: int
    fast_1: Fast1Comparison
    speedup: SpeedupComparison


class StrategiesDocument(_Frozen):
    """Everything `bon strategies --json` prints."""

    runs: list[str]
    problems: int
    samples: int
    """Judged draws, over all runs."""
    ks: list[int]
    least_spread: float
    strategies: dict[str, StrategyCurve]
    pass_at_k: dict[int, Estimate]
    fast_1_at_k: dict[int, Estimate]
    """P(some draw of k is correct and faster than 1x)."""
    spread: list[ProblemSpread]
    comparisons: list[PairedComparison]


def strategies_document(
    lake: Lake, run_ids: Sequence[str], ks: Sequence[int] | None = None, seed: int = 0
) -> StrategiesDocument:
    """All registered strategies over these runs, exactly, with intervals and paired tests.

    The runs are seeds of one study: each problem's values are averaged over them first, then the
    problem is the unit. `ks` defaults to the powers of two up to the most draws of any problem;
    `seed` fixes the intervals.

    A run without a verdict gives a document of no problems. Raises RequestError for no run or
    k < 1, and storage's RunUnknownError, naming the known runs.
    """
    names = list(dict.fromkeys(run_ids))
    draws = load_draws(lake, names)
    how = Resampling(seed=seed)
    table = study(draws, ks, strategies())
    return StrategiesDocument(
        runs=names,
        problems=len(table.problems),
        samples=sum(one.n for one in draws),
        ks=list(table.ks),
        least_spread=LEAST_SPREAD,
        strategies=_curves(table, how),
        pass_at_k=_by_k(table, bootstrap_mean(table.pass_at_k, how)),
        fast_1_at_k=_by_k(table, bootstrap_mean(table.fast_1_at_k, how)),
        spread=[
            ProblemSpread(
                suite=suite,
                level=level,
                problem_id=problem_id,
                logprob_std=_number(std),
                applicable=bool(std >= LEAST_SPREAD),
            )
            for (suite, level, problem_id), std in zip(
                table.problems, table.logprob_std.tolist(), strict=True
            )
        ],
        comparisons=[_comparison(one) for one in compare(table, how)],
    )


def _curves(table: Study, how: Resampling) -> dict[str, StrategyCurve]:
    names = [one.name for one in table.strategies]
    problems = (~np.isnan(table.pass_at_k)).sum(axis=0)

    def columns(measure: str) -> Floats:
        return np.hstack([table.values[measure][name] for name in names])

    def shaped(bounds: Floats) -> Floats:
        return bounds.reshape(3, len(names), len(table.ks))

    log_speedup = columns("log_speedup_mean")
    measures = {
        "fast_1": shaped(bootstrap_mean(columns("fast_1"), how)),
        "success": shaped(bootstrap_mean(columns("success"), how)),
        "speedup_geomean": np.exp(shaped(bootstrap_mean(log_speedup, how))),
        "speedup_median": np.exp(shaped(bootstrap_median(log_speedup, how))),
        "speedup_mean": shaped(bootstrap_mean(columns("speedup_mean"), how)),
    }
    curves = {}
    for i, one in enumerate(table.strategies):
        worth = table.applicability[one.name]
        curves[one.name] = StrategyCurve(
            k={
                k: StrategyAtK(
                    problems=int(problems[j]),
                    **{name: _estimate(values[:, i, j]) for name, values in measures.items()},
                )
                for j, k in enumerate(table.ks)
            },
            top=one.top,
            problems=len(worth),
            applicable=worth.count(Applicability.APPLICABLE),
            abstained_missing=worth.count(Applicability.MISSING),
            abstained_narrow=worth.count(Applicability.NARROW),
        )
    return curves


def _comparison(one: Comparison) -> PairedComparison:
    return PairedComparison(
        a=one.a,
        b=one.b,
        k=one.k,
        problems=one.problems,
        applicable=one.applicable,
        fast_1=Fast1Comparison(
            difference=_estimate(one.difference),
            cohens_h=_number(one.effect),
            a_better=one.a_better,
            b_better=one.b_better,
            mcnemar_p=_number(one.discordant.p),
            mcnemar_p_holm=_number(one.discordant_holm),
        ),
        speedup=SpeedupComparison(
            ratio=_estimate(np.exp(one.log_ratio)),
            pairs=one.wilcoxon.pairs,
            wilcoxon_statistic=_number(one.wilcoxon.statistic),
            wilcoxon_p=_number(one.wilcoxon.p),
            wilcoxon_p_holm=_number(one.wilcoxon_holm),
        ),
    )


def _by_k(table: Study, bounds: Floats) -> dict[int, Estimate]:
    return {k: _estimate(bounds[:, j]) for j, k in enumerate(table.ks)}


def _estimate(bounds: Floats) -> Estimate:
    mean, low, high = (_number(value) for value in bounds.tolist())
    return Estimate(mean=mean, low=low, high=high)


def _number(value: float) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if math.isfinite(value) else None
