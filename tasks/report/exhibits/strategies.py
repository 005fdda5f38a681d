"""The strategies against each other: along k, and all of them at the deepest k."""

from __future__ import annotations

from tasks.report import paper
from tasks.report.curves import Interval
from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Table
from tasks.report.figures import strategy_bars, strategy_curves
from tasks.report.figures.style import leading, ordered
from tasks.report.formats import DASH, number, percent, points, span, times
from tasks.report.statistics import interval
from tasks.strategies.document import PairedComparison

_COLUMNS = (
    Column("strategy"),
    Column("times", True),
    Column("applies to", True),
    Column("fast_1", True),
    Column("95 % interval", True),
    Column("of oracle", True),
    Column("geomean", True),
    Column("95 % interval", True),
    Column("mean", True),
    Column("warned", True),
)
_PUBLISHED = (
    f"Diamonds: {paper.NAME} at K = {paper.DEEPEST}, another model and evaluator on a GPU, five "
    "problems and two seeds. Compare the order, not the level."
)
_COMPARED = (
    Column("pair"),
    Column("fast_1 apart", True),
    Column("95 % interval", True),
    Column("better : worse", True),
    Column("p, adjusted", True),
    Column("Cohen's h", True),
    Column("speed ratio", True),
    Column("95 % interval", True),
    Column("p, adjusted", True),
)


def curves(data: ReportData) -> Exhibit:
    """The first screen's figure: fast_1@k."""
    known = data.statistics.strategies
    return Exhibit(
        name="strategy-curves",
        title="Strategies by number of samples",
        notes=[
            "fast_1@k: share of problems on which the strategy's pick from k samples is correct "
            "and faster than the reference beyond measuring noise. The oracle times all (ceiling), "
            "…-top3 times three, the others none; random is the floor. Bands: 95 % intervals.",
        ],
        figure=leading(
            strategy_curves({name: known[name].fast_1 for name in ordered(list(known))}),
            {name: f"picks-{name}" for name in known},
        ),
        describes="Lines: share of problems where the strategy's pick is correct and faster, "
        "against the number of samples k; bands are 95 % intervals.",
        tables=[],
        query=data.sql("strategies"),
        empty="No verdicts yet, so no curve.",
    )


def strategies(data: ReportData) -> Exhibit:
    """All strategies at the deepest k, with the tests between them."""
    known = data.statistics
    k = known.deepest
    at = {name: end for name in ordered(list(known.strategies)) if (end := known.at(name, k))}
    published = paper.comparable(problem.key for problem in data.problems)
    timing = [name for name in at if name == "oracle" or known.strategies[name].top > 1]
    tables = []
    if at:
        tables.append(Table(_COLUMNS, [_row(data, name) for name in at], f"At k = {k}"))
    if known.comparisons:
        tables.append(
            Table(
                _COMPARED,
                [_compared(one) for one in known.comparisons],
                f"Paired by problem at k = {known.comparisons[0].k}. The p of a difference "
                "is for that difference: given the problems, by the exact law of the picks had "
                "the scores been random (of two scores: that they may change places), and over "
                "problems, by Student's t; adjusted for the choice among the rules with the same "
                "control. Adjusted it is below 5 % exactly where the interval leaves out 0. "
                "Speed: the same for log ratios where both picks are correct; its "
                "intervals know only the kinds of problems that are here. In words below.",
            )
        )
    return Exhibit(
        name="strategies",
        title=f"All strategies at k = {k}" if at else "All strategies",
        notes=[
            "The oracle times every correct draw and takes the fastest: the ceiling. A strategy "
            "named …-top3 times three and takes the fastest of them; its fair control is "
            "random-top3. The others time nothing before they choose; their control is random. "
            "Pale bars bought timings that the solid ones did without.",
            "A strategy applies to a problem when its scores exist and are not all the same. "
            "Geomean is of the picks' speedups where "
            "they are correct; the mean counts misses as 0. Warned: the share of problems "
            "whose pick is correct but carries a warning of the judge, the picks that a person "
            "should read; odd code is surprising code, so look whether surprisal has more of them.",
            "Intervals beside each other mostly show how much problems differ; whether two "
            "strategies differ is the paired table's business.",
            *([_PUBLISHED] if published else []),
        ],
        figure=leading(
            strategy_bars(at, k, timing, paper.STRATEGIES if published else None),
            {name: f"picks-{name}" for name in at},
        ),
        describes="Bars with 95 % intervals: fast_1 of every strategy at the deepest k.",
        tables=tables,
        query=data.sql("selections"),
        empty="No verdicts yet, so nothing to compare.",
        after=[one.sentence for one in known.comparisons],
    )


def _row(data: ReportData, name: str) -> tuple[str, ...]:
    known = data.statistics
    k, its = known.deepest, known.strategies[name]
    end, ceiling = its.fast_1[k], known.at("oracle", k)
    fast, mean = its.speedup_geomean.get(k), its.speedup_mean.get(k)
    return (
        name,
        "all" if name == "oracle" else str(its.top) if its.top > 1 else "none",
        f"{its.applicable} of {known.problems}",
        percent(end.mean),
        span(end.low, end.high) or DASH,
        percent(end.mean / ceiling.mean if ceiling and ceiling.mean else None),
        times(fast.mean if fast else None),
        (span(fast.low, fast.high, "times") if fast else "") or DASH,
        times(mean.mean if mean else None),
        percent(its.flagged.get(k)),
    )


def _compared(one: PairedComparison) -> tuple[str, ...]:
    gap, ratio = interval(one.fast_1.difference), interval(one.speedup.ratio)
    return (
        f"{one.a} − {one.b}",
        points(gap.mean if gap else None),
        _points_span(gap) or DASH,
        f"{one.fast_1.a_better} : {one.fast_1.b_better}",
        number(one.fast_1.p_holm, 3),
        number(one.fast_1.cohens_h),
        times(ratio.mean if ratio else None),
        (span(ratio.low, ratio.high, "times") if ratio else "") or DASH,
        number(one.speedup.p_holm, 3),
    )


def _points_span(gap: Interval | None) -> str:
    if gap is None or gap.low is None or gap.high is None:
        return ""
    return f"{gap.low * 100:+.0f} to {gap.high * 100:+.0f}".replace("-", "−")
