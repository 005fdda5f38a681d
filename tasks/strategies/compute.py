"""From the draws of one run or more to the document of their strategies."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from storage import Lake
from tasks.statistics import (
    Correlation,
    EquivalentK,
    EquivalentKInterval,
    PairedDifference,
    Resampling,
    bootstrap_mean,
    equivalent_k_interval,
    median_interval,
    needed_at_least,
    rate_interval,
)
from tasks.statistics.arrays import Floats
from tasks.strategies.association import Association, associate
from tasks.strategies.base import LEAST_SPREAD, Applicability, Draws, Strategy, strategies
from tasks.strategies.batch import batches
from tasks.strategies.compare import Comparison, compare
from tasks.strategies.document import (
    AssociationOut,
    Compared,
    CorrelationOut,
    EquivalentSamples,
    Estimate,
    Fast1Comparison,
    LeftOut,
    PairedComparison,
    ProblemSpread,
    Quartile,
    SpeedupComparison,
    StrategiesDocument,
    StrategyAtK,
    StrategyCurve,
)
from tasks.strategies.expression import ScoreExpression, scored
from tasks.strategies.load import load_draws
from tasks.strategies.reach import Reach, reach
from tasks.strategies.study import COSTS, Study, check_ks, study
from tasks.strategies.words import (
    association_in_words,
    comparison_in_words,
    left_out_in_words,
    no_mcnemar,
    no_wilcoxon,
    reason,
)


def strategies_document(
    lake: Lake,
    run_ids: Sequence[str],
    ks: Sequence[int] | None = None,
    seed: int = 0,
    *,
    exploratory: bool = False,
    scores: Sequence[ScoreExpression] = (),
) -> StrategiesDocument:
    """The registered strategies over these runs, exactly, with intervals and paired tests.

    The runs are seeds of one study: each problem's values are averaged over them first, then the
    problem is the unit. `ks` defaults to the powers of two up to the most draws of any problem;
    `seed` fixes the intervals. `exploratory` adds the strategies beyond those that every report
    compares, `scores` the user's own.

    A run without a verdict gives a document of no problems. Raises RequestError for no run, k < 1
    or a score that is no expression, and storage's RunUnknownError, naming the known runs.
    """
    names = list(dict.fromkeys(run_ids))
    chosen = (*strategies(exploratory=exploratory), *scored(scores))
    needs = [need for one in chosen for need in one.needs]
    draws = load_draws(lake, names, needs=needs, scores=scores)
    return document_of(names, draws, chosen, ks, Resampling(seed=seed))


def document_of(
    names: Sequence[str],
    draws: Sequence[Draws],
    chosen: Sequence[Strategy],
    ks: Sequence[int] | None,
    how: Resampling,
) -> StrategiesDocument:
    """The same from draws at hand. Raises RequestError for k < 1."""
    budgets = check_ks(ks, max((one.n for one in draws), default=0))
    part = reach(draws, budgets)
    table = study(part.kept, part.ks or None, chosen)
    everything = len({one.problem for one in draws})
    return StrategiesDocument(
        runs=list(names),
        problems=everything,
        samples=sum(one.n for one in draws),
        ks=list(budgets),
        compared=_compared(part, budgets, everything),
        least_spread=LEAST_SPREAD,
        strategies=_curves(table, how, budgets),
        pass_at_k=_by_k(table, rate_interval(table.pass_at_k, how), budgets),
        fast_1_at_k=_by_k(table, rate_interval(table.fast_1_at_k, how), budgets),
        fast_1_gain=_gains(table, how),
        fast_1_at_k_at_most=dict.fromkeys(budgets)
        | {
            k: _number(float(mean))
            for k, mean in zip(table.ks, _means(table.fast_1_at_k_at_most), strict=True)
        },
        spread=_spread(draws),
        comparisons=[_comparison(one) for one in compare(table, how)],
        association=_association(associate(draws)),
    )


def _compared(part: Reach, budgets: Sequence[int], problems: int) -> Compared:
    untimed = {one.problem for one in part.kept if (one.correct & np.isnan(one.speedup)).any()}
    return Compared(
        k=part.k,
        problems=len({one.problem for one in part.kept}) if part.k else 0,
        left_out=[
            LeftOut(
                run_id=one.run_id,
                suite=one.suite,
                level=one.level,
                problem_id=one.problem_id,
                draws=one.n,
            )
            for one in part.left_out
        ],
        untimed=len(untimed),
        sentence=left_out_in_words(part, budgets, problems),
    )


def _spread(draws: Sequence[Draws]) -> list[ProblemSpread]:
    """Of all problems, compared or not; runs averaged."""
    found: dict[tuple[str, int, int], list[float]] = {}
    for _, alike in batches(draws):
        for one, its in zip(alike.draws, alike.spread.tolist(), strict=True):
            found.setdefault(one.problem, []).append(its)
    spread = []
    for (suite, level, problem_id), stds in sorted(found.items()):
        known = [std for std in stds if not math.isnan(std)]
        std = math.fsum(known) / len(known) if known else math.nan
        spread.append(
            ProblemSpread(
                suite=suite,
                level=level,
                problem_id=problem_id,
                logprob_std=_number(std),
                applicable=std > 0,
            )
        )
    return spread


def _curves(table: Study, how: Resampling, budgets: Sequence[int]) -> dict[str, StrategyCurve]:
    names = [one.name for one in table.strategies]
    problems = (~np.isnan(table.pass_at_k)).sum(axis=0)

    def columns(measure: str) -> Floats:
        return np.hstack([table.values[measure][name] for name in names])

    def shaped(bounds: Floats) -> Floats:
        return bounds.reshape(3, len(names), len(table.ks))

    log_speedup = columns("log_speedup_mean")
    # P(the pick is correct) is pass@k whatever the strategy: one interval for all.
    success = rate_interval(table.values["success"][names[0]], how)
    measures = {
        "fast_1": shaped(rate_interval(columns("fast_1"), how)),
        "success": np.repeat(success[:, None, :], len(names), axis=1),
        "speedup_geomean": np.exp(shaped(bootstrap_mean(log_speedup, how))),
        "speedup_median": np.exp(shaped(median_interval(log_speedup, how.level))),
        "speedup_mean": shaped(bootstrap_mean(columns("speedup_mean"), how)),
    }
    costs = {name: _whole_means(columns(name)).reshape(len(names), -1) for name in COSTS}
    tokens = _whole_means(table.completion_tokens[:, None])
    equivalents = _equivalents(table, how)
    found = {}
    for i, one in enumerate(table.strategies):
        worth = table.applicability[one.name]
        tied, missing = worth.count(Applicability.TIED), worth.count(Applicability.MISSING)
        found[one.name] = StrategyCurve(
            k=dict.fromkeys(budgets, NOTHING)
            | {
                k: StrategyAtK(
                    problems=int(problems[j]),
                    **{name: _estimate(values[:, i, j]) for name, values in measures.items()},
                    **{name: _number(float(values[i, j])) for name, values in costs.items()},
                    tokens=_number(float(tokens[0]) * k) if problems[j] else None,
                )
                for j, k in enumerate(table.ks)
            },
            top=one.top,
            problems=len(worth),
            applicable=worth.count(Applicability.APPLICABLE),
            abstained_missing=missing,
            abstained_narrow=None,
            abstained_tied=tied,
            abstains=reason(one, missing, tied, len(worth)),
            exploratory=one.exploratory,
            saturation_k=saturation_k(table.ks, measures["fast_1"][0, i], table.deepest),
            equivalent_k=equivalents.get(one.name),
            spent=_spent(table, one, how),
            spent_seconds=_spent_seconds(table, one),
        )
    return found


SATURATED = 0.01
"""Less than one percentage point to gain."""


def saturation_k(ks: Sequence[int], curve: Floats, deepest: int) -> int | None:
    """The least budget within `SATURATED` of every larger one up to `deepest`.

    None if only `deepest` itself is, since nothing larger was tried; and for fewer than two
    budgets.
    """
    known = [(k, float(value)) for k, value in zip(ks, curve, strict=True) if k <= deepest]
    for at, (k, value) in enumerate(known[:-1]):
        if all(abs(later - value) < SATURATED for _, later in known[at + 1 :]):
            return k
    return None


def _equivalents(table: Study, how: Resampling) -> dict[str, EquivalentSamples]:
    if not table.problems:
        return {}
    at = table.ks.index(table.deepest)
    names = [one.name for one in table.strategies]
    targets = np.stack([table.values["fast_1"][name][:, at] for name in names], axis=1)
    shared = slice(0, at + 1)  # up to there one denominator for all
    found = equivalent_k_interval(table.ks[shared], table.fast_1_at_k[:, shared], targets, how)
    return {name: _equivalent(one, table.deepest) for name, one in zip(names, found, strict=True)}


def _equivalent(one: EquivalentKInterval, at: int) -> EquivalentSamples:
    def end(value: EquivalentK | None) -> tuple[float | None, str | None]:
        return (None, None) if value is None else (_number(value.k), value.censored)

    (k, side), (low, low_side), (high, high_side) = map(end, (one.value, one.low, one.high))
    return EquivalentSamples(
        at=at,
        k=k,
        censored=side,
        low=low,
        low_censored=low_side,
        high=high,
        high_censored=high_side,
    )


def _spent(table: Study, one: Strategy, how: Resampling) -> dict[int, Estimate]:
    if one.name not in table.spent:
        return {}
    bounds = rate_interval(table.spent[one.name], how)
    return {e: _estimate(bounds[:, j]) for j, e in enumerate(table.spent_ks)}


def _spent_seconds(table: Study, one: Strategy) -> dict[int, float | None]:
    if one.name not in table.spent_seconds:
        return {}
    means = _whole_means(table.spent_seconds[one.name])
    return {e: _number(float(means[j])) for j, e in enumerate(table.spent_ks)}


def _whole_means(values: Floats) -> Floats:
    """Over problems; NaN where one is, since a cost is of the same problems as what it buys."""
    return values.mean(axis=0) if len(values) else np.full(values.shape[1:], np.nan)


def _means(values: Floats) -> Floats:
    """Over problems, NaN left out."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def _association(found: Association) -> AssociationOut:
    def out(one: Correlation) -> CorrelationOut:
        return CorrelationOut(
            rho=_number(one.rho), p=_number(one.p), draws=one.draws, problems=one.problems
        )

    return AssociationOut(
        surprisal_speedup=out(found.surprisal_speedup),
        surprisal_speedup_low=_number(found.surprisal_speedup_interval[0]),
        surprisal_speedup_high=_number(found.surprisal_speedup_interval[1]),
        surprisal_speedup_given_length=out(found.surprisal_speedup_given_length),
        length_speedup=out(found.length_speedup),
        quartiles=[
            Quartile(
                quartile=row.quartile,
                draws=row.draws,
                fast_1=_number(row.fast_1),
                speedup_geomean=_number(row.speedup_geomean),
                speedup_mean=_number(row.speedup_mean),
                tokens=_number(row.tokens),
            )
            for row in found.quartiles
        ],
        verdict=found.verdict.value,
        length=found.length.value,
        sentence=association_in_words(found),
    )


