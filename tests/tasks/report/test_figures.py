"""Each figure: drawn from rows that say something, absent where there is nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage import Lake
from tasks.report import figures
from tasks.report.curves import Interval
from tasks.report.data import ReportData, gather
from tasks.report.figures.style import keys, leading, line_of, ordered, speedup_ticks
from tasks.report.rows import ByRunRow


@pytest.fixture(scope="module")
def data(demo: Lake) -> ReportData:
    return gather(demo, ["demo"])


def test_curves_carry_means_and_bands(data: ReportData) -> None:
    known = data.statistics.strategies
    figure = figures.strategy_curves({name: one.fast_1 for name, one in known.items()})
    assert figure is not None
    named = {trace.name: trace for trace in figure.data if trace.name}
    assert set(named) == set(known)
    oracle = known["oracle"].fast_1
    assert list(named["oracle"].x) == sorted(oracle)
    assert list(named["oracle"].y) == [oracle[k].mean for k in sorted(oracle)]
    bands = [trace for trace in figure.data if not trace.name]
    assert len(bands) == 3
    assert len(keys(figure)) == len(known)


def test_bars_have_the_best_on_top_and_asymmetric_intervals() -> None:
    ends = {
        "random": Interval(0.4, 0.2, 0.5),
        "oracle": Interval(0.9, 0.7, 1.0),
        "surprisal": Interval(0.9, None, None),
    }
    figure = figures.strategy_bars(ends, 8, ["oracle"], {"random": 0.59, "other": 0.1})
    assert figure is not None
    bar, published = figure.data
    assert (list(published.y), list(published.x)) == (["random"], [0.59])
    assert list(bar.y) == ["random", "surprisal", "oracle"]
    assert list(bar.error_x.array) == pytest.approx([0.1, 0.0, 0.1])
    assert list(bar.error_x.arrayminus) == pytest.approx([0.2, 0.0, 0.2])


def test_status_shares_fill_each_bar(data: ReportData) -> None:
    figure = figures.status(data.statuses, data.problems)
    assert figure is not None
    total: dict[str, float] = {}
    for trace in figure.data:
        for label, share in zip(trace.y, trace.x, strict=True):
            total[label] = total.get(label, 0.0) + share
    assert len(total) == len(data.problems)
    assert list(total.values()) == pytest.approx([1.0] * len(total))


def test_speedups_stand_inside_their_intervals_and_below_their_bound(data: ReportData) -> None:
    figure = figures.speedups(data.problems)
    assert figure is not None
    best, bound = (trace for trace in figure.data if trace.name)
    assert all(low > 0 for low in best.error_x.arrayminus)
    # The synthetic bound is a sixth of the reference.
    assert list(bound.x) == pytest.approx([6.0] * len(data.problems))


def test_nothing_in_nothing_out(data: ReportData) -> None:
    bare = [replace(row, speedup=None, spread=None) for row in data.problems]
    assert figures.strategy_curves({}) is None
    assert figures.strategy_curves({"oracle": {}}) is None
    assert figures.strategy_bars({}, 1, []) is None
    assert figures.scaling({"pass@k": {}, "fast_1@k": {}}) is None
    assert figures.speedups(bare) is None
    assert figures.spread(bare, 0.15) is None
    assert figures.status([], []) is None
    assert figures.surprisal([], {}) is None
    assert figures.quartiles([]) is None
    assert figures.budget({}, "tokens") is None
    assert figures.budget({"oracle": []}, "tokens") is None
    assert figures.fast_p([], [1]) is None
    assert figures.by_run([], "oracle") is None
    assert figures.cost([replace(row, seconds=None) for row in data.costs]) is None


def test_registered_strategies_get_lines_of_their_own() -> None:
    names = ["mine", "oracle", "yours"]
    lines = {name: line_of(name, names) for name in names}
    assert len({line.colour for line in lines.values()}) == 3
    assert ordered(names) == ["oracle", "mine", "yours"]


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.1), (0.3, 4.4), (0.01, 900.0), (1.0, 1.0)])
def test_speedup_ticks_are_plain_factors(low: float, high: float) -> None:
    ticks = speedup_ticks(low, high)
    assert 1 <= len(ticks["tickvals"]) <= 16
    assert all(text.endswith("×") for text in ticks["ticktext"])


def test_a_budgets_line_keeps_the_order_of_k_and_its_ticks_are_plain() -> None:
    end = Interval(0.5, 0.2, 0.8)
    points = [figures.Spent(cost, end, f"k = {k}") for k, cost in ((1, 1.0), (2, 4.0), (4, 2.0))]
    figure = figures.budget({"random": [*points, figures.Spent(0.0, end, "free")]}, "evaluations")
    assert figure is not None
    assert list(figure.data[0].x) == [1.0, 4.0, 2.0]
    assert list(figure.layout.xaxis.ticktext) == ["1", "2", "4"]
    uneven = figures.budget({"random": [figures.Spent(3.7, end, "k = 1")]}, "tokens")
    assert uneven is not None
    assert list(uneven.layout.xaxis.tickvals) == [3.7]


def test_published_curves_are_dotted_and_end_with_ours() -> None:
    ours = {"fast_1@k": {1: Interval(0.2, 0.1, 0.3), 4: Interval(0.4, 0.2, 0.6)}}
    figure = figures.scaling(ours, {"theirs": {1: 0.5, 2: 0.6, 4: 0.7, 8: 0.8}})
    assert figure is not None
    dotted = figure.data[-1]
    assert (dotted.name, list(dotted.x), dotted.line.dash) == ("theirs", [1, 2, 4], "dot")
    assert keys(figure)[-1].shape == "dotted"


def test_runs_have_a_line_each() -> None:
    rows = [
        ByRunRow(run, strategy, k, value, 1.0, 5)
        for run, value in (("a", 0.2), ("b", 0.4))
        for strategy in ("oracle", "random")
        for k in (1, 2)
    ]
    figure = figures.by_run(rows, "oracle")
    assert figure is not None
    assert {trace.name: list(trace.y) for trace in figure.data} == {
        "a": [0.2, 0.2],
        "b": [0.4, 0.4],
    }


def test_marks_know_where_they_lead(data: ReportData) -> None:
    figure = leading(figures.spread(data.problems, 0.15), data.targets)
    assert figure is not None
    assert set(figure.data[0].y) == set(figure.layout.meta["targets"])
    assert leading(None, {}) is None
