"""From runs in the lake to the comparison of their arms."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from storage import Lake
from tasks.adapt.units import BASE_ARM
from tasks.errors import RequestError
from tasks.frontier.anchors import shifts_of
from tasks.frontier.boa import arm_boa, null_band
from tasks.frontier.compare import Compared, against_placebos, family
from tasks.frontier.curves import pooled_curve, split_curve
from tasks.frontier.document import (
    ArmFrontier,
    Boa,
    Comparison,
    Curve,
    EquivalentDraws,
    FrontierDocument,
    GuardAnswer,
    Interval,
    Price,
    PriceBox,
    Secondary,
    Split,
    interval,
    known,
)
from tasks.frontier.guards import Guard, Shift, anchor_guard, stage_guard, stages_agree
from tasks.frontier.load import load_runs
from tasks.frontier.price import Prices, Worth, default_prices, priced, worth
from tasks.frontier.stages import Run
from tasks.frontier.study import Study
from tasks.frontier.verdict import Shown, shown, stopped
from tasks.frontier.words import Told, arm_sentence, study_sentence
from tasks.statistics import (
    Estimate,
    bootstrap_mean,
    equivalent_k_interval,
    needed_at_least,
    rate_interval,
)
from tasks.statistics.arrays import Floats

NOTHING = "no verdict: no draw has a verdict yet"
NOT_FRESH = "no draws were made to confirm it (--confirm)"


def frontier(
    lake: Lake,
    run_ids: Sequence[str],
    prices: Prices | None = None,
    tested_at: Sequence[int] | None = None,
) -> FrontierDocument:
    """The comparison of all arms of these runs.

    tested_at: rollouts of one problem at which arms are tested; by default the whole budget.
    Raises what `load_runs` does, and RequestError for a budget that was not drawn, and for prices
    of what nobody has counted.
    """
    runs = load_runs(lake, run_ids)
    shifts = [one for run in runs for one in shifts_of(lake, run.run_id)]
    return study_document(Study(tuple(runs)), shifts, prices, tested_at)


def study_document(
    study: Study,
    shifts: Sequence[Shift] = (),
    prices: Prices | None = None,
    tested_at: Sequence[int] | None = None,
) -> FrontierDocument:
    """The same of a study in memory."""
    prices = prices or default_prices()
    _check_known(study, prices)
    budgets = _tested(study, tested_at)
    guards = {
        "stages": stage_guard([stages_agree(run) for run in study.runs]),
        "anchors": anchor_guard(shifts),
    }
    tests = family(study.arms, study.budgets, budgets) if study.units else {}
    placebo_tests = against_placebos(study.arms, study.budgets, budgets) if study.units else {}
    found = _findings(study, tests, placebo_tests, guards)
    worths = {name: _worths(study, name, prices) for name in tests}
    told = Told(
        unit=study.first.unit,
        units=len(study.units),
        problems=len(set().union(*study.units)) if study.units else 0,
        family=sum(len(tests[name]) for name in study.contenders) if tests else 0,
        unjudged={run.run_id: run.unjudged for run in study.runs},
        guards=guards,
        prices=prices,
        worths=worths,
        placebo_gains={
            name: {(one.endpoint, one.budget): one for one in tests[name]}
            for name in study.placebos
            if name in tests
        },
    )
    equivalent = _equivalent(study)
    null = _null(study.runs)

    def arm(name: str) -> ArmFrontier:
        own = study.arms[name]
        comparisons = [_comparison(BASE_ARM, one) for one in tests.get(name, ())]
        for placebo, ones in placebo_tests.get(name, {}).items():
            comparisons += [_comparison(placebo, one) for one in ones]
        fast_1, delivered = _success(own.success), _speedup(own.gain)
        return ArmFrontier(
            arm=name,
            budget=study.whole * told.problems // max(1, _batches(study)),
            rollouts=own.rollouts,
            fast_1=fast_1[-1],
            delivered_speedup=delivered[-1],
            boa=_boa(study.runs, name, null),
            equivalent_k=equivalent[name],
            comparisons=comparisons,
            price={end: _price(one) for end, one in worths[name].items()}
            if name in worths
            else None,
            curve=Curve(
                rollouts_per_problem=study.budgets.tolist(),
                fast_1=fast_1,
                delivered_speedup=delivered,
                cost={
                    kind: values.tolist()
                    for kind, values in own.costs.items()
                    if np.isfinite(values).all()
                }
                | {"price": priced(own.costs, prices.middle).tolist()},
            ),
            splits=_splits(study, name),
            finding=found[name].finding.value if name in found else None,
            verdict=arm_sentence(name, found[name], told)
            if name in found
            else "what the others are compared with",
        )

    return FrontierDocument(
        runs=[run.run_id for run in study.runs],
        unit=study.first.unit,
        units=len(study.units),
        problems=told.problems,
        group=study.first.group,
        steps=min(run.last for run in study.runs),
        tested_at=budgets,
        family=told.family,
        guards={
            name: GuardAnswer(passed=one.passed, detail=one.detail) for name, one in guards.items()
        },
        prices=PriceBox(currency=prices.currency, low=dict(prices.low), high=dict(prices.high)),
        arms={name: arm(name) if study.units else _undrawn(name) for name in study.first.arms},
        placebos=study.placebos,
        verdict=study_sentence(found, told) if study.units else NOTHING,
    )


def _check_known(study: Study, prices: Prices) -> None:
    unknown = [run.run_id for run in study.runs if run.parameters is None]
    if "flops" in prices.low and unknown:
        raise RequestError(
            f"run {unknown[0]!r} does not know its model's parameters, so that a flop has no count "
            "there; price tokens or seconds in its place"
        )


def _undrawn(name: str) -> ArmFrontier:
    """Of a run without a verdict."""
    nothing = Interval(mean=None, low=None, high=None)
    return ArmFrontier(
        arm=name,
        budget=0,
        rollouts=0,
        fast_1=nothing,
        delivered_speedup=nothing,
        boa=Boa(naive=None, cross_fitted=None, why_not_fresh=NOT_FRESH, null=nothing),
        equivalent_k=EquivalentDraws(mean=None, low=None, high=None, censored=None),
        comparisons=[],
        price=None,
        curve=Curve(rollouts_per_problem=[], fast_1=[], delivered_speedup=[], cost={}),
        splits=[],
        finding=None,
        verdict=NOTHING,
    )


def _tested(study: Study, asked: Sequence[int] | None) -> list[int]:
    if asked is None:
        return [study.whole]
    held = set(study.budgets.tolist())
    for one in asked:
        if one not in held:
            raise RequestError(
                f"{one} rollouts of a problem cannot be tested at; take the end of a stage, a "
                f"multiple of {study.first.group} up to {study.whole}"
            )
    return sorted(set(asked))


def _batches(study: Study) -> int:
    """A batch is one run's budget; problems of several batches are several."""
    return len(study.units) if study.first.unit == "batch" else 1