def _comparison(one: Comparison) -> PairedComparison:
    return PairedComparison(
        a=one.a,
        b=one.b,
        k=one.k,
        problems=one.problems,
        applicable=one.applicable,
        fast_1=Fast1Comparison(
            difference=_paired(one.difference),
            difference_at_most=_paired(one.difference_at_most),
            cohens_h=_number(one.effect),
            a_better=one.a_better,
            b_better=one.b_better,
            p=_number(one.difference.p),
            p_holm=_number(one.p_holm),
            rules=one.rules,
            mcnemar_p=_number(one.mcnemar.p),
            mcnemar_p_holm=_number(one.mcnemar_holm),
            no_mcnemar=no_mcnemar(one),
            test=one.test,
            problems_needed=one.needed,
            problems_needed_at_least=needed_at_least(one.needed, one.difference),
        ),
        speedup=SpeedupComparison(
            ratio=_estimate(np.exp([one.log_ratio.mean, one.log_ratio.low, one.log_ratio.high])),
            p=_number(one.log_ratio.p),
            p_holm=_number(one.log_p_holm),
            pairs=one.wilcoxon.pairs,
            wilcoxon_statistic=_number(one.wilcoxon.statistic),
            wilcoxon_p=_number(one.wilcoxon.p),
            wilcoxon_p_holm=_number(one.wilcoxon_holm),
            no_wilcoxon=no_wilcoxon(one),
        ),
        exploratory=one.exploratory,
        verdict=one.verdict.value,
        sentence=comparison_in_words(one),
    )


