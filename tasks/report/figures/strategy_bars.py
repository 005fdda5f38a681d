"""The strategies beside each other at one number of samples."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import plotly.graph_objects as go

from tasks.report.curves import Interval
from tasks.report.figures.style import SHARES, dressed, faint, line_of, ordered


def strategy_bars(
    fast_1: Mapping[str, Interval],
    k: int,
    timing: Collection[str],
    published: Mapping[str, float] | None = None,
) -> go.Figure | None:
    """fast_1@k by strategy with 95 % intervals, the best on top.

    Strategies that choose without timing are filled; those in `timing` time kernels before
    they choose (the oracle, and the best of three) and are outlined: they bought more evaluations.
    `published` values are diamonds.
    """
    if not fast_1:
        return None
    usual = ordered(list(fast_1))
    names = sorted(fast_1, key=lambda name: (round(fast_1[name].mean, 9), -usual.index(name)))
    lines = [line_of(name, sorted(fast_1)) for name in names]
    timed = [name in timing for name in names]
    ends = [fast_1[name] for name in names]
    figure = go.Figure(
        go.Bar(
            x=[end.mean for end in ends],
            y=names,
            orientation="h",
            marker={
                "color": [
                    faint(line.colour, 0.25) if outlined else line.colour
                    for line, outlined in zip(lines, timed, strict=True)
                ],
                "line": {"color": [line.colour for line in lines], "width": 1.5},
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [(e.high if e.high is not None else e.mean) - e.mean for e in ends],
                "arrayminus": [e.mean - (e.low if e.low is not None else e.mean) for e in ends],
                "color": "#868c95",
                "thickness": 1.4,
                "width": 4,
            },
            hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        )
    )
    if published:
        its = [name for name in names if name in published]
        figure.add_trace(
            go.Scatter(
                x=[published[name] for name in its],
                y=its,
                name="paper, K = 64",
                mode="markers",
                marker={"symbol": "diamond-open", "size": 9, "color": "#868c95"},
                hovertemplate="%{y}, paper at K = 64: %{x:.0%}<extra></extra>",
            )
        )
    return dressed(
        figure,
        {"title": f"fast_1@{k}", **SHARES},
        height=80 + 38 * len(names),
        bargap=0.35,
    )