def _findings(
    study: Study,
    tests: dict[str, list[Compared]],
    placebo_tests: dict[str, dict[str, list[Compared]]],
    guards: dict[str, Guard],
) -> dict[str, Shown]:
    stop = stopped(sum(run.unjudged for run in study.runs), list(guards.values()))
    return {
        name: shown(
            tests[name],
            placebo_tests.get(name, {}),
            control=name in study.placebos,
            stop=stop,
        )
        for name in tests
    }


def _worths(study: Study, name: str, prices: Prices) -> dict[str, Worth]:
    own, base = study.arms[name], study.arms[BASE_ARM]

    def of(values: Floats, base_values: Floats) -> Worth:
        return worth(values.mean(axis=0), own.costs, base_values.mean(axis=0), base.costs, prices)

    return {
        "fast_1": of(own.success, base.success),
        "delivered_speedup": of(own.gain, base.gain),
    }


def _success(values: Floats) -> list[Interval]:
    """Of every budget."""
    return [interval(Estimate(*column)) for column in rate_interval(values).T.tolist()]


def _speedup(gains: Floats) -> list[Interval]:
    return [
        interval(Estimate(*map(math.exp, column))) for column in bootstrap_mean(gains).T.tolist()
    ]


def _splits(study: Study, name: str) -> list[Split]:
    tail, budgets = study.first.tail, study.split_budgets
    if not tail or name == BASE_ARM:
        return []
    size = len(budgets)
    own = study.by_unit(lambda r, p: split_curve(r.arms[name][p], r.group, tail)[:size])
    base = study.by_unit(lambda r, p: pooled_curve(r.arms[BASE_ARM][p], budgets))
    ends = zip(budgets.tolist(), _success(own), _success(base), strict=True)
    return [
        Split(steps=s, rollouts_per_problem=budget, fast_1=one, best_of_n=other)
        for s, (budget, one, other) in enumerate(ends)
    ]


def _equivalent(study: Study) -> dict[str, EquivalentDraws]:
    if not study.units:
        return {}
    names = list(study.arms)
    targets = np.stack([study.arms[name].success[:, -1] for name in names], axis=1)
    found = equivalent_k_interval(study.budgets, study.arms[BASE_ARM].success, targets)
    return {
        name: EquivalentDraws(
            mean=known(one.value.k),
            low=None if one.low is None else known(one.low.k),
            high=None if one.high is None else known(one.high.k),
            censored=one.value.censored,
            low_censored=one.low and one.low.censored,
            high_censored=one.high and one.high.censored,
        )
        for name, one in zip(names, found, strict=True)
    }


def _null(runs: Sequence[Run]) -> Interval:
    """The mean of the runs' bands."""
    bands = [band for run in runs if (band := null_band(run)) is not None]
    if len(bands) < len(runs):
        return Interval(mean=None, low=None, high=None)
    ends = np.mean([(one.mean, one.low, one.high) for one in bands], axis=0)
    return interval(Estimate(*ends.tolist()))


def _boa(runs: Sequence[Run], arm: str, null: Interval) -> Boa:
    found = [arm_boa(run, arm) for run in runs]

    def mean(what: str) -> float | None:
        values = [None if one is None else getattr(one, what) for one in found]
        return (
            None if None in values else known(float(np.mean([v for v in values if v is not None])))
        )

    fresh = mean("fresh")
    return Boa(
        naive=mean("naive"),
        cross_fitted=mean("cross_fitted"),
        fresh=fresh,
        why_not_fresh=NOT_FRESH if fresh is None else None,
        null=null,
    )


def _comparison(against: str, one: Compared) -> Comparison:
    seen = one.seen
    test, second = one.secondary
    ends = (seen.mean, seen.low, seen.high)
    if one.endpoint == "delivered_speedup":
        ends = (math.exp(ends[0]), math.exp(ends[1]), math.exp(ends[2]))
    return Comparison(
        against=against,
        endpoint=one.endpoint,
        rollouts_per_problem=one.budget,
        difference=interval(Estimate(*ends)),
        p=known(seen.p),
        p_holm=known(one.p_holm),
        units=seen.problems,
        informative=seen.informative,
        units_needed=one.needed,
        units_needed_at_least=needed_at_least(one.needed, seen),
        secondary=Secondary(
            test=test, pairs=second.pairs, p=known(second.p) if one.offered else None
        ),
    )


def _price(one: Worth) -> Price:
    return Price(
        wins=one.wins, low=known(one.low), high=known(one.high), break_even=dict(one.break_even)
    )