def _paired(one: PairedDifference) -> Estimate:
    return Estimate(mean=_number(one.mean), low=_number(one.low), high=_number(one.high))


def _by_k(table: Study, bounds: Floats, budgets: Sequence[int]) -> dict[int, Estimate]:
    found = {k: _estimate(bounds[:, j]) for j, k in enumerate(table.ks)}
    return dict.fromkeys(budgets, UNDEFINED) | found


UNDEFINED = Estimate(mean=None, low=None, high=None)
NOTHING = StrategyAtK(
    problems=0,
    fast_1=UNDEFINED,
    fast_1_at_most=None,
    success=UNDEFINED,
    speedup_geomean=UNDEFINED,
    speedup_median=UNDEFINED,
    speedup_mean=UNDEFINED,
    flagged=None,
    evaluations=None,
    judge_seconds=None,
    tokens=None,
)
"""Beyond what is compared."""


def _gains(table: Study, how: Resampling) -> dict[int, Estimate]:
    # One denominator at every k, so that no problem's own curve falls.
    gains = np.maximum(np.diff(table.fast_1_at_k, axis=1), 0.0)
    bounds = rate_interval(gains, how)
    if not len(table.problems):
        return {}
    return {k: _estimate(bounds[:, j]) for j, k in enumerate(table.ks[1:])}


def _estimate(bounds: Floats) -> Estimate:
    mean, low, high = (_number(value) for value in bounds.tolist())
    return Estimate(mean=mean, low=low, high=high)


def _number(value: float) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if math.isfinite(value) else None
