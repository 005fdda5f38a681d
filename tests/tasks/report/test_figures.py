"""Each figure: drawn from rows that say something, absent where there is nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage import Lake
from tasks.report import figures
from tasks.report.curves import Interval
from tasks.report.data import ReportData, gather
from tasks.report.figures.style import keys, line_of, ordered, speedup_ticks
from tasks.report.statistics import statistics_of


@pytest.fixture(scope="module")
def data(demo: Lake) -> ReportData:
    return gather(demo, ["demo"], statistics_of(demo, ["demo"]))


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
    figure = figures.strategy_bars(ends, 8, ["oracle"])
    assert figure is not None
    bar = figure.data[0]
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
